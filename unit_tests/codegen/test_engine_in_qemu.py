"""A slice of `python -m trust whole_firmware`: the generated engine on machines that nobody here modelled."""

from __future__ import annotations

import pytest

from trust.whole_firmware import run_networks


@pytest.mark.needs("qemu-system-arm", "arm-none-eabi-gcc", "ziglang")
@pytest.mark.parametrize(
    ("board", "numbers"),
    [
        ("qemu:mps2-an386", (0,)),
        pytest.param("qemu:mps2-an386", (6,), marks=pytest.mark.long),
        pytest.param("qemu:mps2-an500", (3, 5), marks=pytest.mark.long),
    ],
)
def test_random_networks_in_qemu_equal_integer_oracle(board: str, numbers: tuple[int, ...]) -> None:
    """Both compilers, profiles and roundings, each network asked over the link."""
    assert run_networks(board, numbers).failures == []


@pytest.mark.needs("qemu-system-avr", "avr-gcc")
@pytest.mark.parametrize("number", [1, pytest.param(4, marks=pytest.mark.long)])
def test_random_networks_on_an_avr_equal_integer_oracle(number: int) -> None:
    """Integers of 16 bits and constants in a memory of their own, asked over the link."""
    assert run_networks("qemu:arduino-uno", (number,)).failures == []
