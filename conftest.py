"""Nothing is opened at import: the fixtures live in tinysine.pytest_plugin."""
