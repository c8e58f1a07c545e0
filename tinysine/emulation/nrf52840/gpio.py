"""P0 and P1: the pins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.registers import Register

_WIDTHS = (32, 16)
_RESET_CNF = 2
_PULLS = {0: "none", 1: "down", 3: "up"}


@dataclass(frozen=True)
class PinState:
    """One pin as the firmware left it."""

    output: bool
    level: int
    pull: str


def pin_name(number: int) -> str:
    """35 -> "P1.03"."""
    return f"P{number // 32}.{number % 32:02}"


class Gpio:
    """The two ports.

    Args:
        registers: of the blocks "P0" and "P1".
        changed: (pin number) called when what a pin does may have changed.
    """

    def __init__(
        self,
        registers: dict[str, tuple[Register, ...]],
        *,
        stop: Callable[[Violation], None],
        changed: Callable[[int], None],
    ) -> None:
        both = registers["P0"] + registers["P1"]
        self.bank = Bank(0x50000000, both, stop=stop)
        self._changed = changed
        for port in range(2):
            self._connect(port)
        self.reset()

    def _connect(self, port: int) -> None:
        bank = self.bank
        name = f"P{port}"
        for kind, setter in (("OUT", self._set_out), ("DIR", self._set_dir)):
            values = self._values(kind)
            bank.on_write(f"{name}.{kind}", self._writer(port, setter, lambda _old, new: new, values))
            bank.on_write(f"{name}.{kind}SET", self._writer(port, setter, lambda old, new: old | new, values))
            bank.on_write(
                f"{name}.{kind}CLR", self._writer(port, setter, lambda old, new: old & ~new, values)
            )
            for suffix in ("", "SET", "CLR"):
                bank.on_read(f"{name}.{kind}{suffix}", self._reader(port, values))
        bank.on_read(f"{name}.IN", lambda: self._read_in(port))
        for pin in range(_WIDTHS[port]):
            bank.on_read(f"{name}.PIN_CNF[{pin}]", self._cnf_reader(port, pin))
            bank.on_write(f"{name}.PIN_CNF[{pin}]", self._cnf_writer(port, pin))

    def reset(self) -> None:
        """Every pin an input, disconnected."""
        self.bank.reset()
        self._out = [0, 0]
        self._dir = [0, 0]
        self._cnf = [[_RESET_CNF] * width for width in _WIDTHS]

    def state(self, number: int) -> PinState:
        """Return the state of pin `number` (port * 32 + pin)."""
        port, pin = divmod(number, 32)
        return PinState(
            output=bool(self._dir[port] >> pin & 1),
            level=self._out[port] >> pin & 1,
            pull=_PULLS.get(self._cnf[port][pin] >> 2 & 3, "reserved"),
        )

    def configured(self) -> list[int]:
        """Pins that are not as after reset."""
        return [
            port * 32 + pin
            for port, width in enumerate(_WIDTHS)
            for pin in range(width)
            if self._cnf[port][pin] != _RESET_CNF or self._dir[port] >> pin & 1
        ]

    def _values(self, kind: str) -> Callable[[], list[int]]:
        return (lambda: self._out) if kind == "OUT" else (lambda: self._dir)

    def _reader(self, port: int, values: Callable[[], list[int]]) -> Any:
        return lambda: values()[port]

    def _writer(
        self,
        port: int,
        setter: Callable[[int, int], None],
        combine: Callable[[int, int], int],
        values: Callable[[], list[int]],
    ) -> Any:
        return lambda value: setter(port, combine(values()[port], value))

    def _set_out(self, port: int, value: int) -> None:
        self._tell(port, self._out[port] ^ value, self._out, value)

    def _set_dir(self, port: int, value: int) -> None:
        self._tell(port, self._dir[port] ^ value, self._dir, value)

    def _tell(self, port: int, changed: int, values: list[int], value: int) -> None:
        values[port] = value
        for pin in range(_WIDTHS[port]):
            if changed >> pin & 1:
                self._changed(port * 32 + pin)

    def _cnf_reader(self, port: int, pin: int) -> Any:
        return lambda: self._cnf[port][pin] & ~1 | self._dir[port] >> pin & 1

    def _cnf_writer(self, port: int, pin: int) -> Any:
        def write(value: int) -> None:
            self._cnf[port][pin] = value
            self._dir[port] = self._dir[port] & ~(1 << pin) | (value & 1) << pin
            self._changed(port * 32 + pin)

        return write

    def _read_in(self, port: int) -> int:
        value = 0
        for pin in range(_WIDTHS[port]):
            cnf = self._cnf[port][pin]
            if cnf & 2:
                continue  # its input buffer is off
            output = self._dir[port] >> pin & 1
            value |= (self._out[port] >> pin & 1 if output else int(cnf >> 2 & 3 == 3)) << pin
        return value
