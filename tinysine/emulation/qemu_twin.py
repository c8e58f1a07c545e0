"""A board whose machine QEMU models: QEMU on the wire, behind the same control socket as every twin."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tinysine.boards import Board
from tinysine.emulation.emulated_time import ClockMode
from tinysine.emulation.process_twin import ProcessTwin, how_it_ended, was_ended_from_outside
from tinysine.emulation.qemu_led import LedRecorder, led_probe
from tinysine.emulation.qemu_process import QemuProcess, instruction_hz, is_paced, qemu_program
from tinysine.emulation.qemu_rest import Rest
from tinysine.emulation.wire import Wire

log = logging.getLogger("tinysine.emulation")

_WIRE_STEP = 8  # bytes: an eighth of the receive buffer that Arduino has on an AVR
_LAST_WORDS = 2000
_TERMINATED = "terminating on signal"
# An idle machine rests most of the time: it is several times as fast as the board, and polls.
_RUN_S, _REST_S = 0.004, 0.016
_LONG_REST_S = 0.4  # of a machine that nobody uses
# Recording costs the machine some of its speed: it ends when nobody has asked for so long.
_FORGET_LED_S = 20.0


class QemuTwin(ProcessTwin[QemuProcess]):
    """A board in QEMU.

    Args:
        board: backend "qemu".
        folder: private; the image's copy is kept there.
        clock: "free" lets an idle machine run as fast as it can.

    Raises:
        ConfigError: QEMU is not installed.
    """

    place = "QEMU"

    def __init__(self, board: Board, wire: Wire, *, folder: Path, clock: ClockMode) -> None:
        super().__init__(board, wire, image=folder / "image.elf")
        self._qemu = qemu_program(board)
        self._words = b""
        self._probe = led_probe(board)
        self._recorder: LedRecorder | None = None
        self._led_asked_at = -_FORGET_LED_S
        self._clock = clock
        # QEMU ends with the thread that starts it, so there is one that lives as long as this process.
        self._starter = ThreadPoolExecutor(1, "qemu")
        self._rest = Rest()
        self._woken = threading.Event()

    def run(self) -> None:
        """Carry bytes from the wire to the machine, and notice when QEMU ends, until `close`."""
        threading.Thread(target=self._pace, daemon=True).start()
        super().run()

    def _look(self) -> QemuProcess | None:
        process = super()._look()
        if time.monotonic() - self._led_asked_at > _FORGET_LED_S:
            self._stop_recording()
        return process

    def _carry_in(self, process: QemuProcess, data: bytes) -> None:
        self._rest.asked()
        self._woken.set()
        if not is_paced(self._board):
            process.line.sendall(data)
            return
        for start in range(0, len(data), _WIRE_STEP):
            self._rest.asked()
            process.send_as_by_wire(data[start : start + _WIRE_STEP])

    def _has_said(self) -> None:
        super()._has_said()
        self._rest.answered()

    def _ended(self, code: int) -> None:
        self._stop()
        words = self._words.decode(errors="replace")
        why = next((line for line in words.splitlines() if "fatal" in line), words.strip())
        log.info("QEMU's last words: %s", words)
        what, trouble, hint = f"QEMU ended with {how_it_ended(code)}", "", ""
        # QEMU takes SIGTERM for a wish, and ends with exit code 0.
        if was_ended_from_outside(code) or _TERMINATED in words:
            trouble = f"{self._board.name}: something on this computer ended QEMU ({how_it_ended(code)})"
            hint = "see that there is memory enough, and run it again"
        elif code >= 0 and not self._spoke:
            trouble = f"{self._board.name}: QEMU does not start ({how_it_ended(code)}): {why}"
            hint = "see `machine` in the board file, and run `tinysine doctor`"
        self._give_up(f"{what}: {why}", trouble=trouble, hint=hint)

    def _launch(self) -> QemuProcess:
        self._words = b""
        self._wake()
        return self._starter.submit(
            QemuProcess,
            self._board,
            self._image,
            program=self._qemu,
            on_lines=self._hear,
            on_reset=self._count_reset,
        ).result()

    def _start(self) -> None:
        super()._start()
        if time.monotonic() - self._led_asked_at < _FORGET_LED_S:
            self._record_led()

    def _stop(self) -> None:
        self._recorder = None
        super()._stop()

    def _wake(self) -> None:
        self._rest.wake()
        self._woken.set()

    def _pace(self) -> None:
        while not self._closing:
            self._woken.clear()
            process = self._process
            watched = self._recorder is not None or self._clock == "free"
            if process is None or watched or not self._rest.is_due():
                time.sleep(_REST_S)
                continue
            process.pause()
            # An inference may take minutes: with long rests, it would get a hundredth of its time.
            unused = self._wire.nobody_uses_it and not self._rest.owes_answer
            self._woken.wait(_LONG_REST_S if unused else _REST_S)
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

    def reset(self) -> None:
        """Pull the reset pin: RAM stays, except on an AVR, and where QEMU has ended."""
        # QEMU's AVR machines answer nothing after a `system_reset` (seen with 7.2): they are started anew.
        can_reset = not self._board.core.startswith("avr")
        with self._lock:
            if can_reset and self._process is not None and self._process.ended() is None:
                self._wake()
                self._process.reset()
            else:
                super().reset()

    def close(self) -> None:
        """End QEMU for good."""
        super().close()
        self._starter.shutdown()

    def status(self) -> dict[str, object]:
        """State and counters."""
        hz = instruction_hz(self._board)
        return {
            **super().status(),
            "counting": hz is not None,
            "instruction_hz": hz,
            "records_led": self._probe is not None,
        }

    def led_trace(self) -> list[tuple[float, float]]:
        """(seconds since power-on, duty 0..1), each change since this was first asked.

        The seconds go by the board's own clock; duty is an average over a few of the pulses that dim the LED.
        """
        with self._lock:
            self._led_asked_at = time.monotonic()
            self._record_led()
        return super().led_trace()
