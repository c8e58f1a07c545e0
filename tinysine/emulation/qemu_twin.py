"""A board whose machine QEMU models: QEMU on the wire, behind the same control socket as every twin."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tinysine.boards import Board
from tinysine.emulation.emulated_time import ClockMode
from tinysine.emulation.led_trace import LedTrace
from tinysine.emulation.qemu_led import LedRecorder, led_probe
from tinysine.emulation.qemu_process import QemuProcess, instruction_hz, is_paced, qemu_program
from tinysine.emulation.wire import Wire
from tinysine.errors import ConfigError, FlashError

log = logging.getLogger("tinysine.emulation")

_LOOK_S = 0.05
_CHUNK = 65536
_WIRE_STEP = 8  # bytes: an eighth of the receive buffer that Arduino has on an AVR
_LAST_WORDS = 2000
# An idle machine rests most of the time: it is several times as fast as the board, and polls.
_RUN_S, _REST_S = 0.004, 0.016
_AWAKE_S = 0.2
# Recording costs the machine some of its speed: it ends when nobody has asked for so long.
_FORGET_LED_S = 20.0


class QemuTwin:
    """The same life as EmulatedTwin's, with QEMU for a chip.

    Args:
        board: backend "qemu".
        folder: private; the image's copy is kept there.
        clock: "free" lets an idle machine run as fast as it can.

    Raises:
        ConfigError: QEMU is not installed.
    """

    def __init__(self, board: Board, wire: Wire, *, folder: Path, clock: ClockMode) -> None:
        self._board = board
        self._wire = wire
        self._qemu = qemu_program(board)
        self._image = folder / "image.elf"
        self._words = b""
        self._trace = LedTrace()
        self._probe = led_probe(board)
        self._recorder: LedRecorder | None = None
        self._led_asked_at = -_FORGET_LED_S
        self._clock = clock
        self._lock = threading.RLock()
        # QEMU ends with the thread that starts it, so there is one that lives as long as this process.
        self._starter = ThreadPoolExecutor(1, "qemu")
        self._awake_until = 0.0
        self._woken = threading.Event()
        self._process: QemuProcess | None = None
        self._powered = True
        self._report: str | None = None
        self._power_on_at = time.monotonic()
        self._resets = 0
        self._power_cycles = 1
        self._closing = False

    def run(self) -> None:
        """Carry bytes from the wire to the machine, and notice when QEMU ends, until `close`."""
        threading.Thread(target=self._pace, daemon=True).start()
        while not self._closing:
            self._wire.wait(_LOOK_S)
            data = self._wire.receive()
            with self._lock:
                process = self._process
                if process is not None and (code := process.ended()) is not None:
                    self._ended(code)
                    process = None
                if time.monotonic() - self._led_asked_at > _FORGET_LED_S:
                    self._stop_recording()
            if data and process is not None:
                self._wake()
                self._carry_in(process, data)

    def _carry_in(self, process: QemuProcess, data: bytes) -> None:
        try:
            if is_paced(self._board):
                for start in range(0, len(data), _WIRE_STEP):
                    self._wake()
                    process.send_as_by_wire(data[start : start + _WIRE_STEP])
            else:
                process.uart.sendall(data)
        except OSError:
            log.info("%d bytes for a machine that is no more", len(data))

    def _ended(self, code: int) -> None:
        self._stop()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        words = self._words.decode(errors="replace")
        why = next((line for line in words.splitlines() if "fatal" in line), words.strip())
        self._report = f"QEMU ended with {how}: {why}. It is not started again until the board is reset."
        log.warning("%s\n%s", self._report, words)

    def _start(self) -> None:
        self._stop()
        self._wire.receive()  # what came before
        if not self._image.exists():
            return
        self._resets += 1
        self._words = b""
        self._wake()
        process = self._process = self._starter.submit(
            QemuProcess,
            self._board,
            self._image,
            program=self._qemu,
            on_lines=self._hear,
            on_reset=self._count_reset,
        ).result()
        threading.Thread(target=self._carry_out, args=(process.uart,), daemon=True).start()
        if time.monotonic() - self._led_asked_at < _FORGET_LED_S:
            self._record_led()

    def _wake(self) -> None:
        self._awake_until = time.monotonic() + _AWAKE_S
        self._woken.set()

    def _pace(self) -> None:
        while not self._closing:
            self._woken.clear()
            process = self._process
            watched = self._recorder is not None or self._clock == "free"
            if process is None or watched or time.monotonic() < self._awake_until:
                time.sleep(_REST_S)
                continue
            process.pause()
            self._woken.wait(_REST_S)
            process.resume()
            time.sleep(_RUN_S)

    def _hear(self, lines: list[bytes]) -> None:
        recorder = self._recorder
        others = lines if recorder is None else recorder.hear(lines)
        if others:
            self._words = b"\n".join((self._words, *others))[-_LAST_WORDS:]

    def _count_reset(self) -> None:
        self._resets += 1

    def _record_led(self) -> None:
        if self._probe is None or self._process is None or self._recorder is not None:
            return
        self._wake()
        self._recorder = LedRecorder(self._probe, self._trace, seconds=self._seconds())
        for event in self._probe.events:
            self._process.trace(event, True)

    def _stop_recording(self) -> None:
        if self._recorder is None or self._probe is None or self._process is None:
            return
        for event in self._probe.events:
            self._process.trace(event, False)
        self._recorder = None

    def _seconds(self) -> float:
        return time.monotonic() - self._power_on_at

    def _stop(self) -> None:
        process, self._process = self._process, None
        self._recorder = None
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
                self._wake()
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
        self._starter.shutdown()

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
            "counting": True,
            "instruction_hz": instruction_hz(self._board),
            "records_led": self._probe is not None,
        }

    def led_trace(self) -> list[tuple[float, float]]:
        """(seconds since power-on, duty 0..1), each change since this was first asked.

        The seconds go by the board's own clock; duty is an average over a few of the pulses that dim the LED.
        """
        with self._lock:
            self._led_asked_at = time.monotonic()
            self._record_led()
        return self._trace.changes(until=float("inf"))

    def pins(self) -> dict[str, dict[str, object]]:
        """QEMU does not tell."""
        return {}

    def report(self) -> str | None:
        """Why QEMU is not started again, if so."""
        return self._report
