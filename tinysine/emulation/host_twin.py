"""The host "board": the firmware compiled for this computer, as a process on the wire."""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from tinysine.boards import Board
from tinysine.emulation.process_twin import ProcessTwin, how_it_ended, was_ended_from_outside
from tinysine.emulation.wire import Wire
from tinysine.errors import FlashError

log = logging.getLogger("tinysine.emulation")

# A firmware that ends so often in so short a time will not get any further.
_CRASHES, _CRASH_WINDOW_S = 5, 2.0


class HostProcess:
    """One run of the firmware.

    Attributes:
        line: our end of its serial line.
        led: descriptor from which its LED's changes are read, a line each; the caller closes it.

    Args:
        noinit: file in which it keeps what a reset must not clear.

    Raises:
        FlashError: this computer cannot run the program.
    """

    def __init__(self, program: Path, *, noinit: Path) -> None:
        self.line, far = socket.socketpair()
        self.led, led_far = os.pipe()
        try:
            program.chmod(0o700)
            self._process = subprocess.Popen(
                [str(program)],
                stdin=far.fileno(),
                stdout=far.fileno(),
                stderr=None,
                pass_fds=(led_far,),
                env={**os.environ, "TINYSINE_LED_FD": str(led_far), "TINYSINE_NOINIT": str(noinit)},
                cwd=program.parent,
            )
        except OSError as error:
            self.line.close()
            os.close(self.led)
            # It was made executable above, so what forbids it to run is the folder.
            forbidden = error.errno == errno.EACCES
            what = f"from {program.parent}" if forbidden else "on this computer"
            raise FlashError(
                f"the firmware does not start {what}: {error.strerror}",
                hint="a folder that is not mounted noexec: XDG_RUNTIME_DIR, or else TMPDIR, names another"
                if forbidden
                else "build it for the board `host`",
            ) from error
        finally:
            far.close()
            os.close(led_far)

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self.line.close()


class HostTwin(ProcessTwin[HostProcess]):
    """A board whose firmware runs on this computer. What survives a reset is a file.

    Args:
        folder: private; the program's copy and its fault record are kept there.
    """

    place = "a process of this computer"

    def __init__(self, board: Board, wire: Wire, *, folder: Path) -> None:
        super().__init__(board, wire, image=folder / "firmware")
        self._noinit = folder / "noinit"
        self._starts: list[float] = []

    def _launch(self) -> HostProcess:
        process = HostProcess(self._image, noinit=self._noinit)
        self._starts.append(time.monotonic())
        threading.Thread(target=self._watch_led, args=(process.led,), daemon=True).start()
        return process

    def _ended(self, code: int) -> None:
        if was_ended_from_outside(code):
            self._stop()
            trouble = f"something on this computer ended the firmware's process ({how_it_ended(code)})"
            self._give_up("", trouble=trouble, hint="see that there is memory enough, and run it again")
            return
        now = time.monotonic()
        self._starts = [start for start in self._starts if now - start < _CRASH_WINDOW_S]
        if len(self._starts) < _CRASHES:
            self._start()
            return
        self._stop()
        often = f"ended {_CRASHES} times within {_CRASH_WINDOW_S:.0f} s, last with {how_it_ended(code)}"
        # A fault in the firmware makes it execute itself anew: one that only ends has never come to life.
        silent = code >= 0 and not self._spoke
        self._give_up(
            f"The firmware {often}",
            trouble=f"the firmware does not run on this computer: it {often}, without a word"
            if silent
            else "",
            hint="build it here, for the board `host`",
        )

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

    def flash(self, elf: Path) -> None:
        """Take a copy of the executable and start it.

        Raises:
            FlashError: missing, or this computer cannot run it.
        """
        with self._lock:
            self._starts.clear()
            super().flash(elf)

    def reset(self) -> None:
        """Start the process anew; its fault record stays."""
        with self._lock:
            self._starts.clear()
            super().reset()

    def power(self, on: bool) -> None:
        """Power off forgets the fault record."""
        with self._lock:
            super().power(on)
            if not on:
                self._noinit.unlink(missing_ok=True)
