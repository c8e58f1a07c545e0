"""UART0: Arm's PL011, with a clock selection of Ambiq's own in CR."""

from __future__ import annotations

from tinysine.emulation.bank import Unmodelled, Violation
from tinysine.emulation.polled_uart import PolledUart

_RXFE, _TXFF, _TXFE, _BUSY = 1 << 4, 1 << 5, 1 << 7, 1 << 3
_UARTEN, _TXE, _RXE, _CLKEN, _LBE = 1 << 0, 1 << 8, 1 << 9, 1 << 3, 1 << 7
_FLOW_CONTROL = 3 << 14
_OVERRUN = 1 << 3
_FRAME_MASK, _EIGHT_BITS_FIFO = 0xFF, 0x70
_CLOCKS_HZ = {1: 24_000_000, 2: 12_000_000, 3: 6_000_000, 4: 3_000_000}
_FIFO = 32


class Uart(PolledUart):
    """The serial block, "UART0"."""

    control = "CR"
    enable = (_UARTEN, "UARTEN")

    def _connect(self) -> None:
        bank = self.bank
        bank.on_write("UART0.CR", self._write_cr)
        for name in ("IBRD", "FBRD"):
            bank.on_write(f"UART0.{name}", self._refuse_while_enabled(name))
        bank.on_write("UART0.LCRH", self._write_lcrh)
        bank.on_write("UART0.IER", self._refuse_interrupt)
        bank.on_read("UART0.FR", self._read_flags)
        bank.on_read("UART0.DR", lambda: self._take("DR", "FR.RXFE"))
        bank.on_write("UART0.DR", self._write_data)
        bank.on_read("UART0.RSR", lambda: self._errors)
        bank.on_write("UART0.RSR", lambda _value: setattr(self, "_errors", 0))

    def reset(self) -> None:
        """As after a reset of the chip."""
        super().reset()
        self._divisor = 0
        self._errors = 0
        self._queued = 0  # bytes in the transmitter since somebody looked at FR

    def leave_as_loader_does(self, divisor: int) -> None:
        """Enabled, at a rate of the loader's own."""
        self._divisor = divisor
        self.bank.set("UART0.IBRD", divisor // 64)
        self.bank.set("UART0.FBRD", divisor % 64)
        self.bank.set("UART0.LCRH", _EIGHT_BITS_FIFO)
        self.bank.set("UART0.CR", _UARTEN | _TXE | _RXE | _CLKEN | 1 << 4)

    def overrun(self, count: int) -> None:
        """Lose the next `count` received bytes, as when the FIFO is full, and say so in RSR."""
        self._line.lose(count)
        self._errors |= _OVERRUN

    def _write_lcrh(self, _value: int) -> None:
        self._refuse_while_enabled("LCRH")(0)
        # The divisor is taken over by this write, not by its own.
        self._divisor = self.bank.get("UART0.IBRD") * 64 + self.bank.get("UART0.FBRD")

    def _write_cr(self, value: int) -> None:
        if value & (_LBE | _FLOW_CONTROL | 6):
            raise Unmodelled(f"UART0.CR was written 0x{value:08X}: loop-back, infrared or flow control")
        if not value & _UARTEN:
            self._line.flush()
            return
        if not value & _CLKEN or value >> 4 & 7 not in _CLOCKS_HZ:
            raise Violation(
                f"UART0 was enabled without a clock (CR 0x{value:04X}): CLKEN and CLKSEL come before UARTEN"
            )
        if self.bank.get("UART0.LCRH") & _FRAME_MASK != _EIGHT_BITS_FIFO:
            raise Violation(
                f"UART0 was enabled with LCRH 0x{self.bank.get('UART0.LCRH'):02X}; the far end of the wire speaks "
                "eight bits without parity, and polling needs the FIFOs (0x70)"
            )
        rate = _CLOCKS_HZ[value >> 4 & 7] * 4 / self._divisor if self._divisor else 0.0
        self._need_rate(rate, "IBRD and FBRD count only once LCRH is written after them")

    def _refuse_interrupt(self, value: int) -> None:
        if value:
            raise Unmodelled("a UART interrupt was enabled; the emulated board delivers none")

    def _read_flags(self) -> int:
        flags = _TXFF if self._queued >= _FIFO else 0
        if self._queued:
            flags |= _BUSY
            self._queued -= 1
        else:
            flags |= _TXFE
        return flags if self._poll(_RXE) else flags | _RXFE

    def _write_data(self, value: int) -> None:
        self._need_transmitter("DR", _TXE)
        if self._queued >= _FIFO:
            raise Violation(
                f"UART0.DR was written {_FIFO + 1} times without a look at FR.TXFF: bytes would be lost"
            )
        self._queued += 1
        self._line.send(value & 0xFF)
