"""Twins of boards: flashed, reset and ended through their control socket."""

from __future__ import annotations

from tinysine.boards import Board
from tinysine.emulation import EmulatedBoard, attach_emulator, find_emulator, require_stand_in, start_emulator
from tinysine.errors import ConfigError
from tinysine.image import Image
from tinysine.rigs.lease import Lease, take_lease


class TwinFlasher:
    """Flashes a running twin. Closing it ends a twin that this process has started.

    Args:
        emulator: the twin.
        lease: on it, if it has one; given back when this is closed.
    """

    def __init__(self, emulator: EmulatedBoard, *, lease: Lease | None = None) -> None:
        self._emulator = emulator
        self._lease = lease

    def flash(self, image: Image, port: str) -> str:
        """Program the image's ELF file and start it; its port stays the same.

        Raises:
            FlashError: not an image that the twin takes.
        """
        self._emulator.flash(image.elf)
        return port

    def reset(self, port: str) -> str:
        """Pull the twin's reset pin."""
        self._emulator.reset()
        return port

    def close(self) -> None:
        """End what was started, give back what was leased."""
        self._emulator.close()
        if self._lease is not None:
            self._lease.release()


def start_twin(board: Board, *, shared: bool = False) -> tuple[TwinFlasher, EmulatedBoard]:
    """A new twin of the board, leased, so that nobody else flashes it meanwhile.

    Args:
        shared: it is for others to use, and not leased.

    Raises:
        ConfigError: this board has no twin that can be started here.
        BenchError: its process did not start.
    """
    require_stand_in(board)
    emulator = start_emulator(board)
    if shared:
        return TwinFlasher(emulator), emulator
    try:
        return TwinFlasher(emulator, lease=take_lease(emulator.port, board=board.name)), emulator
    except BaseException:
        emulator.close()
        raise


def attach_twin(board: Board, port: str) -> tuple[TwinFlasher, EmulatedBoard] | None:
    """The running twin at `port`, leased; None if no twin is there.

    Raises:
        ConfigError: it is a twin of another board.
        LeaseHeld: somebody else uses it.
    """
    record = find_emulator(port)
    if record is None:
        return None
    if record.board != board.name:
        raise ConfigError(
            f"the emulated board at {port} is {record.board}, not {board.name}",
            hint=f"--board {record.board}",
            expected=board.name,
            got=record.board,
        )
    emulator = attach_emulator(record.control)
    return TwinFlasher(emulator, lease=take_lease(emulator.port, board=board.name)), emulator
