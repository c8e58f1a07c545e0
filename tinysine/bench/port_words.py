"""Words that stand where a port is asked for."""

ANY_PORT = "auto"
"""The one board of its kind that is attached."""

TWIN = "twin"
"""None: the board's twin."""
