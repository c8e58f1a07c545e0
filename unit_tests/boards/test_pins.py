"""Pin names and their numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.boards import pin_number
from tinysine.errors import ConfigError


@pytest.mark.parametrize(
    ("pin", "number"),
    [("P1.03", 35), ("P1.10", 42), ("P0.13", 13), ("PA9", 9), ("PB7", 23), ("PI1", 129), ("48", 48)],
)
def test_pin_number_counts_through_all_ports(pin: str, number: int) -> None:
    """The pins of the book's boards have the numbers of their datasheets."""
    assert pin_number(pin) == number


@pytest.mark.parametrize(
    "pin",
    [
        "",
        "P",
        "P1.3",
        "P0.32",
        "PA16",
        "PZ1",
        "TX",
        "P1.03 ",
        "-1",
        "1234",
        "\u0664\u0668",
        "P\u0661.03",
        "PA\u0669",
    ],
)
def test_pin_number_refuses_what_is_no_pin(pin: str) -> None:
    """Anything else is a ConfigError."""
    with pytest.raises(ConfigError):
        pin_number(pin)


@pytest.mark.parametrize(
    ("chip", "last", "beyond"),
    [
        ("nrf51822", "P0.30", "P0.31"),
        ("nrf52840", "P1.15", "P1.16"),
        ("stm32f746", "PK7", "PK8"),
        ("lm3s6965", "PG1", "PG2"),
        ("atmega328p", "PD7", "PA0"),
        ("apollo3", "49", "50"),
    ],
)
def test_a_chip_has_its_own_pins_only(chip: str, last: str, beyond: str) -> None:
    """The last one is one of its pins, the next is none; nor is one that is written as other makers do."""
    assert pin_number(last, chip=chip) == pin_number(last)
    for pin in (beyond, "48" if chip != "apollo3" else "PA9"):
        with pytest.raises(ConfigError, match=chip):
            pin_number(pin, chip=chip)


@given(st.integers(0, 9), st.integers(0, 31), st.integers(0, 9), st.integers(0, 31))
def test_no_two_nordic_pins_share_a_number(port: int, bit: int, other_port: int, other_bit: int) -> None:
    """The numbering is one to one."""
    same = pin_number(f"P{port}.{bit:02d}") == pin_number(f"P{other_port}.{other_bit:02d}")
    assert same == ((port, bit) == (other_port, other_bit))
