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


@pytest.mark.parametrize("pin", ["", "P", "P1.3", "P0.32", "PA16", "PZ1", "TX", "P1.03 ", "-1", "1234"])
def test_pin_number_refuses_what_is_no_pin(pin: str) -> None:
    """Anything else is a ConfigError."""
    with pytest.raises(ConfigError):
        pin_number(pin)


@given(st.integers(0, 9), st.integers(0, 31), st.integers(0, 9), st.integers(0, 31))
def test_no_two_nordic_pins_share_a_number(port: int, bit: int, other_port: int, other_bit: int) -> None:
    """The numbering is one to one."""
    same = pin_number(f"P{port}.{bit:02d}") == pin_number(f"P{other_port}.{other_bit:02d}")
    assert same == ((port, bit) == (other_port, other_bit))
