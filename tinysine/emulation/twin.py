"""The life of an emulated board: power, reset, running, stopped with a report."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from tinysine.boards import Board
from tinysine.emulation.apollo3 import Apollo3
from tinysine.emulation.bank import Unmodelled, Violation
from tinysine.emulation.chip import Chip, ChipEnvironment
from tinysine.emulation.core_events import EXCEPTION_EXIT, Event, Stop
from tinysine.emulation.core_thread import CoreThread
from tinysine.emulation.elf import Program, read_program
from tinysine.emulation.emulated_time import IDLE_QUANTUM_S, ClockMode, EmulatedTime
from tinysine.emulation.exceptions import Exceptions
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.nrf52840 import Nrf52840
from tinysine.emulation.stm32f746 import Stm32f746
from tinysine.emulation.wire import Wire
from tinysine.emulation.witness import Inference
from tinysine.errors import BenchError, ConfigError, FlashError

log = logging.getLogger("tinysine.emulation")

_CHIPS: dict[str, Callable[[Board, ChipEnvironment], Chip]] = {
    "apollo3": Apollo3,
    "nrf52840": Nrf52840,
    "stm32f746": Stm32f746,
}


class EmulatedTwin:
    """One emulated board. `run` is the life of its core, in a thread of its own; all else is for other threads.

    Args:
        board: of the catalogue, backend "emulated".
        clock: "real" or "free".
        loader: see the chip's class; None for the one that its boards usually have.
        unique_id: 8 bytes.
    """

    def __init__(
        self, board: Board, wire: Wire, *, clock: ClockMode, loader: str | None, unique_id: bytes
    ) -> None:
        if board.chip not in _CHIPS:
            raise ConfigError(
                f"there is no emulator for the chip {board.chip!r} of the board {board.name!r}",
                hint=f"emulated chips: {', '.join(_CHIPS)}",
                allowed=tuple(_CHIPS),
            )
        self._board = board
        self.wire = wire
        self._time = EmulatedTime(clock)
        self._trace = LedTrace()
        self._core_thread = CoreThread(board.name, wake=wire.wake, interrupt=self._interrupt)
        around = ChipEnvironment(
            wire=wire,
            time=self._time,
            trace=self._trace,
            loader=loader,
            unique_id=unique_id,
            idle=self._idle,
            on_watchdog_expired=self._on_watchdog_expired,
        )
        self._chip = _CHIPS[board.chip](board, around)
        self._exceptions = Exceptions(self._chip.core, self._chip.system)
        self._program = Program()
        self._state = "off"
        self._report: str | None = None
        self._resets = 0
        self._power_cycles = 0
        self._closing = False
        self._power_up()

    # Life of the core

    def run(self) -> None:
        """Until `close`."""
        while not self._closing:
            self._core_thread.work()
            if self._state == "running":
                self._handle(self._chip.core.run())
            else:
                self._core_thread.sleep(1.0)

    def _idle(self) -> None:
        """The firmware polls an empty receiver, where the core may stop: see CoreThread.pause_if_asked."""
        if self._chip.core.witness.wide:
            self._interrupt()  # it goes on at once, and no longer tells of each write to stack that is known
        else:
            self._core_thread.pause_if_asked()

    def _interrupt(self) -> None:
        if self._state == "running":
            self._chip.core.interrupt()

    def _handle(self, stop: Stop) -> None:
        chip = self._chip
        try:
            if stop.event is Event.VIOLATION and stop.violation is not None:
                self._stop(stop.violation, stop.pc)
            elif stop.event is Event.RESET_REQUEST:
                chip.line.flush()
                self._boot("software")
            elif stop.event is Event.WAITING:
                self._doze()
            elif stop.event is Event.EXCEPTION and stop.number == EXCEPTION_EXIT:
                self._exceptions.leave(stop.pc)
            elif stop.event is not Event.INTERRUPTED:
                self._exceptions.deliver(stop)
        except Violation as violation:
            self._stop(violation, stop.pc)

    def _doze(self) -> None:
        """WFI: the architecture lets it end at any time, and nothing here could end it."""
        self._chip.line.flush()
        if self._time.mode == "free":
            self._time.advance(IDLE_QUANTUM_S)
        else:
            self.wire.wait(IDLE_QUANTUM_S)

    def _stop(self, violation: Violation, pc: int) -> None:
        self._chip.line.flush()
        lr = self._chip.core.read("LR")
        blame = (
            "The emulator cannot go on: "
            if isinstance(violation, Unmodelled)
            else "The firmware was stopped: "
        )
        self._report = (
            f"{blame}{violation}. pc 0x{pc:08X}{self._named(pc)}, lr 0x{lr:08X}{self._named(lr & ~1)}, "
            f"{self._time.peek():.6f} s after power-on. Nothing is executed until the board is reset."
        )
        self._state = "stopped"
        log.warning("%s", self._report)

    def _named(self, address: int) -> str:
        name = self._program.name_of(address)
        return f" ({name})" if name else ""

    def _power_up(self) -> None:
        self._time.restart()
        self._trace.clear()
        self._chip.power_on()
        self._exceptions.faults = 0
        self._power_cycles += 1
        self._boot("power")

    def _boot(self, reason: str) -> None:
        self.wire.receive()  # what came while the chip was in reset
        self._report = None
        self._resets += 1
        self._chip.reset(reason)
        kept = self._chip.boot()
        self._state = "loader" if kept else "running"
        log.info("reset (%s): %s", reason, kept or "application started")

    # From outside

    def _on_watchdog_expired(self) -> None:
        """The watchdog's time is up. A core that was stopped with a report stays so."""
        if self._state == "running" and not self._closing:
            with contextlib.suppress(BenchError):  # closed meanwhile
                self._start_again("watchdog")

    def _start_again(self, reason: str) -> None:
        self._core_thread.do(lambda: self._boot(reason) if self._state != "off" else None, gentle=False)

    def flash(self, elf: Path) -> None:
        """Erase, program, reset.

        Raises:
            FlashError: not an image for this board.
        """
        program = read_program(elf)
        start, end = self._flash_range()
        for segment in program.segments:
            if not (start <= segment.address and segment.address + len(segment.data) <= end):
                raise FlashError(
                    f"{elf} puts {len(segment.data)} bytes at 0x{segment.address:08X}; "
                    f"an application of {self._board.name} lives in 0x{start:08X}..0x{end - 1:08X}",
                    hint="build the image for this board",
                    file=str(elf),
                )
        self._core_thread.do(lambda: self._program_flash(program), gentle=False)

    def _flash_range(self) -> tuple[int, int]:
        memory = self._board.flash
        assert memory is not None  # the chip has checked it
        end = min(memory.origin + memory.length, self._chip.application_limit())
        return self._chip.application_start(), end

    def _program_flash(self, program: Program) -> None:
        self._chip.erase()
        for segment in program.segments:
            self._chip.core.uc.mem_write(segment.address, segment.data)
        self._program = program
        self._chip.core.witness.aim(program.places)
        if self._state != "off":
            self._boot("pin")

    def reset(self) -> None:
        """Pull the reset pin. Does nothing while the power is off."""
        self._start_again("pin")

    def power(self, on: bool) -> None:
        """Power on (which starts the board anew, if it was off) or off."""

        if on == (self._state != "off"):
            return
        self._core_thread.do(self._power_up if on else self._power_down, gentle=False)

    def _power_down(self) -> None:
        self._chip.reset("power")
        self._report = None
        self._state = "off"
        self._trace.record(self._time.peek(), 0.0)

    def peek(self, address: int, size: int) -> bytes:
        """Bytes of memory.

        Raises:
            ConfigError: there is no memory.
        """
        self._need_memory(address, size)
        return bytes(
            self._core_thread.do(lambda: bytes(self._chip.core.uc.mem_read(address, size)), gentle=True)
        )

    def poke(self, address: int, data: bytes) -> None:
        """Change memory, flash too, under the running firmware: for tests that want to see it fail.

        Raises:
            ConfigError: there is no memory.
        """
        self._need_memory(address, len(data))

        def write() -> None:
            self._chip.core.uc.mem_write(address, data)
            self._chip.core.forget_code()

        self._core_thread.do(write, gentle=True)

    def _need_memory(self, address: int, size: int) -> None:
        if self._chip.core.region_of(address, max(size, 1)) is None:
            raise ConfigError(f"the board has no memory at 0x{address:08X}, {size} bytes")

    def overrun(self, count: int) -> None:
        """Lose `count` received bytes as a full FIFO would."""
        self._core_thread.do(lambda: self._chip.uart.overrun(count), gentle=True)

    def close(self) -> None:
        """Stop for good."""
        self._closing = True
        self._core_thread.nudge()
        self._chip.core.interrupt()

    # What can be seen from outside

    def status(self) -> dict[str, object]:
        """State and counters."""
        return {
            "state": self._state,
            "loader": self._chip.loader,
            "report": self._report,
            "seconds": self._time.peek(),
            "resets": self._resets,
            "power_cycles": self._power_cycles,
            "overruns": self._chip.line.overruns,
            "counting": self._chip.core.counter.running,
            "instruction_hz": None,
            "records_led": self._board.led is not None,
            "image_sha256": self._program.sha256,
            "faults": self._exceptions.faults,
            "inferences": self._chip.core.witness.inferences,
            "stack_bytes": self._chip.core.witness.stack_bytes,
            "stray": self._chip.core.witness.stray,
        }

    def watch(
        self,
        input_bytes: Sequence[int],
        output_bytes: Sequence[int],
        writable: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Note every inference exactly from now on, which costs the core some of its speed.

        Args:
            input_bytes, output_bytes, writable: as for Witness.watch.
        """
        witness = self._chip.core.witness
        self._core_thread.do(lambda: witness.watch(input_bytes, output_bytes, writable), gentle=True)

    def seen(self) -> list[Inference]:
        """The inferences since `watch`, or since this was last asked."""
        return cast("list[Inference]", self._core_thread.do(self._chip.core.witness.seen, gentle=True))

    def unwatch(self) -> None:
        """Note them no more."""
        self._core_thread.do(self._unwatch, gentle=True)

    def _unwatch(self) -> None:
        if self._chip.core.witness.running:
            self._chip.core.witness.stop()

    def led_trace(self) -> list[tuple[float, float]]:
        """(seconds since power-on, duty 0..1), each change."""
        return self._trace.changes(until=self._time.peek())

    def pins(self) -> dict[str, dict[str, object]]:
        """See Chip.pins."""
        return self._chip.pins()

    def report(self) -> str | None:
        """Return the reason why the core stopped; None while it has not stopped."""
        return self._report
