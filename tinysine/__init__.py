"""tinysine: hardware-in-the-loop testing of TinyML."""

__version__ = "0.1.0"
