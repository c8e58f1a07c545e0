"""QEMU as a child process: which program, how it is called, and its control channel (QMP)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tinysine.boards import AVR, Board
from tinysine.errors import BenchError, ConfigError
from tinysine.outside_json import read_json_object

# Every instruction takes 2**7 ns of the machine's time. That is as fast as a small microcontroller, and several
# ticks of its counters, so that they count instructions: docs/boards.md.
INSTRUCTION_SHIFT = 7
INSTRUCTION_HZ = 1_000_000_000 // 2**INSTRUCTION_SHIFT

_NO_BYTE = 256
_ANSWER_S = 5.0
_CHUNK = 65536
_GATHER_S = 0.005
_WIRE_BYTE_S = 10 / 115_200
_TAKE_S = 1.0
# Linux ends a process with its parent if the process asks for it (prctl, PR_SET_PDEATHSIG), which QEMU does not.
_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class _Program:
    """One of QEMU's programs: its name, how it takes an image, what installs it, and what it can do."""

    name: str
    image_option: str
    install: str
    counts: bool  # instructions: the AVR's Timer1, which Arduino starts, ends a QEMU that does (7.2)
    paced: bool  # whether bytes have to come no faster than by wire


_ARM = _Program("qemu-system-arm", "-kernel", "apt install qemu-system-arm", counts=True, paced=False)
_PROGRAMS = {
    # Arduino's interrupt handler takes each byte at once, and drops it if the sketch does not keep up.
    AVR: _Program("qemu-system-avr", "-bios", "apt install qemu-system-misc", counts=False, paced=True),
}


def instruction_hz(board: Board) -> int | None:
    """Instructions in a second of the machine's time; None where there is no such rate."""
    return INSTRUCTION_HZ if _PROGRAMS.get(board.core, _ARM).counts else None


def is_paced(board: Board) -> bool:
    """Tell whether the host must send bytes to the machine no faster than a wire carries them."""
    return _PROGRAMS.get(board.core, _ARM).paced


def qemu_program(board: Board) -> str:
    """The path of the QEMU that has the board's machine.

    Raises:
        ConfigError: it is not installed; its hint says how to.
    """
    program = _PROGRAMS.get(board.core, _ARM)
    path = shutil.which(program.name)
    if path is None:
        raise ConfigError(
            f"{board.name} runs in QEMU, and {program.name} is not installed",
            hint=f"{program.install} (Debian, Ubuntu), brew install qemu (macOS), or use a board without QEMU",
            key="board",
            tool=program.name,
        )
    return path


class QemuProcess:
    """One running QEMU: from power-on to power-off. It ends when the thread that started it does.

    Attributes:
        line: our end of the machine's first serial port.

    Args:
        image: ELF file, in the machine's flash from the start.
        on_lines: called with the lines that QEMU prints, from another thread.
        on_reset: called for each reset of the machine, from another thread.
    """

    def __init__(
        self,
        board: Board,
        image: Path,
        *,
        program: str,
        on_lines: Callable[[list[bytes]], None],
        on_reset: Callable[[], None],
    ) -> None:
        self.line, far_uart = socket.socketpair()
        self._control, far_control = socket.socketpair()
        self._on_lines = on_lines
        self._on_reset = on_reset
        self._answers: dict[int, dict[str, Any]] = {}
        self._arrived = threading.Condition()
        self._asked = 0
        option = _PROGRAMS.get(board.core, _ARM).image_option
        command = [program, "-machine", board.machine, "-nodefaults", "-display", "none", option, str(image)]
        # QEMU's own way of keeping to this computer's time, align=on, comes to sleep most of it on boards whose
        # firmware polls: whoever wants that has to pause.
        if instruction_hz(board) is not None:
            command += ["-icount", f"shift={INSTRUCTION_SHIFT}"]
        uart = f"socket,id=uart,fd={far_uart.fileno()}"
        if not is_paced(board):
            # QEMU hands its UART one byte at a time, and then waits until the firmware has taken it. A multiplexer
            # keeps 32 bytes ready, which the UART takes without that detour: half of the cost. No byte is its escape
            # character.
            uart += ",mux=on"
            command += ["-echr", f"{_NO_BYTE}"]
        command += ["-chardev", uart, "-serial", "chardev:uart"]
        command += [
            "-chardev",
            f"socket,id=qmp,fd={far_control.fileno()}",
            "-mon",
            "chardev=qmp,mode=control",
        ]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", _WITH_PARENT, str(os.getpid()), *command]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # only that it is late, which on a busy computer is no news
                stderr=subprocess.PIPE,
                pass_fds=(far_uart.fileno(), far_control.fileno()),
            )
        except OSError as error:
            self._hang_up()
            raise BenchError(f"QEMU cannot be started: {error}", board=board.name, command=command) from error
        finally:
            far_uart.close()
            far_control.close()
        assert self._process.stderr is not None
        self._printed = threading.Thread(target=self._read_lines, args=(self._process.stderr,), daemon=True)
        self._printed.start()
        threading.Thread(target=self._read_control, daemon=True).start()
        self._send("qmp_capabilities")

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def send_as_by_wire(self, data: bytes) -> None:
        """Hand the machine a few bytes, and take as long as a wire of 115,200 baud would once it has taken them.

        Raises:
            OSError: it is no more.
        """
        self.line.sendall(data)
        deadline = time.monotonic() + _TAKE_S
        while self._untaken_bytes() and time.monotonic() < deadline:
            time.sleep(_WIRE_BYTE_S)
        time.sleep(len(data) * _WIRE_BYTE_S)

    def _untaken_bytes(self) -> int:
        """Return a count of the bytes that are still in the socket; 0 if the system cannot tell."""
        try:
            (count,) = struct.unpack("i", fcntl.ioctl(self.line, termios.TIOCOUTQ, bytes(4)))
        except OSError:
            return 0
        return int(count)

    def reset(self) -> None:
        """Pull the machine's reset pin. RAM stays.

        Raises:
            BenchError: QEMU does not answer.
        """
        self._ask("system_reset")

    def pause(self) -> None:
        """Have it take none of this computer's time, and the machine none of its own."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        self._process.send_signal(signal.SIGCONT)

    def trace(self, event: str, on: bool) -> None:
        """Have QEMU print each occurrence of an event, or no more.

        Raises:
            BenchError: QEMU does not answer.
        """
        self._ask("trace-event-set-state", name=event, enable=on)

    def close(self) -> None:
        """End it. What it printed has been read when this returns."""
        self._process.kill()
        self._process.wait()
        self._printed.join()
        self._hang_up()

    def _hang_up(self) -> None:
        for line in (self.line, self._control):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # wakes whoever reads
            line.close()

    def _send(self, command: str, **arguments: object) -> int:
        self._asked += 1
        line = json.dumps({"execute": command, "arguments": arguments, "id": self._asked}) + "\n"
        with contextlib.suppress(OSError):  # it has ended; no answer will say so
            self._control.sendall(line.encode())
        return self._asked

    def _ask(self, command: str, **arguments: object) -> None:
        number = self._send(command, **arguments)
        with self._arrived:
            if self._arrived.wait_for(lambda: number in self._answers, _ANSWER_S):
                self._answers.pop(number)
                return
        raise BenchError(
            f"QEMU did not answer {command} within {_ANSWER_S:.0f} s", hint="power the board off and on"
        )

    def _read_lines(self, stream: IO[bytes]) -> None:
        rest = b""
        with stream:
            while data := os.read(stream.fileno(), _CHUNK):
                *lines, rest = (rest + data).split(b"\n")
                if lines:
                    self._on_lines(lines)
                if len(data) > _CHUNK // 8:
                    continue
                time.sleep(_GATHER_S)  # a trace comes line by line, and each waking costs more than a line
        if rest:
            self._on_lines([rest])

    def _read_control(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._control.makefile("rb") as lines:
            for line in lines:
                message = read_json_object(line)
                if message.get("event") == "RESET":
                    self._on_reset()
                elif "id" in message:
                    with self._arrived:
                        self._answers[message["id"]] = message
                        self._arrived.notify_all()
