"""Pin names as chips' makers write them, and the numbers that firmware wants."""

from __future__ import annotations

import re

from tinysine.errors import ConfigError

_NORDIC = re.compile(r"P(\d)\.(\d\d)")  # P1.03: port, bit; 32 bits a port
_ST = re.compile(r"P([A-K])(\d{1,2})")  # PA9: port letter, bit; 16 bits a port
_PLAIN = re.compile(r"\d{1,3}")  # 48: one row of pads


def pin_number(pin: str) -> int:
    """The number of a pin, counting through all ports of its chip.

    P1.03 is 35, PA9 is 9, PB7 is 23, 48 is 48.

    Raises:
        ConfigError: a name in none of these forms, or a bit that a port does not have.
    """
    if match := _NORDIC.fullmatch(pin):
        port, bit, width = int(match[1]), int(match[2]), 32
    elif match := _ST.fullmatch(pin):
        port, bit, width = ord(match[1]) - ord("A"), int(match[2]), 16
    elif _PLAIN.fullmatch(pin):
        return int(pin)
    else:
        raise ConfigError(f"{pin!r} is not a pin", hint="written as P1.03, PA9 or 48", key=pin)
    if bit >= width:
        raise ConfigError(f"{pin!r} is not a pin: a port has {width} bits", key=pin)
    return port * width + bit
