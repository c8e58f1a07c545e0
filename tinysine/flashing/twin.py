"""Twins of boards: flashed, reset and ended through their control socket."""

from __future__ import annotations

from tinysine.boards import Board
from tinysine.emulation import EmulatedBoard, attach_emulator, running_emulators, start_emulator
from tinysine.errors import ConfigError
from tinysine.flashing.usb import same_port
from tinysine.image import Image


class TwinFlasher:
    """Flashes a running twin. Closing it ends a twin that this process has started."""

    def __init__(self, emulator: EmulatedBoard) -> None:
        self._emulator = emulator

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

    def renew(self) -> None:
        """Nothing: a twin is nobody else's."""

    def close(self) -> None:
        """End what was started."""
        self._emulator.close()


def start_twin(board: Board) -> tuple[TwinFlasher, EmulatedBoard]:
    """A new twin of the board.

    Raises:
        ConfigError: this board has no twin that can be started here.
        BenchError: its process did not start.
    """
    if not board.has_twin:
        raise ConfigError(
            f"nothing stands in for {board.name}: it has to be attached",
            hint="--port PORT, or --port auto; or --board with the name of another one",
            key="port",
        )
    emulator = start_emulator(board)
    return TwinFlasher(emulator), emulator


def attach_twin(board: Board, port: str) -> tuple[TwinFlasher, EmulatedBoard] | None:
    """The running twin at `port`; None if no twin is there.

    Raises:
        ConfigError: it is a twin of another board.
    """
    for record in running_emulators():
        if not same_port(record.port, port):
            continue
        if record.board != board.name:
            raise ConfigError(
                f"the emulated board at {port} is {record.board}, not {board.name}",
                hint=f"--board {record.board}",
                expected=board.name,
                got=record.board,
            )
        emulator = attach_emulator(record.control)
        return TwinFlasher(emulator), emulator
    return None
