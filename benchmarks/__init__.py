"""Measurements of the figures that the project promises."""
