"""The STM32F746: its memory map, its blocks, and its ways out of reset."""

from __future__ import annotations

from tinysine.boards import Board, pin_number
from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.chip import ERASED, Chip, ChipEnvironment
from tinysine.emulation.core_events import Region
from tinysine.emulation.registers import load_registers
from tinysine.emulation.stm32f746.clock import HSI_HZ, ClockTree
from tinysine.emulation.stm32f746.gpio import PORTS, Gpio
from tinysine.emulation.stm32f746.usart import Usart
from tinysine.errors import ConfigError

# RM0385, memory map. The tightly coupled RAM and SRAM1 and 2 lie in a row.
_RAM = Region("RAM", 0x20000000, 0x50000, writable=True, executable=True)
_FLASH = Region("flash", 0x08000000, 0x100000, writable=False, executable=True)
_ALIAS = Region(
    "flash on the ITCM bus", 0x00200000, 0x100000, writable=False, executable=True, alias_of="flash"
)
_ITCM = Region("ITCM RAM", 0x00000000, 0x4000, writable=True, executable=True)
# Where the core fetches its first vectors. Option BOOT_ADD0 0x0080, ST's default, is the flash's alias.
_BOOT = {"itcm": _ALIAS.origin, "axim": _FLASH.origin, "debugger": _FLASH.origin}
_PLL_192_MHZ, _WAITS_192_MHZ = 0x28406019, 6  # M 25, N 384, P 2, Q 8, from the crystal
_USART1_ENABLE = ("APB2ENR", 4)
_USART1_FUNCTION = 7


class Stm32f746(Chip):
    """The chip on its board.

    It has no loader; what differs is the way out of reset. "itcm" (the usual one; BOOT_ADD0 0x0080: VTOR at the flash's
    alias), "axim" (BOOT_ADD0 0x2000), or "debugger": what OpenOCD's reset-init leaves, 192 MHz from the PLL. No
    watchdog is modelled that could reset it.
    """

    uart: Usart

    def __init__(self, board: Board, around: ChipEnvironment) -> None:
        super().__init__(
            board,
            around,
            regions=(_RAM, _FLASH, _ALIAS, _ITCM),
            loaders=tuple(_BOOT),
            clock_hz=HSI_HZ,
            model="cortex-m7",
        )
        self._pins = {"TX": _pin(self.board_uart.tx), "RX": _pin(self.board_uart.rx)}
        self._wired: set[str] = set()  # signals of USART1 that were found on their pins
        self._led = _pin(board.led.pin) if board.led else None
        registers = load_registers("stm32f746")
        stop = self.core.stop
        self.clock = ClockTree(registers, stop=stop, core_clock=self.system.set_clock)
        self.gpio = Gpio(
            registers,
            stop=stop,
            clocked=lambda port: self.clock.enabled("AHB1ENR", port),
            changed=self._pins_changed,
        )
        self.uart = Usart(
            registers["USART1"],
            self.line,
            stop=stop,
            baud=self.board_uart.baud,
            clock_hz=self.clock.usart1_hz,
            need_supply=self._need_usart_clock,
            need_pin=self._need_pin,
        )
        signature = Bank(0x1FF0F000, registers["UID"], stop=stop)
        for index, part in enumerate((around.unique_id[:4], around.unique_id[4:8], b"")):
            signature.set(f"UID.UID{index}", int.from_bytes(part, "little"))
        self.connect((self.clock.bank, self.clock.power, *self.gpio.banks, self.uart.bank, signature))

    def reset(self, reason: str) -> None:  # noqa: ARG002 - the register that tells why is not modelled
        """Every block as after a reset."""
        self.system.reset()
        self.clock.reset()
        self.gpio.reset()
        self.uart.reset()
        self.core.reset()
        self.pulses.reset()
        self._pins_changed()

    def boot(self) -> str:
        """Do the core's own steps at the end of reset; return the reason if it cannot start, else ""."""
        vectors = _BOOT[self.loader]
        stack, entry = (self.core.read_word(vectors + offset) for offset in (0, 4))
        if ERASED in (stack, entry):
            return "the flash is empty"
        if self.loader == "debugger":
            self.clock.leave_pll_running(_PLL_192_MHZ, _WAITS_192_MHZ)
        self.system.set_vector_table(vectors)
        self.core.write("SP", stack & ~3)
        self.core.write("PC", entry)
        return ""

    def application_start(self) -> int:
        """The flash's beginning."""
        return _FLASH.origin

    def application_limit(self) -> int:
        """The flash's end."""
        return _FLASH.origin + _FLASH.length

    def pins(self) -> dict[str, dict[str, object]]:
        """Return the firmware's settings of the pins: name to {function, direction, level, pull}."""
        table: dict[str, dict[str, object]] = {}
        signals = {place: signal for signal, place in self._pins.items()}
        for place in self.gpio.configured():
            state = self.gpio.state(*place)
            signal = signals.get(place) if state.function == _USART1_FUNCTION else None
            function = f"AF{state.function}" if state.function is not None else "GPIO"
            table[f"P{place[0]}{place[1]}"] = {
                "function": f"USART1_{signal}" if signal else function,
                "direction": "output" if state.output or signal == "TX" else "input",
                "level": state.level,
                "pull": state.pull,
            }
        return table

    def _need_usart_clock(self, register: str) -> None:
        if not self.clock.enabled(*_USART1_ENABLE):
            raise Violation(
                f"USART1.{register} was used while the block has no clock: set APB2ENR bit 4 before"
            )

    def _need_pin(self, signal: str) -> None:
        if signal in self._wired:
            return
        port, pin = self._pins[signal]
        function = self.gpio.state(port, pin).function
        if function != _USART1_FUNCTION:
            raise Violation(
                f"USART1 was used while P{port}{pin}, this board's {signal}, has "
                f"{'no alternate function' if function is None else f'the alternate function {function}'}: MODER 2 and "
                f"AFR {_USART1_FUNCTION} connect it"
            )
        self._wired.add(signal)

    def _pins_changed(self) -> None:
        self._wired.clear()
        if self._led is not None:
            state = self.gpio.state(*self._led)
            self.switch_led(driven=state.output, level=state.level)


def _pin(name: str) -> tuple[str, int]:
    """ "PB7" -> ("B", 7).

    Raises:
        ConfigError: a port that is not emulated.
    """
    port, pin = divmod(pin_number(name), 16)
    letter = chr(ord("A") + port)
    if letter not in PORTS:
        raise ConfigError(f"port {letter} of the STM32F746 is not emulated", hint=", ".join(PORTS), key=name)
    return letter, pin
