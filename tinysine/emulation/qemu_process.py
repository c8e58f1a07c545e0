"""QEMU as a child process: which program, how it is called, and its control channel (QMP)."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from tinysine.boards import Board
from tinysine.errors import BenchError, ConfigError

# Every instruction takes 2**7 ns of the machine's time. That is as fast as a small microcontroller, and several
# ticks of its counters, so that they count instructions: docs/boards.md.
INSTRUCTION_SHIFT = 7
INSTRUCTION_HZ = 1_000_000_000 // 2**INSTRUCTION_SHIFT

_ANSWER_S = 5.0
# By core: program, how it takes an image, what installs it.
_PROGRAMS = {
    "avr5": ("qemu-system-avr", "-bios", "apt install qemu-system-misc"),
    "": ("qemu-system-arm", "-kernel", "apt install qemu-system-arm"),
}


def qemu_program(board: Board) -> str:
    """The path of the QEMU that has the board's machine.

    Raises:
        ConfigError: it is not installed; its hint says how to.
    """
    name, _, install = _PROGRAMS.get(board.core, _PROGRAMS[""])
    path = shutil.which(name)
    if path is None:
        raise ConfigError(
            f"{board.name} runs in QEMU, and {name} is not installed",
            hint=f"{install} (Debian, Ubuntu), brew install qemu (macOS), or use a board without QEMU",
            key="board",
            tool=name,
        )
    return path


class QemuProcess:
    """One running QEMU: from power-on to power-off.

    Attributes:
        uart: our end of the machine's first serial port.

    Args:
        image: ELF file, in the machine's flash from the start.
        log: what QEMU prints goes there.
        on_reset: called for each reset of the machine, from another thread.
    """

    def __init__(
        self, board: Board, image: Path, *, program: str, log: IO[bytes], on_reset: Callable[[], None]
    ) -> None:
        self.uart, far_uart = socket.socketpair()
        self._control, far_control = socket.socketpair()
        self._on_reset = on_reset
        self._answers: dict[int, dict[str, Any]] = {}
        self._arrived = threading.Condition()
        self._asked = 0
        option = _PROGRAMS.get(board.core, _PROGRAMS[""])[1]
        command = [program, "-machine", board.machine, "-nodefaults", "-display", "none", option, str(image)]
        # Not faster than this computer's clock either, so that the demo takes its time and an idle board no core.
        command += ["-icount", f"shift={INSTRUCTION_SHIFT},align=on"]
        command += ["-chardev", f"socket,id=uart,fd={far_uart.fileno()}", "-serial", "chardev:uart"]
        command += [
            "-chardev",
            f"socket,id=qmp,fd={far_control.fileno()}",
            "-mon",
            "chardev=qmp,mode=control",
        ]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(far_uart.fileno(), far_control.fileno()),
            )
        except OSError as error:
            self._hang_up()
            raise BenchError(f"QEMU cannot be started: {error}", board=board.name, command=command) from error
        finally:
            far_uart.close()
            far_control.close()
        threading.Thread(target=self._read_control, daemon=True).start()
        self._send("qmp_capabilities")

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def reset(self) -> None:
        """Pull the machine's reset pin. RAM stays.

        Raises:
            BenchError: QEMU does not answer.
        """
        self._ask("system_reset")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        for line in (self.uart, self._control):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # wakes whoever reads
            line.close()

    def _send(self, command: str) -> int:
        self._asked += 1
        line = json.dumps({"execute": command, "id": self._asked}) + "\n"
        with contextlib.suppress(OSError):  # it has ended; no answer will say so
            self._control.sendall(line.encode())
        return self._asked

    def _ask(self, command: str) -> None:
        number = self._send(command)
        with self._arrived:
            if self._arrived.wait_for(lambda: number in self._answers, _ANSWER_S):
                self._answers.pop(number)
                return
        raise BenchError(
            f"QEMU did not answer {command} within {_ANSWER_S:.0f} s", hint="power the board off and on"
        )

    def _read_control(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._control.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                if message.get("event") == "RESET":
                    self._on_reset()
                elif "id" in message:
                    with self._arrived:
                        self._answers[message["id"]] = message
                        self._arrived.notify_all()
