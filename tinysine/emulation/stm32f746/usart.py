"""USART1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.registers import Register
from tinysine.emulation.serial_line import SerialLine

_UE, _RE, _TE = 1 << 0, 1 << 2, 1 << 3
_ORE, _RXNE, _TC, _TXE, _TEACK, _REACK = 1 << 3, 1 << 5, 1 << 6, 1 << 7, 1 << 21, 1 << 22
_LEAST_DIVISOR = 16
# What both ends of a line may be apart, together: half a bit in ten, with room for noise.
_TOLERANCE = 0.02


class Usart:
    """The serial block.

    Args:
        registers: of the block "USART1".
        baud: that the far end of the wire uses.
        clock_hz: of the block, now.
        need_clock: raises a Violation unless RCC gives the block a clock; called with the name of the register.
        need_pin: ("TX" or "RX") raises a Violation unless the pin that the board connects to the wire is the block's.
    """

    def __init__(
        self,
        registers: tuple[Register, ...],
        line: SerialLine,
        *,
        stop: Callable[[Violation], None],
        baud: int,
        clock_hz: Callable[[], int],
        need_clock: Callable[[str], None],
        need_pin: Callable[[str], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self._line = line
        self._baud = baud
        self._clock_hz = clock_hz
        self._need_pin = need_pin
        bank = self.bank
        bank.on_write("USART1.CR1", self._write_cr1)
        for name in ("CR2", "CR3", "BRR"):
            bank.on_write(f"USART1.{name}", self._refuse_while_enabled(name))
        bank.on_write("USART1.RQR", self._refuse_request)
        bank.on_read("USART1.ISR", self._read_status)
        bank.on_write("USART1.ICR", self._clear)
        bank.on_read("USART1.RDR", self._read_data)
        bank.on_write("USART1.TDR", self._write_data)
        bank.guard("USART1", need_clock)
        self.reset()

    def reset(self) -> None:
        """As after a reset of the chip."""
        self.bank.reset()
        self._line.reset()
        self._overrun = False
        self._full = False  # TDR, as far as the firmware can know

    def overrun(self, count: int) -> None:
        """Lose the next `count` received bytes, and say so in ISR.ORE."""
        self._line.lose(count)
        self._overrun = True

    def _on(self, bit: int) -> bool:
        control = self.bank.get("USART1.CR1")
        return bool(control & _UE and control & bit)

    def _refuse_while_enabled(self, name: str) -> Any:
        def check(_value: int) -> None:
            if self.bank.get("USART1.CR1") & _UE:
                raise Violation(f"USART1.{name} was written while the block is enabled (CR1.UE)")

        return check

    def _write_cr1(self, value: int) -> None:
        if value & ~(_UE | _RE | _TE):
            raise Unmodelled(
                f"USART1.CR1 was written 0x{value:08X}; the emulator knows UE, RE and TE: eight bits, no parity, "
                "no interrupts"
            )
        if not value & _UE:
            self._line.flush()
            return
        for name in ("CR2", "CR3"):
            if self.bank.get(f"USART1.{name}"):
                raise Unmodelled(f"USART1 was enabled with {name} 0x{self.bank.get(f'USART1.{name}'):08X}")
        divisor = self.bank.get("USART1.BRR")
        rate = self._clock_hz() / divisor if divisor >= _LEAST_DIVISOR else 0.0
        if abs(rate - self._baud) > _TOLERANCE * self._baud:
            raise Violation(
                f"USART1 was enabled at {rate:.0f} baud (BRR {divisor}, clock {self._clock_hz() / 1e6:g} MHz); the far "
                f"end of the wire speaks {self._baud}"
            )

    def _refuse_request(self, value: int) -> None:
        if value:
            raise Unmodelled(f"USART1.RQR was written 0x{value:08X}")

    def _read_status(self) -> int:
        self._full = False
        status = _TC | _TXE | _ORE * self._overrun | _TEACK * self._on(_TE) | _REACK * self._on(_RE)
        if not self._on(_RE):
            self._line.poll_in_vain()
            return status
        self._need_pin("RX")
        return status | _RXNE if self._line.poll() else status

    def _clear(self, value: int) -> None:
        if value & _ORE:
            self._overrun = False

    def _read_data(self) -> int:
        if not self._line.waiting():
            raise Violation("USART1.RDR was read while ISR.RXNE says that nothing was received")
        return self._line.take()

    def _write_data(self, value: int) -> None:
        if not self._on(_TE):
            raise Violation(
                f"USART1.TDR was written while the transmitter is off (CR1 0x{self.bank.get('USART1.CR1'):X})"
            )
        self._need_pin("TX")
        if self._full:
            raise Violation(
                "USART1.TDR was written before ISR.TXE told that it is empty: a byte would be lost"
            )
        self._full = True
        self._line.send(value & 0xFF)
