"""The host "board": the firmware compiled for this computer, as a process on the wire."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from tinysine.boards import Board
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.wire import Wire
from tinysine.errors import ConfigError, FlashError

log = logging.getLogger("tinysine.emulation")

_LOOK_S = 0.05
_CHUNK = 65536
# A firmware that ends so often in so short a time will not get any further.
_CRASHES, _CRASH_WINDOW_S = 5, 2.0


class HostTwin:
    """The same life as EmulatedTwin's, with a process for a chip.

    Args:
        folder: private; the program's copy and its fault record are kept there.
    """

    def __init__(self, board: Board, wire: Wire, *, folder: Path) -> None:
        self._board = board
        self._wire = wire
        self._program = folder / "firmware"
        self._noinit = folder / "noinit"
        self._trace = LedTrace()
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._powered = True
        self._report: str | None = None
        self._starts: list[float] = []
        self._power_on_at = time.monotonic()
        self._resets = 0
        self._power_cycles = 1
        self._closing = False

    def run(self) -> None:
        """Carry bytes from the wire to the process, and start it again when it ends, until `close`."""
        while not self._closing:
            self._wire.wait(_LOOK_S)
            data = self._wire.receive()
            with self._lock:
                line = self._line
                if self._powered and self._process is not None and self._process.poll() is not None:
                    self._ended(self._process.returncode)
            if data and line is not None:
                try:
                    line.sendall(data)
                except OSError:
                    log.info("%d bytes for a process that has ended", len(data))

    def _ended(self, code: int) -> None:
        now = time.monotonic()
        self._starts = [start for start in self._starts if now - start < _CRASH_WINDOW_S]
        if len(self._starts) < _CRASHES:
            self._start()
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._stop()
        self._report = (
            f"The firmware ended {_CRASHES} times within {_CRASH_WINDOW_S:.0f} s, last with {how}. "
            "It is not started again until the board is reset."
        )
        log.warning("%s", self._report)

    def _start(self) -> None:
        self._stop()
        self._wire.receive()
        if not self._program.exists():
            return
        near, far = socket.socketpair()
        led_read, led_write = os.pipe()
        environment = {
            **os.environ,
            "TINYSINE_LED_FD": str(led_write),
            "TINYSINE_NOINIT": str(self._noinit),
        }
        try:
            self._process = subprocess.Popen(
                [str(self._program)],
                stdin=far.fileno(),
                stdout=far.fileno(),
                stderr=None,
                pass_fds=(led_write,),
                env=environment,
                cwd=self._program.parent,
            )
        except OSError as error:
            near.close()
            os.close(led_read)
            raise FlashError(
                f"the firmware does not start on this computer: {error.strerror}",
                hint="build it for the board `host`",
            ) from error
        finally:
            far.close()
            os.close(led_write)
        self._line = near
        self._resets += 1
        self._starts.append(time.monotonic())
        threading.Thread(target=self._carry_out, args=(near,), daemon=True).start()
        threading.Thread(target=self._watch_led, args=(led_read,), daemon=True).start()

    def _stop(self) -> None:
        process, self._process = self._process, None
        line, self._line = self._line, None
        if process is not None:
            process.kill()
            process.wait()
        if line is not None:
            line.close()

    def _carry_out(self, line: socket.socket) -> None:
        while True:
            try:
                data = line.recv(_CHUNK)
            except OSError:
                return
            if not data:
                self._wire.wake()
                return
            self._wire.send(data)

    def _watch_led(self, descriptor: int) -> None:
        origin, last_ms = self._seconds(), 0
        with os.fdopen(descriptor, encoding="ascii", errors="replace") as lines:
            for line in lines:
                words = line.split()
                if len(words) == 3 and words[0] == "led" and words[1].isdigit() and words[2].isdigit():
                    now_ms = int(words[1])
                    if now_ms < last_ms:  # it has reset itself, and counts from zero
                        origin = self._seconds() - now_ms / 1000
                    last_ms = now_ms
                    self._trace.record(origin + now_ms / 1000, min(int(words[2]), 255) / 255)

    def _seconds(self) -> float:
        return time.monotonic() - self._power_on_at

    def flash(self, elf: Path) -> None:
        """Take a copy of the executable and start it.

        Raises:
            FlashError: missing, or this computer cannot run it.
        """
        with self._lock:
            self._stop()
            try:
                shutil.copyfile(elf, self._program)
                self._program.chmod(0o700)
            except OSError as error:
                raise FlashError(
                    f"the image {elf} cannot be read: {error.strerror}", hint="build it first", file=str(elf)
                ) from error
            self._report = None
            self._starts.clear()
            if self._powered:
                self._start()

    def reset(self) -> None:
        """Start the process anew; its fault record stays."""
        with self._lock:
            if self._powered:
                self._report = None
                self._starts.clear()
                self._start()

    def power(self, on: bool) -> None:
        """Power off forgets the fault record."""
        with self._lock:
            if on == self._powered:
                return
            self._powered = on
            self._report = None
            if on:
                self._power_on_at = time.monotonic()
                self._power_cycles += 1
                self._trace.clear()
                self._start()
            else:
                self._stop()
                self._noinit.unlink(missing_ok=True)

    def peek(self, address: int, size: int) -> bytes:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"the board {self._board.name!r} has no memory to look at from outside")

    def poke(self, address: int, data: bytes) -> None:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"the board {self._board.name!r} has no memory to change from outside")

    def overrun(self, count: int) -> None:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"the board {self._board.name!r} has no receiver that could overrun")

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
        }

    def led_trace(self) -> list[tuple[float, float]]:
        """(seconds since power-on, brightness 0..1), each change."""
        return self._trace.changes(until=float("inf"))

    def pins(self) -> dict[str, dict[str, object]]:
        """It has none."""
        return {}

    def report(self) -> str | None:
        """Why the process is not started again, if so."""
        return self._report
