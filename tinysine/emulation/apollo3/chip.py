"""The Apollo3: its memory map, its blocks, and the way its boot loaders take."""

from __future__ import annotations

from tinysine.boards import Board, pin_number
from tinysine.emulation.apollo3.clock_and_power import SLOW_HZ, ClockAndPower
from tinysine.emulation.apollo3.ctimer import Ctimer
from tinysine.emulation.apollo3.gpio import Gpio
from tinysine.emulation.apollo3.uart import Uart
from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.chip import ERASED, Chip, ChipEnvironment
from tinysine.emulation.core_events import Region
from tinysine.emulation.registers import load_registers

# Where each loader starts an application (SparkFun_Edge_BSP 6ea7ef1; SparkFun's variable loader).
_APPLICATION = {"sbl": 0xC000, "svl": 0x10000}
_FLASH = Region("flash", 0, 0x100000, writable=False, executable=True)
_RAM = Region("RAM", 0x10000000, 0x60000, writable=True, executable=True)
# The variable loader was itself started at 0xC000, and has a stack of its own, here in the way of the application's.
_SVL_VECTORS, _SVL_STACK = 0xC000, 0x10000800
_SVL_DIVISOR = 24_000_000 * 4 // 921_600
_GPIO_FUNCTION = 3


class Apollo3(Chip):
    """The chip on its board.

    Its loader: "sbl" (Ambiq's, which starts what lies at 0xC000; nobody says that it sets VTOR) or "svl" (SparkFun's, a
    plain jump to 0x10000: interrupts off, its own stack and vectors, UART0 still on at its own rate). The usual one is
    that which the board's flash is laid out for. No watchdog is modelled that could reset it.
    """

    uart: Uart

    def __init__(self, board: Board, around: ChipEnvironment) -> None:
        loaders = sorted(
            _APPLICATION, key=lambda name: board.flash is None or board.flash.origin != _APPLICATION[name]
        )
        super().__init__(board, around, regions=(_FLASH, _RAM), loaders=tuple(loaders), clock_hz=SLOW_HZ)
        self._pads = {"TX": pin_number(self.board_uart.tx), "RX": pin_number(self.board_uart.rx)}
        self._led = pin_number(board.led.pin) if board.led else None
        self._wired: set[str] = set()  # signals of UART0 that were found on their pads
        registers = load_registers("apollo3")
        stop = self.core.stop
        self.clock_and_power = ClockAndPower(registers, stop=stop, core_clock=self.system.set_clock)
        self.gpio = Gpio(registers["GPIO"], stop=stop, changed=self._pads_changed)
        self.ctimer = Ctimer(registers["CTIMER"], stop=stop, changed=self._led_changed)
        self.uart = Uart(
            registers["UART0"],
            self.line,
            stop=stop,
            baud=self.board_uart.baud,
            need_supply=self.clock_and_power.need_uart,
            need_pin=self._need_pad,
        )
        information = Bank(0x40020000, registers["MCUCTRL"], stop=stop)
        for index in range(2):
            word = int.from_bytes(around.unique_id[4 * index : 4 * index + 4], "little")
            information.set(f"MCUCTRL.CHIPID{index}", word)
        self._cache = Bank(0x40018000, registers["CACHECTRL"], stop=stop)
        power = self.clock_and_power
        blocks = (self.gpio, self.ctimer, self.uart)
        self.connect((*(block.bank for block in blocks), power.clocks, power.power, self._cache, information))

    def reset(self, reason: str) -> None:  # noqa: ARG002 - no register here tells why
        """Every block as after a reset."""
        self.system.reset()
        self.clock_and_power.reset()
        for block in (self.gpio, self.ctimer, self.uart, self._cache):
            block.reset()
        self.core.reset()
        self.pulses.reset()
        self._pads_changed()

    def boot(self) -> str:
        """Take the boot loader's way to the application."""
        stack, entry = (self.core.read_word(self.application_start() + offset) for offset in (0, 4))
        if ERASED in (stack, entry):
            return "the boot loader sees no application"
        if self.loader == "sbl":
            self.core.write("SP", stack & ~3)
        else:
            self._leave_as_svl_does()
        self.core.write("PC", entry)
        return ""

    def _leave_as_svl_does(self) -> None:
        self.system.set_vector_table(_SVL_VECTORS)
        self.core.write("SP", _SVL_STACK)
        self.core.write("PRIMASK", 1)
        self.clock_and_power.leave_as_loader_does()
        self.gpio.set_pad(self._pads["TX"], 0)
        self.gpio.set_pad(self._pads["RX"], 2)
        self.uart.leave_as_loader_does(_SVL_DIVISOR)

    def application_start(self) -> int:
        """Return the address at which the boot loader expects an application."""
        return _APPLICATION[self.loader]

    def application_limit(self) -> int:
        """The first address that an application must leave alone."""
        return self.application.origin + self.application.length

    def pins(self) -> dict[str, dict[str, object]]:
        """Return the firmware's settings of the pads: name to {function, direction, level, pull}."""
        table: dict[str, dict[str, object]] = {}
        for pad in self.gpio.configured():
            state = self.gpio.state(pad)
            table[str(pad)] = {
                "function": "GPIO" if state.number == _GPIO_FUNCTION else state.function,
                "direction": "output" if state.output else "input" if state.input else "off",
                "level": state.level,
                "pull": "up" if state.pull else "none",
            }
        return table

    def _need_pad(self, signal: str) -> None:
        if signal in self._wired:
            return
        pad = self._pads[signal]
        state = self.gpio.state(pad)
        if state.function != f"UART0{signal}" or not (state.output or state.input):
            raise Violation(
                f"UART0 was used while pad {pad}, this board's {signal}, is {state.function} "
                f"({'input on' if state.input else 'input off'}): set its function in PADREG, and INPEN to receive"
            )
        self._wired.add(signal)

    def _pads_changed(self) -> None:
        self._wired.clear()
        self._led_changed()

    def _led_changed(self) -> None:
        if self._led is None:
            return
        state = self.gpio.state(self._led)
        if state.function.startswith("CT"):
            output = int(state.function[2:])
            duty = self.ctimer.duty(output) if self.gpio.timer_output_on(output) else 0.0
            self.dim_led(self.time.peek(), duty)
        else:
            self.switch_led(driven=state.number == _GPIO_FUNCTION and state.output, level=state.level)
