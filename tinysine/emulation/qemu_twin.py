"""A board whose machine QEMU models: QEMU on the wire, behind the same control socket as every twin."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
import time
from pathlib import Path

from tinysine.boards import Board
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.qemu_process import INSTRUCTION_HZ, QemuProcess, qemu_program
from tinysine.emulation.wire import Wire
from tinysine.errors import ConfigError, FlashError

log = logging.getLogger("tinysine.emulation")

_LOOK_S = 0.05
_CHUNK = 65536
_LAST_WORDS = 2000


class QemuTwin:
    """The same life as EmulatedTwin's, with QEMU for a chip.

    Args:
        board: backend "qemu".
        folder: private; the image's copy and QEMU's log are kept there.

    Raises:
        ConfigError: QEMU is not installed.
    """

    def __init__(self, board: Board, wire: Wire, *, folder: Path) -> None:
        self._board = board
        self._wire = wire
        self._qemu = qemu_program(board)
        self._image = folder / "image.elf"
        self._log = folder / "qemu.log"
        self._trace = LedTrace()
        self._lock = threading.RLock()
        self._process: QemuProcess | None = None
        self._powered = True
        self._report: str | None = None
        self._power_on_at = time.monotonic()
        self._resets = 0
        self._power_cycles = 1
        self._closing = False

    def run(self) -> None:
        """Carry bytes from the wire to the machine, and notice when QEMU ends, until `close`."""
        while not self._closing:
            self._wire.wait(_LOOK_S)
            data = self._wire.receive()
            with self._lock:
                process = self._process
                if process is not None and (code := process.ended()) is not None:
                    self._ended(code)
                    process = None
            if data and process is not None:
                try:
                    process.uart.sendall(data)
                except OSError:
                    log.info("%d bytes for a machine that is no more", len(data))

    def _ended(self, code: int) -> None:
        self._stop()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        words = self._log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]
        why = next((line for line in words.splitlines() if "fatal" in line), words.strip())
        self._report = f"QEMU ended with {how}: {why}. It is not started again until the board is reset."
        log.warning("%s\n%s", self._report, words)

    def _start(self) -> None:
        self._stop()
        self._wire.receive()  # what came before
        if not self._image.exists():
            return
        self._resets += 1
        with self._log.open("wb") as output:
            process = QemuProcess(
                self._board, self._image, program=self._qemu, log=output, on_reset=self._count_reset
            )
        self._process = process
        threading.Thread(target=self._carry_out, args=(process.uart,), daemon=True).start()

    def _count_reset(self) -> None:
        self._resets += 1

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()

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

    def flash(self, elf: Path) -> None:
        """Take a copy of the image and start a new machine with it in its flash.

        Raises:
            FlashError: it cannot be read.
        """
        with self._lock:
            self._stop()
            try:
                shutil.copyfile(elf, self._image)
            except OSError as error:
                raise FlashError(
                    f"the image {elf} cannot be read: {error.strerror}", hint="build it first", file=str(elf)
                ) from error
            self._report = None
            if self._powered:
                self._start()

    def reset(self) -> None:
        """Pull the reset pin: RAM stays, except where QEMU has ended."""
        with self._lock:
            if not self._powered:
                return
            self._report = None
            if self._process is not None and self._process.ended() is None:
                self._process.reset()
            else:
                self._start()

    def power(self, on: bool) -> None:
        """Off ends QEMU, and RAM is lost; on starts it with the image that was flashed last."""
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

    def peek(self, address: int, size: int) -> bytes:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"{self._board.name}: memory in QEMU is not looked at from outside")

    def poke(self, address: int, data: bytes) -> None:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"{self._board.name}: memory in QEMU is not changed from outside")

    def overrun(self, count: int) -> None:  # noqa: ARG002 - the interface of every twin
        """Not on this board."""
        raise ConfigError(f"{self._board.name}: a receiver in QEMU never overruns")

    def close(self) -> None:
        """End QEMU for good."""
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
            "seconds": time.monotonic() - self._power_on_at,
            "resets": self._resets,
            "power_cycles": self._power_cycles,
            "overruns": 0,
            "counting": True,
            "instruction_hz": INSTRUCTION_HZ,
        }

    def led_trace(self) -> list[tuple[float, float]]:
        """Empty: nothing is recorded."""
        return self._trace.changes(until=float("inf"))

    def pins(self) -> dict[str, dict[str, object]]:
        """QEMU does not tell."""
        return {}

    def report(self) -> str | None:
        """Why QEMU is not started again, if so."""
        return self._report
