"""Parts of every UART whose driver polls a flag and moves bytes through a data register."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.registers import Register
from tinysine.emulation.serial_line import SerialLine

# What both ends of a line may be apart, together: half a bit in ten, with room for noise.
_TOLERANCE = 0.02


class PolledUart(ABC):
    """The rules of such a block, whatever its registers are called.

    Args:
        registers: of the block.
        baud: that the far end of the wire uses.
        need_supply: raises a Violation unless the block has what it runs on; called with the name of the register.
        need_pin: ("TX" or "RX") raises a Violation unless the pin that the board connects to the wire is the block's.
    """

    control: ClassVar[str]  # the register with the bit that enables the block
    enable: ClassVar[tuple[int, str]]  # this bit, and its name

    def __init__(
        self,
        registers: tuple[Register, ...],
        line: SerialLine,
        *,
        stop: Callable[[Violation], None],
        baud: int,
        need_supply: Callable[[str], None],
        need_pin: Callable[[str], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self._block = registers[0].block
        self._line = line
        self._baud = baud
        self._need_pin = need_pin
        self._connect()
        self.bank.guard(self._block, need_supply)
        self.reset()

    @abstractmethod
    def _connect(self) -> None:
        """Give the registers their effects."""

    def reset(self) -> None:
        """As after a reset of the chip."""
        self.bank.reset()
        self._line.reset()

    def _control(self) -> int:
        return self.bank.get(f"{self._block}.{self.control}")

    def _on(self, bit: int) -> bool:
        """The block is enabled, and so is the part of it with this bit."""
        control = self._control()
        return bool(control & self.enable[0] and control & bit)

    def _refuse_while_enabled(self, name: str) -> Callable[[int], None]:
        def check(_value: int) -> None:
            if self._control() & self.enable[0]:
                raise Violation(
                    f"{self._block}.{name} was written while the block is enabled ({self.control}.{self.enable[1]})"
                )

        return check

    def _need_rate(self, rate: float, why: str) -> None:
        if abs(rate - self._baud) > _TOLERANCE * self._baud:
            raise Violation(
                f"{self._block} was enabled at {rate:.0f} baud; the far end of the wire speaks {self._baud}. {why}"
            )

    def _poll(self, receiver: int) -> bool:
        """Answer the firmware's poll for a received byte. `receiver`: the bit that enables the receiver."""
        if not self._on(receiver):
            self._line.poll_in_vain()
            return False
        self._need_pin("RX")
        return self._line.poll()

    def _take(self, name: str, flag: str) -> int:
        """The byte that the firmware reads from its data register, having looked at `flag`."""
        if not self._line.waiting():
            raise Violation(f"{self._block}.{name} was read while {flag} says that nothing was received")
        return self._line.take()

    def _need_transmitter(self, name: str, transmitter: int) -> None:
        """The firmware writes to its data register. `transmitter`: the bit that enables it."""
        if not self._on(transmitter):
            raise Violation(
                f"{self._block}.{name} was written while the transmitter is off "
                f"({self.control} 0x{self._control():04X})"
            )
        self._need_pin("TX")
