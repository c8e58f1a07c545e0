"""A rig with a fake device on it: flashed, reset and connected to in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

from tinysine.boards import Board, load_board
from tinysine.device import Device
from tinysine.emulation import EmulatedBoard
from tinysine.errors import FlashError, PortUnavailable
from tinysine.image import Image
from tinysine.link import Identity, Session
from tinysine.rigs import Rig, RigKind
from tinysine.settings import BOARD, CONNECT_TIMEOUT_S
from tinysine.testing.fake_device import ALL_REQUESTS, FakeDevice
from tinysine.testing.fake_line import FakeClock, FakeLine

_CONNECT = Device.connect  # as it was, for a test may put `FakeRig.connect` in its place


class FakeRig(Rig):
    """A rig whose board is a FakeDevice. No program is run and no time passes but that of its clock.

    Args:
        device: on the board.
        board: of the catalogue; the reference board by default.
        kind: what the rig says stands behind the port.
        fresh: the board has no past.
        can_restart: another twin can take its place.

    Attributes:
        line, clock: between host and device.
        did: what was done to the board, in order: "connect", "flash", "reset", "power cycle", "restart", "close".
        mended_by: which of these ends `device.silent`; "" for none.
        flashed_sha256: of the file that was flashed, which a twin tells; None before.
        flash_error, said: what flashing raises, and what `report` returns or raises.
    """

    def __init__(
        self,
        device: FakeDevice | None = None,
        *,
        board: Board | None = None,
        kind: RigKind = "emulated",
        fresh: bool = True,
        can_restart: bool = False,
    ) -> None:
        self.device = device or FakeDevice()
        self.clock = FakeClock()
        self.line = FakeLine(self.device, self.clock)
        self.did: list[str] = []
        self.mended_by = ""
        self.flash_error: FlashError | None = None
        self.said: str | Exception = ""
        self.flashed_sha256: str | None = None
        super().__init__(board or load_board(BOARD.default), "fake://1", kind=kind)
        if kind != "hardware":
            self.emulator = cast(EmulatedBoard, _FakeEmulator(self))
        self.fresh, self.can_restart, self.can_power = fresh, can_restart, kind != "hardware"

    def connect(
        self,
        url: str | Callable[[], str],
        *,
        timeout_s: float = CONNECT_TIMEOUT_S,
        baud: int = 115200,
        **options: Any,
    ) -> Device:
        """Connect to the device; takes the place of `Device.connect`.

        Raises:
            PortUnavailable: not the port where the board is now.
            TinysineError: as `Device.connect`.
        """
        return _CONNECT(
            url,
            timeout_s=timeout_s,
            baud=baud,
            opener=lambda: self._open(url() if callable(url) else url),
            pause=self.clock.pause,
            clock=self.clock,
            **{**options, "deadline_clock": None},  # a fake board never waits for a processor
        )

    def kill(self) -> None:
        """Let the board answer nothing, until it is mended."""
        self.device.silent = ALL_REQUESTS

    def do(self, what: str) -> None:
        """Note what was done, and mend the board if this is what it needed."""
        self.did.append(what)
        if what == self.mended_by:
            self.device.silent = ()
            self.line.gone = False

    def _open(self, url: str) -> Session:
        self.do("connect")
        if url != self.port:
            raise PortUnavailable(f"port {url} does not exist", hint="replug it", port=url, cause="missing")
        self.line.closed = False
        self.line.name = url
        return Session(self.line, clock=self.clock)

    def _flash(self, image: Image) -> str:
        self.do("flash")
        if self.flash_error is not None:
            raise self.flash_error
        self.device.reset()
        self.device.run_image(image)
        self.flashed_sha256 = image.sha256
        return self.port

    def _reset(self) -> str:
        self.do("reset")
        self.device.reset()
        return self.port

    def _power_cycle(self) -> None:
        self.device.reset()
        self.do("power cycle")

    def _restart(self) -> str:
        self.close()
        self.do("restart")
        self.said, self.device.silent = "", ()
        return f"fake://{self.did.count('restart') + 1}"

    def recognise(self, identity: Identity) -> None:
        """As a rig of hardware does; a fake twin is known already."""
        if self.emulator is None:
            super().recognise(identity)

    def report(self) -> str:
        """Return `said`, or raise it; "" for hardware."""
        if self.emulator is not None and isinstance(self.said, Exception):
            raise self.said
        return "" if self.emulator is None else str(self.said)

    def close(self) -> None:
        """Note it."""
        self.did.append("close")


class _FakeEmulator:
    """Emulator handle with the parts that a rig uses."""

    pid = os.getpid()  # there is no other process

    def __init__(self, rig: FakeRig) -> None:
        self._rig = rig

    def status(self) -> dict[str, object]:
        unseen = ("instruction_hz", "resets", "faults", "inferences", "stack_bytes")
        return {"image_sha256": self._rig.flashed_sha256, "counting": False, **dict.fromkeys(unseen)}

    def orders_of_others(self) -> dict[str, int]:
        return {}
