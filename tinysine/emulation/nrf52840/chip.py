"""The nRF52840: its memory map, its blocks, and the way its boot loader takes."""

from __future__ import annotations

from tinysine.boards import Board, pin_number
from tinysine.emulation.bank import Violation
from tinysine.emulation.chip import ERASED, Chip, ChipEnvironment
from tinysine.emulation.core_events import Region
from tinysine.emulation.nrf52840.clock import (
    RESET_PIN,
    RESET_SOFTWARE,
    RESET_WATCHDOG,
    STAY_IN_LOADER,
    ClockAndPower,
)
from tinysine.emulation.nrf52840.flash_and_info import FlashController, information_banks
from tinysine.emulation.nrf52840.gpio import Gpio, pin_name
from tinysine.emulation.nrf52840.pwm import Pwm
from tinysine.emulation.nrf52840.uart import Uart
from tinysine.emulation.nrf52840.watchdog import Watchdog
from tinysine.emulation.registers import load_registers

LOADERS = ("old", "new", "none")
_FLASH = Region("flash", 0, 0x100000, writable=False, executable=True)
_RAM = Region("RAM", 0x20000000, 0x40000, writable=True, executable=True)
# What the older loader overwrites at each reset (disassembly of ArduinoCore-mbed b4ad4e7, bootloader.elf).
_LOADER_RAM = (0x20000000, 0x20009E14)
_NEW_LOADER = 0xE0000
_REASONS = {"pin": RESET_PIN, "software": RESET_SOFTWARE, "watchdog": RESET_WATCHDOG}


class Nrf52840(Chip):
    """The chip on its board.

    Its loader: "old", the usual one (VTOR at the application, clobbers RAM), "new" (VTOR 0), or "none": a bare chip
    whose debugger starts the application.
    """

    uart: Uart

    def __init__(self, board: Board, around: ChipEnvironment) -> None:
        super().__init__(board, around, regions=(_FLASH, _RAM), loaders=LOADERS, clock_hz=board.clock_hz)
        self._led = pin_number(board.led.pin) if board.led else None
        registers = load_registers("nrf52840")
        stop = self.core.stop
        self.uart = Uart(
            registers,
            self.line,
            stop=stop,
            pins=(pin_number(self.board_uart.tx), pin_number(self.board_uart.rx)),
            baud=self.board_uart.baud,
        )
        self.gpio = Gpio(registers, stop=stop, changed=self._pin_changed)
        self.pwm = Pwm(
            registers["PWM0"],
            self.time,
            stop=stop,
            read_ram=self._read_by_dma,
            drive=self._drive,
            release=self._pin_changed,
        )
        self.clock = ClockAndPower(registers, stop=stop)
        self.flash_controller = FlashController(registers["NVMC"], stop=stop)
        self.watchdog = Watchdog(registers["WDT"], stop=stop, on_expired=around.on_watchdog_expired)
        blocks = (self.uart, self.gpio, self.pwm, self.clock, self.flash_controller, self.watchdog)
        information = information_banks(registers, stop=stop, unique_id=around.unique_id)
        self.connect((*(block.bank for block in blocks), *information))

    def power_on(self) -> None:
        """See Chip."""
        super().power_on()
        self.clock.power_on()

    def reset(self, reason: str) -> None:
        """Every block as after a reset. `reason`: "power", "pin", "software" or "watchdog"."""
        self.clock.reset(_REASONS.get(reason, 0))
        for block in (self.uart, self.gpio, self.pwm, self.flash_controller, self.watchdog, self.system):
            block.reset()
        self.core.reset()
        self.pulses.reset()
        if self._led is not None:
            self._pin_changed(self._led)

    def boot(self) -> str:
        """Take the boot loader's way to the application, unless it keeps the chip."""
        stack, entry = (self.core.read_word(self.application.origin + offset) for offset in (0, 4))
        if self.loader == "old":
            first, last = _LOADER_RAM
            self.core.uc.mem_write(first, self.noise.randbytes(last - first))
        if self.loader != "none" and self.clock.take_retained() == STAY_IN_LOADER:
            return "GPREGRET asked the boot loader to stay"
        if not self._looks_valid(stack, entry):
            return "the boot loader sees no application"
        if self.loader != "none":
            self.uart.leave_as_loader_does()
            if self._led is not None:
                self.pwm.leave_as_loader_does(self._led)
            self.clock.leave_as_loader_does()
            self.flash_controller.leave_as_loader_does()
            self.system.guard_ram()
            self.system.set_vector_table(self.application.origin if self.loader == "old" else 0)
        self.core.write("SP", stack & ~3)
        self.core.write("PC", entry)
        return ""

    def _looks_valid(self, stack: int, entry: int) -> bool:
        if self.loader == "new":
            return stack >> 24 == 0x20
        return ERASED not in (stack, entry)

    def application_start(self) -> int:
        """Return the address at which the boot loader expects an application."""
        return self.application.origin

    def application_limit(self) -> int:
        """The first address that an application must leave alone."""
        return _NEW_LOADER if self.loader == "new" else _FLASH.length

    def pins(self) -> dict[str, dict[str, object]]:
        """Return the firmware's settings of the pins: name to {function, direction, level, pull}."""
        functions = {
            number: signal
            for signal, number in {**self.uart.pins(), **self.pwm.pins()}.items()
            if number is not None
        }
        table: dict[str, dict[str, object]] = {}
        for number in sorted({*functions, *self.gpio.configured()}):
            state = self.gpio.state(number)
            table[pin_name(number)] = {
                "function": functions.get(number, "GPIO"),
                "direction": "output" if state.output else "input",
                "level": state.level,
                "pull": state.pull,
            }
        return table

    def _read_by_dma(self, address: int, size: int) -> bytes:
        if not (_RAM.origin <= address and address + size <= _RAM.origin + _RAM.length):
            raise Violation(f"EasyDMA was pointed at 0x{address:08X}; it reaches RAM only")
        if address & 1:
            raise Violation(
                f"PWM0's sequence is at the odd address 0x{address:08X}; its values are halfwords"
            )
        return bytes(self.core.uc.mem_read(address, size))

    def _drive(self, pin: int, seconds: float, duty: float) -> None:
        if pin == self._led:
            self.dim_led(seconds, duty)

    def _pin_changed(self, pin: int) -> None:
        if pin != self._led or pin in self.pwm.pins().values():
            return
        state = self.gpio.state(pin)
        self.switch_led(driven=state.output, level=state.level)
