"""A board that is ready to be flashed and talked to, whatever stands behind it."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Protocol, Self

from tinysine.boards import Board
from tinysine.emulation import EmulatedBoard
from tinysine.flashing.by_hand import ByHand
from tinysine.flashing.twin import attach_twin, start_twin
from tinysine.image import Image

RigKind = Literal["emulated", "host", "qemu", "hardware"]


class Flasher(Protocol):
    """One tool that puts images on boards. One small class a tool."""

    def flash(self, image: Image, port: str) -> None:
        """Program `image`. Success proves nothing: only the device's own identity does.

        Raises:
            FlashError: with tool, command and output.
        """

    def reset(self, port: str) -> None:
        """Start the image anew."""

    def close(self) -> None:
        """Let go of what the tool holds."""


class Rig:
    """A board at a port, with the tool that flashes it.

    Attributes:
        kind: what stands behind the port.
        port: pyserial URL.
        emulator: the handle on a twin; None for hardware.
    """

    def __init__(
        self, kind: RigKind, port: str, flasher: Flasher, *, emulator: EmulatedBoard | None = None
    ) -> None:
        self.kind = kind
        self.port = port
        self.emulator = emulator
        self._flasher = flasher

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flash(self, image: Image) -> None:
        """Put `image` on the board and start it.

        Raises:
            ConfigError: built for another board.
            FlashError: the tool says that it failed.
        """
        self._flasher.flash(image, self.port)

    def reset(self) -> None:
        """Start the image anew."""
        self._flasher.reset(self.port)

    def instruction_hz(self, unit: str, counter_hz: int | None) -> int | None:
        """Instructions in a second of what the board's latency counter takes for a second; None where no such rate
        exists.

        Args:
            unit: of one count, as the device names it.
            counter_hz: the counter's clock; None where the device does not know it.
        """
        if self.emulator is None:
            return None
        if self.kind == "emulated":
            return counter_hz if unit == "cycles" else None  # its cycle counter counts instructions
        hz: int | None = self.emulator.status().get("instruction_hz")
        return hz

    def close(self) -> None:
        """Let go: a twin that was started for this rig ends, anything else is left as it is."""
        self._flasher.close()


def open_rig(board: Board, *, port: str | None = None) -> Rig:
    """The board `board`, ready to be flashed.

    Args:
        port: none: the board's twin is started. That of a running twin: it is used, and left running. Any
            other: hardware, which is flashed by hand for now; a board that runs the image already needs no flashing.

    Raises:
        ConfigError: a twin of another board is at the port.
        BenchError: the twin does not start.
    """
    if port is None:
        flasher, emulator = start_twin(board)
        return Rig(_twin_kind(board), emulator.port, flasher, emulator=emulator)
    attached = attach_twin(board, port)
    if attached is not None:
        flasher, emulator = attached
        return Rig(_twin_kind(board), emulator.port, flasher, emulator=emulator)
    return Rig("hardware", port, ByHand(board))


def _twin_kind(board: Board) -> RigKind:
    kinds: dict[str, RigKind] = {"emulated": "emulated", "host": "host", "qemu": "qemu"}
    return kinds[board.backend]
