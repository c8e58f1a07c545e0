"""Parts of every twin whose chip is a process on this computer: line, image, power, status and end."""

from __future__ import annotations

import hashlib
import logging
import shutil
import signal
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

from tinysine.boards import Board
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.wire import Wire
from tinysine.emulation.witness import Inference
from tinysine.errors import BenchError, ConfigError, FlashError

log = logging.getLogger("tinysine.emulation")

_LOOK_S = 0.05
_LAST_BYTES_S = 1.0
_CHUNK = 65536


class TwinProcess(Protocol):
    """One run, from a start to an end.

    Attributes:
        line: our end of its serial line.
    """

    line: socket.socket

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def close(self) -> None:
        """End it."""


P = TypeVar("P", bound=TwinProcess)


class ProcessTwin(ABC, Generic[P]):
    """The same life as EmulatedTwin's, with a process for a chip.

    Args:
        image: where the copy of what was flashed is kept, in a private folder.
    """

    place: ClassVar[str]  # where the firmware runs, for messages

    def __init__(self, board: Board, wire: Wire, *, image: Path) -> None:
        self._board = board
        self._wire = wire
        self._image = image
        self._image_sha256: str | None = None
        self._trace = LedTrace()
        self._lock = threading.RLock()
        self._process: P | None = None
        self._powered = True
        self._report: str | None = None
        self._trouble: tuple[str, str] | None = None  # message, hint
        self._spoke = False
        self._carrier: threading.Thread | None = None
        self._power_on_at = time.monotonic()
        self._resets = 0
        self._power_cycles = 1
        self._closing = False

    @abstractmethod
    def _launch(self) -> P:
        """Start a process with the image."""

    @abstractmethod
    def _ended(self, code: int) -> None:
        """The process has ended by itself."""

    def run(self) -> None:
        """Carry bytes from the wire to the process, and notice when it ends, until `close`."""
        while not self._closing:
            self._wire.wait(_LOOK_S)
            data = self._wire.receive()
            with self._lock:
                process = self._look()
            if data and process is not None:
                try:
                    self._carry_in(process, data)
                except OSError:
                    log.info("%d bytes for a process that has ended", len(data))

    def _look(self) -> P | None:
        """The process, if it lives."""
        process = self._process
        if process is not None and (code := process.ended()) is not None:
            if self._carrier is not None:
                self._carrier.join(_LAST_BYTES_S)  # whether it has said anything decides who is to blame
            self._ended(code)
            return None
        return process

    def _carry_in(self, process: P, data: bytes) -> None:
        process.line.sendall(data)

    def _carry_out(self, line: socket.socket) -> None:
        while True:
            try:
                data = line.recv(_CHUNK)
            except OSError:
                return
            if not data:
                self._wire.wake()
                return
            self._has_said()
            self._wire.send(data)

    def _has_said(self) -> None:
        """Note that bytes came from the process."""
        self._spoke = True

    def _start(self) -> None:
        self._stop()
        self._wire.receive()  # what came before
        if not self._image.exists():
            return
        self._resets += 1
        self._spoke = False
        process = self._process = self._launch()
        self._carrier = threading.Thread(target=self._carry_out, args=(process.line,), daemon=True)
        self._carrier.start()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _give_up(self, report: str, *, trouble: str, hint: str) -> None:
        """Start it no more until the board is reset.

        Args:
            report: what the firmware did.
            trouble: what happened instead if it was not the firmware; "" if it was.
            hint: what to try then.
        """
        again = "It is not started again until the board is reset."
        self._report = f"{trouble or report}. {again}"
        self._trouble = (trouble, hint) if trouble else None
        log.warning("%s", self._report)

    def _forget_report(self) -> None:
        self._report = self._trouble = None

    def _seconds(self) -> float:
        return time.monotonic() - self._power_on_at

    def flash(self, elf: Path) -> None:
        """Take a copy of the image and start a new process with it.

        Raises:
            FlashError: missing, or it does not start.
        """
        with self._lock:
            self._stop()
            try:
                shutil.copyfile(elf, self._image)
                self._image_sha256 = hashlib.sha256(self._image.read_bytes()).hexdigest()
            except OSError as error:
                raise FlashError(
                    f"the image {elf} cannot be read: {error.strerror}", hint="build it first", file=str(elf)
                ) from error
            self._forget_report()
            if self._powered:
                self._start()

    def reset(self) -> None:
        """Start the process anew."""
        with self._lock:
            if self._powered:
                self._forget_report()
                self._start()

    def power(self, on: bool) -> None:
        """Off ends the process, and RAM is lost; on starts it with the image that was flashed last."""
        with self._lock:
            if on == self._powered:
                return
            self._powered = on
            self._forget_report()
            if on:
                self._power_on_at = time.monotonic()
                self._power_cycles += 1
                self._trace.clear()
                self._start()
            else:
                self._stop()

    def peek(self, address: int, size: int) -> bytes:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"{self._board.name}: memory in {self.place} is not looked at from outside")

    def poke(self, address: int, data: bytes) -> None:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"{self._board.name}: memory in {self.place} is not changed from outside")

    def watch(
        self,
        input_bytes: Sequence[int],  # noqa: ARG002 - the interface of every twin
        output_bytes: Sequence[int],  # noqa: ARG002
        writable: Sequence[tuple[int, int]] | None = None,  # noqa: ARG002
    ) -> None:
        """Not on this board."""
        raise ConfigError(f"{self._board.name}: an engine in {self.place} is not watched")

    def seen(self) -> list[Inference]:
        """Nothing is."""
        return []

    def unwatch(self) -> None:
        """Nothing was begun."""

    def overrun(self, count: int) -> None:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"{self._board.name}: a receiver in {self.place} never overruns")

    def close(self) -> None:
        """End the process for good."""
        self._closing = True
        with self._lock:
            self._powered = False
            self._stop()

    def status(self) -> dict[str, object]:
        """State and counters."""
        if not self._powered:
            state = "off"
        elif self._report is not None:
            state = "stopped"
        else:
            state = "running" if self._process is not None else "loader"
        return {
            "state": state,
            "report": self._report,
            "seconds": self._seconds(),
            "resets": self._resets,
            "power_cycles": self._power_cycles,
            "overruns": 0,
            "counting": False,
            "instruction_hz": None,
            "records_led": True,
            "image_sha256": self._image_sha256,
            "faults": None,
            "inferences": None,
            "stack_bytes": None,
            "stray": None,
        }

    def led_trace(self) -> list[tuple[float, float]]:
        """(seconds since power-on, brightness 0..1), each change."""
        return self._trace.changes(until=float("inf"))

    def pins(self) -> dict[str, dict[str, object]]:
        """None can be seen."""
        return {}

    def report(self) -> str | None:
        """Return the reason why the process is not started again, if the firmware caused it.

        Raises:
            BenchError: something else has.
        """
        if self._trouble is not None:
            message, hint = self._trouble
            raise BenchError(message, hint=hint, board=self._board.name)
        return self._report


def was_ended_from_outside(code: int) -> bool:
    """Tell whether an exit code is that of a process ended from outside: firmware never sends itself these signals."""
    return -code in (signal.SIGKILL, signal.SIGTERM)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"
