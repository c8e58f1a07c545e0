"""Interface of an emulated chip, and the parts that all chips share."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from tinysine.boards import Board, Memory, Uart
from tinysine.emulation.bank import Bank
from tinysine.emulation.core import Core
from tinysine.emulation.core_events import Region
from tinysine.emulation.emulated_time import EmulatedTime
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.pulses import Pulses
from tinysine.emulation.serial_line import SerialLine
from tinysine.emulation.system_control import SystemControl
from tinysine.emulation.wire import Wire
from tinysine.errors import ConfigError

ERASED = 0xFFFFFFFF


class Receiver(Protocol):
    """The serial block, for tests that want to see it overrun."""

    def overrun(self, count: int) -> None:
        """Lose the next `count` received bytes, and say so as the hardware does."""


@dataclass(frozen=True)
class ChipEnvironment:
    """The surroundings of a chip: its board, and the process that runs it.

    Attributes:
        wire: the far end of the serial line.
        time: of the board.
        trace: what its LED did.
        loader: the boot loader that it has; None for the usual one.
        unique_id: 8 bytes.
        idle: see SerialLine.
        on_watchdog_expired: called from another thread when a watchdog runs out.
    """

    wire: Wire
    time: EmulatedTime
    trace: LedTrace
    loader: str | None
    unique_id: bytes
    idle: Callable[[], None]
    on_watchdog_expired: Callable[[], None]


class Chip(ABC):
    """A chip on its board.

    Args:
        board: UART and LED say what the pins are wired to.
        around: see ChipEnvironment.
        regions: its memories, the RAM that holds noise at power-on and the flash among them by name.
        loaders: the boot loaders that it can have, the usual one first.
        clock_hz: of the core, after a reset.
        model: of the core.
    Attributes:
        loader: the boot loader that it has.
        line: its end of the wire.
        uart: the serial block on it.
    Raises:
        ConfigError: the board's file leaves out what has to be known; no such loader.
    """

    uart: Receiver

    def __init__(
        self,
        board: Board,
        around: ChipEnvironment,
        *,
        regions: tuple[Region, ...],
        loaders: tuple[str, ...],
        clock_hz: int,
        model: str = "cortex-m4",
    ) -> None:
        self.board_uart, self.application = _wired(board)
        self.loader = _choose_loader(around.loader, loaders, board=board.name)
        self.time = around.time
        self.trace = around.trace
        self.lit_when_high = board.led is None or board.led.active == "high"
        self.pulses = Pulses(around.trace, around.time)
        self.noise = random.Random(around.unique_id)
        self.core = Core(regions, model=model)
        self.line = SerialLine(around.wire, around.time, idle=self._look(around.idle))
        self.system = SystemControl(self.core, around.time, clock_hz=clock_hz, ram="RAM", model=model)
        (self._flash,) = (region for region in regions if region.name == "flash")
        self._noisy = [region for region in regions if region.writable]

    def connect(self, banks: Iterable[Bank]) -> None:
        """Map the chip's own blocks and the core's; the flash comes erased from the factory."""
        for bank in (*banks, self.system.scs, self.system.dwt):
            self.core.map_bank(bank)
        self._blank(self._flash.origin, self._flash.origin + self._flash.length)

    def _look(self, idle: Callable[[], None]) -> Callable[[], None]:
        def look() -> None:
            self.pulses.settle()
            idle()

        return look

    def power_on(self) -> None:
        """RAM holds noise, and nothing is remembered."""
        for region in self._noisy:
            self.core.uc.mem_write(region.origin, self.noise.randbytes(region.length))

    def erase(self) -> None:
        """The application's flash, and only that."""
        self._blank(self.application_start(), self.application_limit())

    def _blank(self, start: int, end: int) -> None:
        self.core.uc.mem_write(start, b"\xff" * (end - start))

    def switch_led(self, *, driven: bool, level: int) -> None:
        """The LED's pin is an output, or is not; its level is this."""
        self.pulses.switch(driven and bool(level) == self.lit_when_high)

    def dim_led(self, seconds: float, high: float) -> None:
        """A timer drives the LED's pin: which share of the time it is high, 0..1."""
        self.trace.record(seconds, high if self.lit_when_high else 1.0 - high)

    @abstractmethod
    def reset(self, reason: str) -> None:
        """Every block as after a reset. `reason`: "power", "pin", "software" or "watchdog"."""

    @abstractmethod
    def boot(self) -> str:
        """Take the way to the application: "" when the core stands at its first instruction, else why not."""

    @abstractmethod
    def application_start(self) -> int:
        """Return the address at which the boot loader expects an application."""

    @abstractmethod
    def application_limit(self) -> int:
        """The first address that an application must leave alone."""

    @abstractmethod
    def pins(self) -> dict[str, dict[str, object]]:
        """Return the firmware's settings of the pins: name to {function, direction, level, pull}."""


def _wired(board: Board) -> tuple[Uart, Memory]:
    if board.uart is None or board.flash is None or board.ram is None:
        raise ConfigError(
            f"the board {board.name!r} cannot be emulated: its file names no uart, flash or ram", key="uart"
        )
    return board.uart, board.flash


def _choose_loader(asked: str | None, known: tuple[str, ...], *, board: str) -> str:
    if asked is None:
        return known[0]
    if asked not in known:
        raise ConfigError(
            f"{board} has no boot loader {asked!r}",
            hint=f"it has: {', '.join(known)}",
            key="loader",
            allowed=known,
        )
    return asked
