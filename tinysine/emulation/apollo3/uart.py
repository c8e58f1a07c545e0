"""UART0: Arm's PL011, with a clock selection of Ambiq's own in CR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.registers import Register
from tinysine.emulation.serial_line import SerialLine

_RXFE, _TXFF, _TXFE, _BUSY = 1 << 4, 1 << 5, 1 << 7, 1 << 3
_UARTEN, _TXE, _RXE, _CLKEN, _LBE = 1 << 0, 1 << 8, 1 << 9, 1 << 3, 1 << 7
_FLOW_CONTROL = 3 << 14
_OVERRUN = 1 << 3
_FRAME_MASK, _EIGHT_BITS_FIFO = 0xFF, 0x70
_CLOCKS_HZ = {1: 24_000_000, 2: 12_000_000, 3: 6_000_000, 4: 3_000_000}
_FIFO = 32
# What both ends of a line may be apart, together: half a bit in ten, with room for noise.
_TOLERANCE = 0.02


class Uart:
    """The serial block.

    Args:
        registers: of the block "UART0".
        baud: that the far end of the wire uses.
        need_power: raises a Violation unless the block has power; called with the name of the register.
        need_pad: ("TX" or "RX") raises a Violation unless the pad that the board connects to the wire is the block's.
    """

    def __init__(
        self,
        registers: tuple[Register, ...],
        line: SerialLine,
        *,
        stop: Callable[[Violation], None],
        baud: int,
        need_power: Callable[[str], None],
        need_pad: Callable[[str], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self._line = line
        self._baud = baud
        self._need_pad = need_pad
        bank = self.bank
        bank.on_write("UART0.CR", self._write_cr)
        for name in ("IBRD", "FBRD"):
            bank.on_write(f"UART0.{name}", self._refuse_while_enabled(name))
        bank.on_write("UART0.LCRH", self._write_lcrh)
        bank.on_write("UART0.IER", self._refuse_interrupt)
        bank.on_read("UART0.FR", self._read_flags)
        bank.on_read("UART0.DR", self._read_data)
        bank.on_write("UART0.DR", self._write_data)
        bank.on_read("UART0.RSR", lambda: self._errors)
        bank.on_write("UART0.RSR", lambda _value: setattr(self, "_errors", 0))
        bank.guard("UART0", need_power)
        self.reset()

    def reset(self) -> None:
        """As after a reset of the chip."""
        self.bank.reset()
        self._line.reset()
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

    def _control(self) -> int:
        return self.bank.get("UART0.CR")

    def _refuse_while_enabled(self, name: str) -> Any:
        def check(_value: int) -> None:
            if self._control() & _UARTEN:
                raise Violation(f"UART0.{name} was written while the block is enabled (CR.UARTEN)")

        return check

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
        if abs(rate - self._baud) > _TOLERANCE * self._baud:
            raise Violation(
                f"UART0 was enabled at {rate:.0f} baud; the far end of the wire speaks {self._baud}. IBRD and FBRD "
                "count only once LCRH is written after them"
            )

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
        if not self._control() & _UARTEN or not self._control() & _RXE:
            self._line.poll_in_vain()
            return flags | _RXFE
        self._need_pad("RX")
        return flags if self._line.poll() else flags | _RXFE

    def _read_data(self) -> int:
        if not self._line.waiting():
            raise Violation("UART0.DR was read while FR.RXFE says that nothing was received")
        return self._line.take()

    def _write_data(self, value: int) -> None:
        control = self._control()
        if not control & _UARTEN or not control & _TXE:
            raise Violation(f"UART0.DR was written while the transmitter is off (CR 0x{control:04X})")
        self._need_pad("TX")
        if self._queued >= _FIFO:
            raise Violation(
                f"UART0.DR was written {_FIFO + 1} times without a look at FR.TXFF: bytes would be lost"
            )
        self._queued += 1
        self._line.send(value & 0xFF)
