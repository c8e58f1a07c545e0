"""A board that is ready to be flashed and talked to, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Literal, Protocol, Self

from tinysine.boards import Board, list_boards
from tinysine.emulation import EmulatedBoard
from tinysine.errors import BenchError, ConfigError, FlashError, TinysineError
from tinysine.flashing.hardware import HardwareFlasher
from tinysine.flashing.lease import take_lease
from tinysine.flashing.tool import Wiring, tell_on_stderr
from tinysine.flashing.twin import attach_twin, start_twin
from tinysine.flashing.usb import own_serial, usb_port
from tinysine.image import Image

RigKind = Literal["emulated", "host", "qemu", "hardware"]


class Flasher(Protocol):
    """What puts images on one kind of board: twins, or hardware with its tools."""

    def flash(self, image: Image, port: str) -> str:
        """Program `image`. Success proves nothing: only the device's own identity does.

        Returns:
            The port where the board is afterwards: hardware may come back under another name.
        Raises:
            FlashError: with tool, command and output.
        """

    def reset(self, port: str) -> str:
        """Start the image anew; returns the port as `flash` does."""

    def close(self) -> None:
        """Let go of what the tool holds."""


class Rig:
    """A board at a port, with the tool that flashes it.

    Attributes:
        board: of the catalogue.
        kind: what stands behind the port.
        port: pyserial URL; may change when hardware is flashed or reset.
        emulator: the handle on a twin; None for hardware.
        fresh: the board was started for this rig, and has no past.
    """

    def __init__(
        self,
        board: Board,
        kind: RigKind,
        port: str,
        flasher: Flasher,
        *,
        emulator: EmulatedBoard | None = None,
        fresh: bool = False,
        start_again: Callable[[], tuple[Flasher, EmulatedBoard]] | None = None,
    ) -> None:
        self.board = board
        self.kind = kind
        self.port = port
        self.emulator = emulator
        self.fresh = fresh
        self._flasher = flasher
        self._start_again = start_again

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flash(self, image: Image, *, instead_of: TinysineError | None = None) -> None:
        """Put `image` on the board and start it.

        Args:
            instead_of: what the board was like before. It is the better story if flashing fails, which is said with it.
        Raises:
            ConfigError: built for another board, or the board file leaves out what the tool must know.
            FlashError: the tool says that it failed, or there is none.
            PortUnavailable: the board did not come back.
        """
        if image.board.name != self.board.name:
            raise ConfigError(
                f"the image is for {image.board.name}, the board at {self.port} is {self.board.name}",
                hint="build the image for this board",
                expected=self.board.name,
                got=image.board.name,
            )
        try:
            self.port = self._flasher.flash(image, self.port)
        except FlashError as error:
            if instead_of is None:
                raise
            instead_of.hint = f"it could not be flashed: {error}; {instead_of.hint}".removesuffix("; ")
            raise instead_of from error

    def reset(self) -> None:
        """Start the image anew.

        Raises:
            FlashError, PortUnavailable: as `flash`.
        """
        self.port = self._flasher.reset(self.port)

    @property
    def can_restart(self) -> bool:
        """The board is a twin that was started for this rig, so that another one can take its place."""
        return self._start_again is not None

    def restart(self) -> None:
        """End the twin, if it still lives, and start another one, with empty flash and at another port.

        Raises:
            BenchError: it does not start, or the board is none that was started for this rig.
        """
        if self._start_again is None:
            raise BenchError(f"{self.board.name} at {self.port} was not started here, and cannot be replaced")
        self._flasher.close()
        self._flasher, self.emulator = self._start_again()
        self.port = self.emulator.port

    def report(self) -> str:
        """What the firmware did that stopped the emulator, such as an access outside the memory map.

        Returns:
            "" for nothing, and for hardware.
        Raises:
            BenchError: the emulator was stopped, or is gone, and the firmware is not to blame.
        """
        return (self.emulator.report() or "") if self.emulator is not None else ""

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
        hz: int | None = self.emulator.status()["instruction_hz"]
        return hz

    def close(self) -> None:
        """Let go: a twin that was started for this rig ends, anything else is left as it is."""
        self._flasher.close()


def open_rig(
    board: Board,
    *,
    port: str | None = None,
    wiring: Wiring | None = None,
    tell: Callable[[str], None] = tell_on_stderr,
) -> Rig:
    """The board `board`, ready to be flashed.

    Args:
        port: none: the board's twin is started. That of a running twin: it is used, and left running. Any
            other: hardware. What was there before is leased until the rig is closed.
        wiring: of hardware, where it has to be said: which probe, which upload port, which tool.
        tell: shows a person what to do before a tool waits for it.

    Raises:
        ConfigError: a twin of another board is at the port, the port is one where the board takes uploads only, or
            no such flash tool exists.
        LeaseHeld: somebody else uses the hardware, or the running twin.
        BenchError: the twin does not start.
    """
    if port is None:
        flasher, emulator = start_twin(board)
        return Rig(
            board,
            _twin_kind(board),
            emulator.port,
            flasher,
            emulator=emulator,
            fresh=True,
            start_again=lambda: start_twin(board),
        )
    attached = attach_twin(board, port)
    if attached is not None:
        flasher, emulator = attached
        return Rig(board, _twin_kind(board), emulator.port, flasher, emulator=emulator)
    return Rig(board, "hardware", port, _open_hardware(board, port, wiring or Wiring(), tell))


def _open_hardware(board: Board, port: str, wiring: Wiring, tell: Callable[[str], None]) -> HardwareFlasher:
    usb = usb_port(port)
    if usb is not None and (usb.vendor_id, usb.product_id) in board.upload_usb_ids:
        others = [other.name for other in list_boards() if (usb.vendor_id, usb.product_id) in other.usb_ids]
        raise ConfigError(
            f"{port} is the board's own USB, and {board.name} does not speak there: its link is on pins",
            hint=" ".join(f"--board {name};" for name in others)
            + " or the port of the adapter on its pins, and this one as `upload_port` in the bench file",
            key="port",
        )
    lease = take_lease(port, board=board.name, usb_serial=own_serial(port))
    try:
        return HardwareFlasher(board, wiring=wiring, lease=lease, tell=tell)
    except BaseException:
        lease.release()
        raise


def _twin_kind(board: Board) -> RigKind:
    kinds: dict[str, RigKind] = {"emulated": "emulated", "host": "host", "qemu": "qemu"}
    return kinds[board.backend]
