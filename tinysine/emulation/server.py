"""The process of one emulated board: wire, twin, control socket, and an end with its parent."""

from __future__ import annotations

import functools
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tinysine.boards import TWIN_ID, Board
from tinysine.emulation.control import ControlServer, decode_bytes, encode_bytes
from tinysine.emulation.emulated_time import ClockMode
from tinysine.emulation.records import EmulatorRecord, emulator_folder, write_record
from tinysine.emulation.wire import Wire
from tinysine.emulation.witness import Inference, encode_inference
from tinysine.errors import ConfigError
from tinysine.processes import started
from tinysine.runtime_folder import runtime_folder

_LOOK_FOR_PARENT_S = 0.5


class Twin(Protocol):
    """Interface of a twin, a board made of software."""

    def run(self) -> None:
        """Live, until `close`."""

    def close(self) -> None:
        """End."""

    def flash(self, elf: Path) -> None:
        """Program and start."""

    def reset(self) -> None:
        """Pull the reset pin."""

    def power(self, on: bool) -> None:
        """On or off."""

    def peek(self, address: int, size: int) -> bytes:
        """Bytes of memory."""

    def poke(self, address: int, data: bytes) -> None:
        """Change memory."""

    def overrun(self, count: int) -> None:
        """Lose received bytes."""

    def status(self) -> dict[str, object]:
        """State and counters."""

    def watch(
        self,
        input_bytes: Sequence[int],
        output_bytes: Sequence[int],
        writable: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Note every inference exactly."""

    def seen(self) -> list[Inference]:
        """The inferences noted since this was last asked."""

    def unwatch(self) -> None:
        """Note them no more."""

    def led_trace(self) -> list[tuple[float, float]]:
        """Duty against time."""

    def pins(self) -> dict[str, dict[str, object]]:
        """Return the firmware's settings of the pins."""

    def report(self) -> str | None:
        """Return the reason why it stopped."""


class EmulatorServer:
    """One emulated board and everything around it.

    Raises:
        ConfigError: a board that cannot be emulated, or `unicorn` is missing.
        PortUnavailable: no pseudo-terminals here.
    """

    def __init__(
        self, board: Board, *, clock: ClockMode, loader: str | None, unique_id: bytes | None
    ) -> None:
        pid = os.getpid()
        self._board = board
        self._loader = loader
        self._clock = clock
        self._folder = emulator_folder(pid)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        self._wire = Wire(self._folder / "tty")
        self._ended = threading.Event()
        self._orders: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._twin = self._make_twin(unique_id)
        control = self._folder / "control"
        self._control = ControlServer(control, self._commands())
        self.record = EmulatorRecord(
            board=board.name, port=self._wire.port, control=str(control), pid=pid, started=started(pid)
        )
        self._core = threading.Thread(target=self._live, name="core", daemon=True)

    def _make_twin(self, unique_id: bytes | None) -> Twin:
        # A process is one board: only what that needs is loaded.
        if self._board.backend == "host":
            from tinysine.emulation.host_twin import HostTwin  # noqa: PLC0415

            return HostTwin(self._board, self._wire, folder=self._folder)
        if self._board.backend == "qemu":
            from tinysine.emulation.qemu_twin import QemuTwin  # noqa: PLC0415

            return QemuTwin(self._board, self._wire, folder=self._folder, clock=self._clock)
        if self._board.backend == "emulated":
            from tinysine.emulation.twin import EmulatedTwin  # noqa: PLC0415

            return EmulatedTwin(
                self._board,
                self._wire,
                clock=self._clock,
                loader=self._loader,
                unique_id=unique_id or TWIN_ID + os.urandom(8 - len(TWIN_ID)),
            )
        raise ConfigError(
            f"the board {self._board.name!r} is not emulated here: its backend is {self._board.backend!r}",
            key="backend",
            allowed=("emulated", "host", "qemu"),
        )

    def _live(self) -> None:
        try:
            self._twin.run()
        except Exception:
            logging.getLogger("tinysine.emulation").exception("the emulated board died")
        self._ended.set()

    def start(self) -> None:
        """Power the board."""
        self._core.start()
        write_record(self.record)

    def wait(self) -> None:
        """Until somebody ends it."""
        self._ended.wait()

    def end(self) -> None:
        """Have `wait` return."""
        self._ended.set()

    def close(self) -> None:
        """Power off, and leave nothing behind."""
        self._control.close()
        self._twin.close()
        self._wire.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _commands(self) -> dict[str, Callable[..., Any]]:
        twin = self._twin
        orders: dict[str, Callable[..., Any]] = {
            "flash": lambda elf: twin.flash(Path(elf)),
            "reset": twin.reset,
            "power": lambda on: twin.power(bool(on)),
            "plug": self._wire.plug,
            "unplug": self._wire.unplug,
            "poke": lambda address, data: twin.poke(address, decode_bytes(data)),
            "overrun": twin.overrun,
            "watch": twin.watch,
            "seen": lambda: [encode_inference(inference) for inference in twin.seen()],
            "unwatch": twin.unwatch,
            "wire_fault": self._wire.faults.order,
        }
        questions: dict[str, Callable[..., Any]] = {
            "led_trace": twin.led_trace,
            "pins": twin.pins,
            "report": twin.report,
            "peek": lambda address, size: encode_bytes(twin.peek(address, size)),
        }
        return {
            "status": self._status,  # which whoever lists the boards of this computer asks
            **{name: functools.partial(self._answer, action) for name, action in questions.items()},
            **{name: functools.partial(self._order, name, action) for name, action in orders.items()},
        }

    def _answer(self, action: Callable[..., Any], /, **arguments: Any) -> Any:
        self._wire.use()
        return action(**arguments)

    def _order(self, name: str, action: Callable[..., Any], /, **arguments: Any) -> Any:
        """Do what changes the board, or what it tells, and count it: whoever uses the board sees who else does."""
        with self._counting:
            self._orders[name] += 1
        return self._answer(action, **arguments)

    def _status(self) -> dict[str, object]:
        return {
            "board": self._board.name,
            "backend": self._board.backend,
            "port": self._wire.port,
            "plugged": self._wire.plugged,
            "pid": os.getpid(),
            "orders": dict(self._orders),
            "clock": self._clock,
            "loader": self._loader,
            "bytes_in": self._wire.bytes_in,
            "bytes_out": self._wire.bytes_out,
            "bytes_lost": self._wire.bytes_lost,
            **self._twin.status(),
        }


def serve(
    board: Board,
    *,
    clock: ClockMode,
    loader: str | None,
    unique_id: bytes | None,
    announce: Callable[[EmulatorRecord], None],
) -> None:
    """Run an emulated board in this process until a signal ends it, or its parent process ends.

    The parent's end of our standard input tells.

    Args:
        announce: called once the port can be opened.
    """
    runtime_folder()
    server = EmulatorServer(board, clock=clock, loader=loader, unique_id=unique_id)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.end())
    try:
        server.start()
        announce(server.record)
        parent = os.getppid()
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
        threading.Thread(target=_end_with_parent, args=(server, parent), daemon=True).start()
        server.wait()
    finally:
        server.close()


def _end_with_stdin(server: EmulatorServer) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.end()


def _end_with_parent(server: EmulatorServer, parent: int) -> None:
    # Another child of the parent may have inherited our standard input and keep it open.
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_S)
    server.end()


def announce_on_stdout(record: EmulatorRecord) -> None:
    """One line of JSON for whoever started this process."""
    print(json.dumps({"port": record.port, "control": record.control, "pid": record.pid}), flush=True)
