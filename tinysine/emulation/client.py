"""Starting, finding and handling emulated boards; each is a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import stat
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from msgspec import to_builtins

from tinysine.boards import Board, same_port
from tinysine.emulation.control import ask, decode_bytes, decode_error, encode_bytes
from tinysine.emulation.records import EmulatorRecord, running_emulators
from tinysine.emulation.witness import Inference, decode_inference
from tinysine.errors import BenchError, TinysineError
from tinysine.fair_clock import FairClock
from tinysine.outside_json import read_json_object
from tinysine.processes import python_command, python_environment, started
from tinysine.settings import CONNECT_TIMEOUT_S, TIMEOUT

_START_TIMEOUT_S = 20.0
_END_TIMEOUT_S = 5.0
_LOOK_EVERY_S = 0.25  # at the clock, while a process starts
_LAST_WORDS = 20_000


class EmulatedBoard:
    """A handle on a running emulated board. As a context manager it ends the board, if it started it.

    Attributes:
        port: pyserial URL; stays the same when the board is unplugged and plugged in again.
        control: path of its control socket.
        pid: of its process.
    """

    def __init__(
        self,
        port: str,
        control: str,
        pid: int,
        *,
        process: subprocess.Popen[bytes] | None,
        log: IO[bytes] | None,
    ) -> None:
        self.port = port
        self.control = control
        self.pid = pid
        self._process = process
        self._log = log
        self._ordered: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flash(self, elf: str | os.PathLike[str]) -> None:
        """Program an ELF file and reset.

        Raises:
            FlashError: not an image for this board.
        """
        self._order("flash", elf=str(Path(elf).resolve()))

    def reset(self) -> None:
        """Pull the reset pin."""
        self._order("reset")

    def power(self, on: bool) -> None:
        """Switch the power. Off forgets RAM."""
        self._order("power", on=on)

    def unplug(self) -> None:
        """Make the port vanish."""
        self._order("unplug")

    def plug(self) -> None:
        """Make the port appear again, under the same name."""
        self._order("plug")

    def _order(self, command: str, **arguments: object) -> Any:
        """Ask for what changes the board, or what it tells, and note that it was this handle."""
        self._ordered[command] += 1
        return ask(self.control, command, **arguments)

    def orders_of_others(self) -> dict[str, int]:
        """Return how often each order was given to the board since its start, by others than this handle."""
        given = Counter(self.status()["orders"])
        given.subtract(self._ordered)
        return {command: count for command, count in given.items() if count > 0}

    def status(self) -> dict[str, Any]:
        """board, backend, port, plugged, pid, orders (how often each was given), clock, loader, state ("off", "loader",
        "running", "stopped"), report, seconds, resets, power_cycles, overruns, counting, instruction_hz (instructions
        in a second of the board's time; None where no such rate exists), records_led, image_sha256 (of the file that
        was flashed), faults (exceptions since power-on), inferences (entries into the engine since it was flashed),
        stack_bytes (the deepest that the stack was written since reset), bytes_in, bytes_out, bytes_lost. None stands
        for what the twin cannot see.
        """
        status: dict[str, Any] = ask(self.control, "status")
        return status

    def led_trace(self) -> list[tuple[float, float]]:
        """(seconds since power-on, duty 0..1): each change of the LED's brightness, oldest first."""
        return [(float(seconds), float(duty)) for seconds, duty in ask(self.control, "led_trace")]

    def pins(self) -> dict[str, dict[str, object]]:
        """Return the firmware's settings of the pins: "P0.13" to {function, direction, level, pull}."""
        pins: dict[str, dict[str, object]] = ask(self.control, "pins")
        return pins

    def report(self) -> str | None:
        """Return the reason why the core stopped, in one paragraph; None while it has not stopped.

        Raises:
            BenchError: it was stopped, and not by its firmware.
        """
        report: str | None = ask(self.control, "report")
        return report

    def peek(self, address: int, size: int) -> bytes:
        """Bytes of memory."""
        return decode_bytes(ask(self.control, "peek", address=address, size=size))

    def poke(self, address: int, data: bytes) -> None:
        """Change memory (flash too) under the running firmware."""
        self._order("poke", address=address, data=encode_bytes(data))

    def watch(
        self,
        *,
        input_bytes: Sequence[int],
        output_bytes: Sequence[int],
        writable: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Have the emulator note every inference: instructions, stack, input and output. Costs some of its speed.

        Args:
            input_bytes, output_bytes: of each input and output of one inference.
            writable: address and bytes of what the engine may write, beside its outputs and its stack: the first write
                elsewhere is told by `status`, as `stray`. None: anything.
        Raises:
            ConfigError: this twin does not see its core.
        """
        self._order(
            "watch",
            input_bytes=list(input_bytes),
            output_bytes=list(output_bytes),
            writable=None if writable is None else [list(each) for each in writable],
        )

    def seen(self) -> list[Inference]:
        """The inferences noted since `watch`, or since this was last asked."""
        return [decode_inference(fields) for fields in self._order("seen")]

    def unwatch(self) -> None:
        """End what `watch` began."""
        self._order("unwatch")

    def overrun(self, count: int = 1) -> None:
        """Have the receiver lose its next `count` bytes, and say so as the hardware does."""
        self._order("overrun", count=count)

    def wire_fault(self, direction: str, kind: str, *, after: int = 0) -> None:
        """Order a fault of the wire.

        Args:
            direction: "to_device" or "to_host".
            kind: "drop", "flip" (all bits) or "duplicate" a byte, or insert one as "noise".
            after: bytes that pass unharmed before.
        """
        self._order("wire_fault", direction=direction, kind=kind, after=after)

    def close(self) -> None:
        """End the board's process, if this handle started it. Calling it again does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()  # it ends with its parent
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if self._log is not None:
            self._log.close()


def start_emulator(
    board: Board,
    *,
    clock: Literal["real", "free"] = "real",
    loader: str | None = None,
    unique_id: bytes | None = None,
    timeout_s: float = CONNECT_TIMEOUT_S,
) -> EmulatedBoard:
    """Start an emulated board, powered and with empty flash; it ends with this process at the latest.

    Args:
        board: backend "emulated", "host" or "qemu".
        clock: "real" follows this computer's clock; "free" lets idle time pass at once.
        loader: whose state the application finds, of those that the chip is known with (see the classes in
            tinysine/emulation/*/chip.py); by default the usual one.
        unique_id: 8 bytes. By default random ones that say that the chip is made of software (`TWIN_ID`); another
            one is for tests of what is done with chips that do not say so.
        timeout_s: for connecting to the board later; its process gets as long to start, and 20 s at least.

    Raises:
        ConfigError: a board that cannot be emulated, or a package is missing.
        BenchError: its process did not start.
    """
    wanted = {
        "board": to_builtins(board),
        "clock": clock,
        "loader": loader,
        "unique_id": unique_id.hex() if unique_id else None,
    }
    patience_s = max(_START_TIMEOUT_S, timeout_s)
    log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the handle
    process = subprocess.Popen(
        python_command("-m", "tinysine.emulation"),
        env=python_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,  # an interrupt from the keyboard is for the parent, which ends the board in order
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(wanted).encode() + b"\n")
        process.stdin.flush()
        # On a busy computer one that has no processor yet is not late: all tests of its board would fail.
        line = _first_line(process.stdout, patience_s=patience_s, clock=FairClock.of(process.pid))
        answer = read_json_object(line)
    except (OSError, ValueError) as error:
        process.kill()
        process.wait()
        log.seek(0)
        words = log.read().decode(errors="replace")[-_LAST_WORDS:].strip()
        with contextlib.suppress(OSError):  # nobody reads what was meant for it
            process.stdin.close()
        process.stdout.close()
        log.close()
        raise BenchError(
            f"the emulator of {board.name} did not start: {words.splitlines()[-1] if words else error}",
            hint="run `tinysine doctor`; with --debug, all that it said is shown",
            board=board.name,
            output=words,
        ) from ChildProcessError(f"{error}\n{words}")
    if "error" in answer:
        process.stdin.close()
        process.wait()
        process.stdout.close()
        log.close()
        raise decode_error(answer)
    return EmulatedBoard(answer["port"], answer["control"], answer["pid"], process=process, log=log)


def _first_line(stream: IO[bytes], *, patience_s: float, clock: Callable[[], float]) -> bytes:
    deadline = clock() + patience_s
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([stream], [], [], _LOOK_EVERY_S)[0]:
            if clock() < deadline:
                continue
            raise ValueError(
                f"silent for {patience_s:g} s; on a slow computer --timeout or {TIMEOUT.variable} gives it more"
            )
        byte = os.read(stream.fileno(), 4096)
        if not byte:
            raise ValueError("it ended at once")
        line += byte
    return line


def find_emulator(port: str) -> EmulatorRecord | None:
    """The running emulated board at a port, also one whose record is in another runtime folder; None if none is.

    Args:
        port: pyserial URL. Of a twin that another runtime folder knows, it has to be the name that the twin gave it.
    """
    for record in running_emulators():
        if same_port(record.port, port):
            return record
    # A twin's port and its control socket are side by side.
    control = Path(port).absolute().with_name("control")
    with contextlib.suppress(TinysineError, OSError, ValueError, TypeError, KeyError):
        if stat.S_ISSOCK(control.lstat().st_mode):
            status = ask(str(control), "status")
            if same_port(str(status["port"]), port):
                return EmulatorRecord(
                    str(status["board"]),
                    status["port"],
                    str(control),
                    int(status["pid"]),
                    started(int(status["pid"])),
                )
    return None


def attach_emulator(control: str) -> EmulatedBoard:
    """A handle on an emulated board that somebody else started. Closing it leaves the board running.

    Raises:
        BoardNotFound: nobody is there.
    """
    status = ask(control, "status")
    return EmulatedBoard(status["port"], control, status["pid"], process=None, log=None)
