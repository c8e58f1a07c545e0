"""Pin names as chips' makers write them, which of them a chip has, and the numbers that firmware wants."""

from __future__ import annotations

import re
from string import ascii_uppercase

from tinysine.errors import ConfigError

_NORDIC = re.compile(r"P([0-9])\.([0-9]{2})")  # P1.03: port, bit; 32 bits a port
_ST = re.compile(r"P([A-K])([0-9]{1,2})")  # PA9: port letter, bit; 16 bits a port
_PLAIN = re.compile(r"[0-9]{1,3}")  # 48: one row of pads
_WIDTHS = {_NORDIC: 32, _ST: 16, _PLAIN: 1000}

# How many pins the ports of a chip have, first port first (their data sheets). A
# chip that is not here is taken at its word.
_PORTS: dict[str, tuple[re.Pattern[str], tuple[int, ...]]] = {
    "nrf51822": (_NORDIC, (31,)),
    "nrf52840": (_NORDIC, (32, 16)),
    "stm32f746": (_ST, (16,) * 10 + (8,)),
    "lm3s6965": (_ST, (8, 8, 8, 8, 4, 4, 2)),
    "atmega328p": (_ST, (0, 8, 7, 8)),
    "apollo3": (_PLAIN, (50,)),
}
_EXAMPLES = {_NORDIC: "P1.03", _ST: "PA9", _PLAIN: "48"}


def pin_number(pin: str, *, chip: str = "") -> int:
    """The number of a pin, counting through all ports of its chip.

    P1.03 is 35, PA9 is 9, PB7 is 23, 48 is 48.

    Args:
        pin: as the chip's maker writes it.
        chip: that must have it; "" for any that has pins written like this.
    Raises:
        ConfigError: a name in none of these forms, or not in the chip's, or a pin that it does not have.
    """
    forms = _WIDTHS if chip not in _PORTS else {_PORTS[chip][0]: 0}
    match = next((match for form in forms if (match := form.fullmatch(pin))), None)
    if match is None:
        examples = ", ".join(_EXAMPLES[form] for form in forms)
        of_chip = f" of the {chip}" if chip in _PORTS else ""
        raise ConfigError(f"{pin!r} is not a pin{of_chip}", hint=f"written as {examples}", key=pin)
    port, bit = _port_and_bit(match)
    width = _WIDTHS[match.re]
    if bit >= width:
        raise ConfigError(f"{pin!r} is not a pin: a port has {width} bits", key=pin)
    if chip in _PORTS:
        counts = _PORTS[chip][1]
        if port >= len(counts) or bit >= counts[port]:
            raise ConfigError(f"the {chip} has no pin {pin!r}", hint="see its data sheet", key=pin)
    return port * width + bit


def _port_and_bit(match: re.Match[str]) -> tuple[int, int]:
    if match.re is _PLAIN:
        return 0, int(match[0])
    port = int(match[1]) if match.re is _NORDIC else ascii_uppercase.index(match[1])
    return port, int(match[2])
