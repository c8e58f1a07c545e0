"""Boards on a bench: the file that says which, what answers where, and the night that tests them all."""
