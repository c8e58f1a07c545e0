"""USART1."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.emulation.bank import Unmodelled, Violation
from tinysine.emulation.polled_uart import PolledUart
from tinysine.emulation.registers import Register
from tinysine.emulation.serial_line import SerialLine

_UE, _RE, _TE = 1 << 0, 1 << 2, 1 << 3
_ORE, _RXNE, _TC, _TXE, _TEACK, _REACK = 1 << 3, 1 << 5, 1 << 6, 1 << 7, 1 << 21, 1 << 22
_LEAST_DIVISOR = 16


class Usart(PolledUart):
    """The serial block, "USART1". PolledUart describes the other arguments.

    Args:
        clock_hz: of the block, now.
    """

    control = "CR1"
    enable = (_UE, "UE")

    def __init__(
        self,
        registers: tuple[Register, ...],
        line: SerialLine,
        *,
        stop: Callable[[Violation], None],
        baud: int,
        clock_hz: Callable[[], int],
        need_supply: Callable[[str], None],
        need_pin: Callable[[str], None],
    ) -> None:
        super().__init__(registers, line, stop=stop, baud=baud, need_supply=need_supply, need_pin=need_pin)
        self._clock_hz = clock_hz

    def _connect(self) -> None:
        bank = self.bank
        bank.on_write("USART1.CR1", self._write_cr1)
        for name in ("CR2", "CR3", "BRR"):
            bank.on_write(f"USART1.{name}", self._refuse_while_enabled(name))
        bank.on_write("USART1.RQR", self._refuse_request)
        bank.on_read("USART1.ISR", self._read_status)
        bank.on_write("USART1.ICR", self._clear)
        bank.on_read("USART1.RDR", lambda: self._take("RDR", "ISR.RXNE"))
        bank.on_write("USART1.TDR", self._write_data)

    def reset(self) -> None:
        """As after a reset of the chip."""
        super().reset()
        self._overrun = False
        self._full = False  # TDR, as far as the firmware can know

    def overrun(self, count: int) -> None:
        """Lose the next `count` received bytes, and say so in ISR.ORE."""
        self._line.lose(count)
        self._overrun = True

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
        self._need_rate(rate, f"BRR is {divisor}, the clock {self._clock_hz() / 1e6:g} MHz")

    def _refuse_request(self, value: int) -> None:
        if value:
            raise Unmodelled(f"USART1.RQR was written 0x{value:08X}")

    def _read_status(self) -> int:
        self._full = False
        status = _TC | _TXE | _ORE * self._overrun | _TEACK * self._on(_TE) | _REACK * self._on(_RE)
        return status | _RXNE * self._poll(_RE)

    def _clear(self, value: int) -> None:
        if value & _ORE:
            self._overrun = False

    def _write_data(self, value: int) -> None:
        self._need_transmitter("TDR", _TE)
        if self._full:
            raise Violation(
                "USART1.TDR was written before ISR.TXE told that it is empty: a byte would be lost"
            )
        self._full = True
        self._line.send(value & 0xFF)
