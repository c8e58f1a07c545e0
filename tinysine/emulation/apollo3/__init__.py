"""The Apollo3 on a SparkFun Edge, as its boot loaders leave it."""

from tinysine.emulation.apollo3.chip import Apollo3

__all__ = ["Apollo3"]
