"""Boards of a labgrid farm: a place is reserved, acquired, watched while it is used, and released whatever happens."""
