"""The ports that this board's wire and LED are on: A, B and I."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.registers import Register

PORTS = {"A": 0, "B": 1, "I": 8}
_OUTPUT, _ALTERNATE = 1, 2
_PULLS = ("none", "up", "down", "reserved")


@dataclass(frozen=True)
class PinState:
    """One pin as the firmware left it. `function`: its alternate function's number, None where it is none."""

    mode: int
    function: int | None
    level: int
    pull: str

    @property
    def output(self) -> bool:
        """True for a general-purpose output."""
        return self.mode == _OUTPUT


class Gpio:
    """The ports.

    Args:
        registers: of the blocks "GPIOA", "GPIOB" and "GPIOI".
        clocked: (port's number) -> whether RCC gives it a clock.
        changed: called when what some pin does may have changed.
    """

    def __init__(
        self,
        registers: dict[str, tuple[Register, ...]],
        *,
        stop: Callable[[Violation], None],
        clocked: Callable[[int], bool],
        changed: Callable[[], None],
    ) -> None:
        self.banks = (
            Bank(0x40020000, registers["GPIOA"] + registers["GPIOB"], stop=stop),
            Bank(0x40022000, registers["GPIOI"], stop=stop),
        )
        self._clocked = clocked
        self._changed = changed
        for port in PORTS:
            self._connect(port)

    def _bank(self, port: str) -> Bank:
        return self.banks[1] if port == "I" else self.banks[0]

    def _connect(self, port: str) -> None:
        bank, name = self._bank(port), f"GPIO{port}"

        def write(combine: Callable[[int, int], int]) -> Any:
            def store(value: int) -> None:
                bank.set(f"{name}.ODR", combine(bank.get(f"{name}.ODR"), value))
                self._changed()

            return store

        # Where both are asked for, the set bit wins (RM0385, GPIOx_BSRR).
        bank.on_write(f"{name}.BSRR", write(lambda old, new: old & ~(new >> 16) | new & 0xFFFF))
        bank.on_write(f"{name}.BRR", write(lambda old, new: old & ~new))
        for register in ("ODR", "MODER", "AFRL", "AFRH", "PUPDR"):
            bank.on_write(f"{name}.{register}", lambda _value: self._changed())
        bank.on_read(f"{name}.IDR", lambda: self._read_levels(port))

        def need_clock(register: str) -> None:
            if not self._clocked(PORTS[port]):
                raise Violation(
                    f"{name}.{register} was used while the port has no clock: set bit {PORTS[port]} of "
                    "RCC.AHB1ENR before"
                )

        bank.guard(name, need_clock)

    def reset(self) -> None:
        """Inputs, but for the debugger's pins."""
        for bank in self.banks:
            bank.reset()

    def state(self, port: str, pin: int) -> PinState:
        """Return the state of a pin."""
        bank, name = self._bank(port), f"GPIO{port}"
        mode = bank.get(f"{name}.MODER") >> 2 * pin & 3
        functions = bank.get(f"{name}.AFR{'H' if pin >= 8 else 'L'}")
        return PinState(
            mode=mode,
            function=functions >> 4 * (pin % 8) & 0xF if mode == _ALTERNATE else None,
            level=bank.get(f"{name}.ODR") >> pin & 1,
            pull=_PULLS[bank.get(f"{name}.PUPDR") >> 2 * pin & 3],
        )

    def configured(self) -> list[tuple[str, int]]:
        """(port, pin) of those that are not as after reset."""
        pins = []
        for port in PORTS:
            bank, name = self._bank(port), f"GPIO{port}"
            for pin in range(16):
                functions = bank.changed(f"{name}.AFR{'H' if pin >= 8 else 'L'}") >> 4 * (pin % 8) & 0xF
                pair = (bank.changed(f"{name}.MODER") | bank.changed(f"{name}.PUPDR")) >> 2 * pin & 3
                if functions or pair:
                    pins.append((port, pin))
        return pins

    def _read_levels(self, port: str) -> int:
        levels = 0
        for pin in range(16):
            state = self.state(port, pin)
            levels |= (state.level if state.output else int(state.pull == "up")) << pin
        return levels
