"""UART0 and UARTE0: two faces of one block, of which ENABLE chooses."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.nrf52840.gpio import pin_name
from tinysine.emulation.registers import Register
from tinysine.emulation.serial_line import SerialLine

OFF, UART, UARTE = 0, 4, 8
# nRF52840 product specification 6.33.8 and 6.34.8: the register's values for the rates that both ends can agree on.
BAUDRATES = {115_200: 0x01D7E000, 230_400: 0x03AFB000, 250_000: 0x04000000, 1_000_000: 0x10000000}
_DISCONNECTED = 1 << 31
_PSEL_BITS = 0x8000003F


class Uart:
    """The serial block, its pins on the wire.

    Args:
        registers: of the blocks "UART0" and "UARTE0".
        pins: (TX, RX) numbers, port * 32 + pin, that the board connects to the wire.
        baud: that the far end of the wire uses.
    """

    def __init__(
        self,
        registers: dict[str, tuple[Register, ...]],
        line: SerialLine,
        *,
        stop: Callable[[Violation], None],
        pins: tuple[int, int],
        baud: int,
    ) -> None:
        base = registers["UART0"][0].address
        own, dma = registers["UART0"], registers["UARTE0"]
        # With ENABLE off both faces can be set up; with one of them on, the other's registers are not there.
        self.bank = Bank(base, own + dma, stop=stop)
        self._own_offsets = {register.address - base for register in own}
        self._dma_offsets = {register.address - base for register in dma}
        self._line = line
        self._pins = pins
        self._baud = baud
        self._connect()
        self._all_readers = dict(self.bank.readers)
        self._all_writers = dict(self.bank.writers)
        self.reset()

    def _connect(self) -> None:
        bank = self.bank
        bank.on_write("UART0.ENABLE", self._write_enable)
        for name in ("RTS", "TXD", "CTS", "RXD"):
            bank.on_write(f"UART0.PSEL.{name}", self._write_psel)
        bank.on_write("UART0.BAUDRATE", self._refuse_while_enabled)
        bank.on_write("UART0.TASKS_STARTRX", self._start_rx)
        bank.on_write("UART0.TASKS_STOPRX", self._stop_rx)
        bank.on_write("UART0.TASKS_STARTTX", self._start_tx)
        bank.on_write("UART0.TASKS_STOPTX", self._stop_tx)
        bank.on_write("UART0.TXD", self._write_txd)
        bank.on_read("UART0.RXD", self._read_rxd)
        bank.on_read("UART0.EVENTS_RXDRDY", self._read_rxdrdy)
        bank.on_write("UART0.EVENTS_RXDRDY", lambda value: setattr(self, "_rxdrdy", value))
        bank.on_read("UART0.EVENTS_TXDRDY", self._read_txdrdy)
        bank.on_write("UART0.EVENTS_TXDRDY", self._clear_txdrdy)
        bank.on_read("UART0.EVENTS_RXTO", self._read_rxto)
        bank.on_write("UART0.ERRORSRC", self._clear_errors)
        bank.on_write("UART0.INTENSET", self._refuse_interrupt)
        bank.on_write("UARTE0.INTEN", self._refuse_interrupt)

    def reset(self) -> None:
        """As after a reset of the chip; bytes not sent yet are gone."""
        self.bank.reset()
        self._mode = OFF
        self._show(OFF)
        self._rx_on = self._tx_on = False
        self._line.reset()
        self._rxdrdy = self._txdrdy = 0
        self._announced = False
        self._tx_busy = False
        self._rxto_in = 0
        self._errors = 0

    def leave_as_loader_does(self) -> None:
        """UARTE0 enabled and receiving, on the board's pins."""
        tx, rx = self._pins
        self.bank.set("UART0.PSEL.TXD", tx)
        self.bank.set("UART0.PSEL.RXD", rx)
        self.bank.set("UART0.BAUDRATE", 0x01D60000)
        self.bank.set("UART0.ENABLE", UARTE)
        self._mode = UARTE
        self._show(UARTE)
        self._rx_on = True

    def overrun(self, count: int) -> None:
        """Lose the next `count` received bytes, as when the FIFO is full, and say so in ERRORSRC."""
        self._line.lose(count)
        self._announced = False
        self._errors |= 1
        self.bank.set("UART0.ERRORSRC", self._errors)
        self.bank.set("UART0.EVENTS_ERROR", 1)

    def pins(self) -> dict[str, int | None]:
        """Return the pins that the driver connected: signal to pin number."""
        if self._mode == OFF:
            return {}
        block = "UARTE0" if self._mode == UARTE else "UART0"
        return {f"{block}.{name}": self._pin(name) for name in ("TXD", "RXD", "RTS", "CTS")}

    def _pin(self, name: str) -> int | None:
        value = self.bank.get(f"UART0.PSEL.{name}")
        return None if value & _DISCONNECTED else value & 0x3F

    def _show(self, mode: int) -> None:
        shown = {UART: self._own_offsets, UARTE: self._dma_offsets}.get(mode, self._all_readers.keys())
        self.bank.readers.clear()
        self.bank.writers.clear()
        self.bank.readers.update({at: reader for at, reader in self._all_readers.items() if at in shown})
        self.bank.writers.update({at: writer for at, writer in self._all_writers.items() if at in shown})

    def _write_enable(self, value: int) -> None:
        if value not in (OFF, UART, UARTE):
            raise Violation(
                f"0x40002500 (UART0.ENABLE) was written {value}; it takes 0, 4 (UART0) or 8 (UARTE0)"
            )
        if value == UARTE and self._mode != UARTE:
            raise Unmodelled("UARTE0 was enabled")
        if value == UART and self._mode == UARTE and self._rx_on:
            raise Violation(
                "UART0 was enabled while UARTE0 is still receiving, as the boot loader left it: trigger STOPRX, wait "
                "for RXTO and disable it first"
            )
        if value == UART:
            self._check_wiring()
        if value == OFF:
            self._rx_on = self._tx_on = False
            self._line.flush()
        self._mode = value
        self._show(value)

    def _check_wiring(self) -> None:
        for name, wanted in zip(("TXD", "RXD"), self._pins, strict=True):
            pin = self._pin(name)
            if pin is None:
                raise Violation(f"UART0 was enabled before its {name} pin was selected (PSEL.{name})")
            if pin != wanted:
                raise Violation(
                    f"UART0's {name} is on {pin_name(pin)}; this board's wire is on {pin_name(wanted)}"
                )
        rate = self.bank.get("UART0.BAUDRATE")
        if self._baud in BAUDRATES and rate != BAUDRATES[self._baud]:
            raise Violation(
                f"UART0 was enabled with BAUDRATE 0x{rate:08X}; the far end of the wire speaks {self._baud} baud "
                f"(0x{BAUDRATES[self._baud]:08X})"
            )
        if self.bank.get("UART0.CONFIG") & 0xF:
            raise Violation("UART0 was enabled with flow control or parity; the wire has neither")

    def _write_psel(self, value: int) -> None:
        self._refuse_while_enabled(value)
        if not value & _DISCONNECTED and value & 0x3F >= 48:
            raise Violation(f"a UART0.PSEL was written {value & _PSEL_BITS}; P1 has 16 pins")

    def _refuse_while_enabled(self, _value: int) -> None:
        if self._mode != OFF:
            raise Violation("UART0's pins or baud rate were changed while the block is enabled")

    def _refuse_interrupt(self, value: int) -> None:
        if value:
            raise Unmodelled("a UART interrupt was enabled; the emulated board delivers none")

    def _need_enabled(self, what: str) -> None:
        if self._mode != UART:
            raise Violation(f"{what} while UART0 is not enabled (ENABLE is {self._mode}, it takes 4)")

    def _start_rx(self, value: int) -> None:
        if value:
            self._need_enabled("STARTRX was triggered")
            self._rx_on = True
            self._line.discard()

    def _stop_rx(self, value: int) -> None:
        if value and self._rx_on:
            self._rx_on = False
            self._rxto_in = 3  # the receiver takes its time: a few looks at the event

    def _start_tx(self, value: int) -> None:
        if value:
            self._need_enabled("STARTTX was triggered")
            self._tx_on = True

    def _stop_tx(self, value: int) -> None:
        if value:
            self._tx_on = False

    def _read_rxto(self) -> int:
        if self._rxto_in:
            self._rxto_in -= 1
            if not self._rxto_in:
                self.bank.set("UART0.EVENTS_RXTO", 1)
        return self.bank.get("UART0.EVENTS_RXTO")

    def _clear_errors(self, value: int) -> None:
        self._errors &= ~value
        self.bank.set("UART0.ERRORSRC", self._errors)

    def _read_rxdrdy(self) -> int:
        if self._rxdrdy:
            return 1
        if self._announced or not self._rx_on:
            self._line.poll_in_vain()
            return 0
        if self._line.poll():
            self._announced = True
            self._rxdrdy = 1
            return 1
        return 0

    def _read_rxd(self) -> int:
        self._need_enabled("RXD was read")
        byte = self._line.take()
        # The next byte of the FIFO moves up, and is announced at once: who clears RXDRDY only now loses it.
        self._announced = self._line.buffered()
        self._rxdrdy = int(self._announced)
        return byte

    def _write_txd(self, value: int) -> None:
        self._need_enabled("TXD was written")
        if not self._tx_on:
            raise Violation("TXD was written before STARTTX was triggered: nothing would be sent")
        if self._tx_busy:
            raise Violation(
                "TXD was written before TXDRDY told that the byte before had left: it would be lost"
            )
        self._tx_busy = True
        self._txdrdy = 1
        self._line.send(value)

    def _read_txdrdy(self) -> int:
        if self._txdrdy:
            self._tx_busy = False
        return self._txdrdy

    def _clear_txdrdy(self, value: int) -> None:
        self._txdrdy = value
