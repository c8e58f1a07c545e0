"""The pads: their lock, their functions, and the levels that the GPIO block drives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.registers import Register

PADS = 50
_KEY = 0x73
_GPIO_FUNCTION = 3
_PULL, _INPUT = 1, 2
_LOCKED = ("PADREG", "CFG", "ALTPADCFG")


@dataclass(frozen=True)
class PadState:
    """One pad as the firmware left it. `number`: of its function."""

    function: str
    number: int
    output: bool
    input: bool
    level: int
    pull: bool


class Gpio:
    """The pads.

    Args:
        registers: of the block "GPIO".
        changed: called when what some pad does may have changed.
    """

    def __init__(
        self,
        registers: tuple[Register, ...],
        *,
        stop: Callable[[Violation], None],
        changed: Callable[[], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self._changed = changed
        self._functions = _pad_functions()
        self._levels = 0
        for register in registers:
            if register.name.startswith(_LOCKED):
                self.bank.on_write(f"GPIO.{register.name}", self._keyed(register.name))
        for half, offset in (("A", 0), ("B", 32)):
            self._connect(half, offset)
        self.bank.on_write("GPIO.CTENCFG", lambda _value: self._changed())

    def _connect(self, half: str, offset: int) -> None:
        bits = (1 << (32 if offset == 0 else PADS - 32)) - 1
        mask = bits << offset

        def write(combine: Callable[[int, int], int]) -> Any:
            def store(value: int) -> None:
                level = combine(self._levels >> offset & bits, value)
                self._levels = self._levels & ~mask | level << offset
                self._changed()

            return store

        bank = self.bank
        bank.on_write(f"GPIO.WT{half}", write(lambda _old, new: new))
        bank.on_write(f"GPIO.WTS{half}", write(lambda old, new: old | new))
        bank.on_write(f"GPIO.WTC{half}", write(lambda old, new: old & ~new))
        for name in ("WT", "WTS", "WTC"):
            bank.on_read(f"GPIO.{name}{half}", lambda: self._levels >> offset & bits)
        bank.on_read(f"GPIO.RD{half}", lambda: self._read_levels() >> offset & bits)

    def reset(self) -> None:
        """Every pad a GPIO, not driven, its input off."""
        self.bank.reset()
        self._levels = 0

    def set_pad(self, pad: int, value: int) -> None:
        """A pad's byte, as a loader sets it."""
        name, shift = self._pad_register(pad), 8 * (pad % 4)
        self.bank.set(name, self.bank.get(name) & ~(0xFF << shift) | value << shift)

    def state(self, pad: int) -> PadState:
        """Return the state of pad `pad`."""
        byte = self._byte(pad)
        number = byte >> 3 & 7
        function = self._functions[pad][number] or f"function {number}"
        config = self.bank.get(self._config_register(pad)) >> 4 * (pad % 8) & 0xF
        is_gpio = number == _GPIO_FUNCTION
        drives = bool(config >> 1 & 3) if is_gpio else function.endswith("TX") or function.startswith("CT")
        return PadState(
            function=function,
            number=number,
            output=drives,
            input=bool(byte & _INPUT),
            level=self._levels >> pad & 1,
            pull=bool(byte & _PULL),
        )

    def configured(self) -> list[int]:
        """Pads that are not as after reset."""
        changed = self.bank.changed
        return [
            pad
            for pad in range(PADS)
            if changed(self._pad_register(pad)) >> 8 * (pad % 4) & 0xFF
            or changed(self._config_register(pad)) >> 4 * (pad % 8) & 6
        ]

    def timer_output_on(self, output: int) -> bool:
        """True if the timer output reaches its pad."""
        return not self.bank.get("GPIO.CTENCFG") >> output & 1

    def _pad_register(self, pad: int) -> str:
        return f"GPIO.PADREG{chr(ord('A') + pad // 4)}"

    def _config_register(self, pad: int) -> str:
        return f"GPIO.CFG{chr(ord('A') + pad // 8)}"

    def _byte(self, pad: int) -> int:
        return self.bank.get(self._pad_register(pad)) >> 8 * (pad % 4) & 0xFF

    def _keyed(self, name: str) -> Any:
        def write(value: int) -> None:
            if self.bank.get("GPIO.PADKEY") != _KEY:
                raise Violation(
                    f"GPIO.{name} was written 0x{value:08X} while the pads are locked: the chip ignores that. Write "
                    f"0x{_KEY:02X} to PADKEY before"
                )
            self._changed()

        return write

    def _read_levels(self) -> int:
        levels = 0
        for pad in range(PADS):
            state = self.state(pad)
            if state.input and (state.level if state.output else state.pull):
                levels |= 1 << pad
        return levels


def _pad_functions() -> list[list[str | None]]:
    facts = json.loads((Path(__file__).parent.parent / "registers" / "apollo3.json").read_text("utf-8"))
    return [facts["pad_functions"].get(str(pad), [None] * 8) for pad in range(PADS)]
