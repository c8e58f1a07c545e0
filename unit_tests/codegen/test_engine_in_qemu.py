"""A slice of `python -m trust whole_firmware`, which CI runs, too: the engine on machines that nobody here modelled."""

from __future__ import annotations

import pytest

from trust.whole_firmware import run_networks


@pytest.mark.long
@pytest.mark.needs("qemu-system-arm", "arm-none-eabi-gcc", "ziglang")
def test_a_random_network_in_qemu_equals_the_integer_oracle() -> None:
    """Asked over the link, on a Cortex-M4."""
    assert run_networks("qemu:mps2-an386", (0,)).failures == []


@pytest.mark.needs("qemu-system-avr", "avr-gcc")
def test_a_random_network_on_an_avr_equals_the_integer_oracle() -> None:
    """Integers of 16 bits and constants in a memory of their own, asked over the link."""
    assert run_networks("qemu:arduino-uno", (1,)).failures == []
