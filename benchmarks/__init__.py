"""What the project promises, measured."""
