"""Register facts of the chips, as JSON, and the values they are read into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Register:
    """One 32-bit register.

    Attributes:
        block, name: as the chip's description calls them.
        address: absolute.
        access: "read-only", "write-only" or "read-write".
        reset: the value after reset.
        mask: the bits that the chip has.
    """

    block: str
    name: str
    address: int
    access: str
    reset: int
    mask: int


def load_registers(chip: str) -> dict[str, tuple[Register, ...]]:
    """Every register that the facts of `chip` (or of "armv7m") list, by block."""
    facts = json.loads((Path(__file__).parent / f"{chip}.json").read_text(encoding="utf-8"))
    return {
        block: tuple(_registers(block, int(content["base"], 16), content["registers"]))
        for block, content in facts["peripherals"].items()
    }


def _registers(block: str, base: int, registers: dict[str, dict[str, str]]) -> Iterator[Register]:
    for name, facts in registers.items():
        yield Register(
            block=block,
            name=name,
            address=base + int(facts["offset"], 16),
            access=facts["access"],
            reset=int(facts["reset"], 16),
            mask=int(facts["mask"], 16),
        )
