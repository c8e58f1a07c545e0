"""A board that is ready to be flashed and talked to, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Literal, Protocol, Self

from tinysine.boards import AttachedBoard, Board, list_boards
from tinysine.device import Device
from tinysine.emulation import EmulatedBoard, FairClock
from tinysine.errors import BenchError, ConfigError, FlashError, IdentityMismatch, TinysineError
from tinysine.flashing.tool import tell_on_stderr
from tinysine.flashing.usb import own_serial, usb_port
from tinysine.image import Image
from tinysine.link import Identity, Timing
from tinysine.link.expectation import Expected
from tinysine.place import NEW_TWIN, NewTwin, Place, Wiring
from tinysine.rigs.lease import take_lease
from tinysine.rigs.local import HardwareFlasher
from tinysine.rigs.twin import attach_twin, start_twin

RigKind = Literal["emulated", "host", "qemu", "hardware", "unknown"]
UNPROVED_UNIT = "counts"  # of a counter that nobody knows
_CONTROLLED = "its control socket answers"


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
        kind: what stands behind the port: a twin of some kind, or hardware, once either has been proved. Else it is
            "unknown": its outputs can be judged, its counter cannot.
        proof: what proved the kind, for people; "" where nothing did.
        port: pyserial URL; may change when hardware is flashed or reset.
        emulator: the handle on a twin; None for hardware.
        fresh: the board was started for this rig, and has no past.
        epoch: how often the board was flashed, reset, switched or replaced by this rig; devices that it opened
            reconnect by it.
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
        proof: str = "",
        unique_id: str = "",
    ) -> None:
        self.board = board
        self.kind = kind
        self.proof = proof
        self.port = port
        self.emulator = emulator
        self.fresh = fresh
        self.epoch = 0
        self._fair: tuple[int, FairClock] | None = None
        self._flasher = flasher
        self._start_again = start_again
        self._unique_id = unique_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_twin(self) -> bool:
        """True for a board that is proved to be made of software."""
        return self.kind not in ("hardware", "unknown")

    def recognise(self, identity: Identity) -> None:
        """Settle what stands behind the port by what the device says of itself.

        Args:
            identity: of the device at this port.
        Raises:
            IdentityMismatch: the bench file expects another chip there.
        """
        if self.emulator is not None:
            return  # its control socket has proved it
        if identity.is_twin:
            self.kind, self.proof = _twin_kind(self.board), "its chip id is that of a twin"
            return
        expected = self._unique_id
        if expected and identity.unique_id != expected:
            raise IdentityMismatch(
                f"the bench file expects the chip {expected} at {self.port}, and the device reports "
                f"{identity.unique_id or 'none'}",
                hint="another board is plugged in there, or the bench file is wrong",
                field="unique_id",
                expected=expected,
                got=identity.unique_id,
            )
        if expected:
            self.kind, self.proof = "hardware", f"the bench file expects its chip id {expected}"

    def open_device(
        self,
        build: Expected | None = None,
        *,
        timeout_s: float,
        connect: Callable[..., Device] | None = None,
    ) -> Device:
        """Connect to the board, settle what stands behind the port, and hold what it runs against a build.

        Args:
            build: that it must prove to run; None to ask nothing yet.
            timeout_s: how long connecting may take.
            connect: opens a device by URL; the default is `Device.connect`.
        Raises:
            as `Device.connect`, and IdentityMismatch: another chip than the bench file expects, or another build. The
            connection is closed then.
        """
        device = (connect or Device.connect)(
            lambda: self.port,
            timeout_s=timeout_s,
            baud=self.board.baud,
            epoch=lambda: self.epoch,
            recognise=self.recognise,
            deadline_clock=None if self.emulator is None else self._fair_clock,
        )
        try:
            if build is not None:
                device.require(build)
        except BaseException:
            device.close()
            raise
        return device

    def _fair_clock(self) -> float:
        """Seconds by which deadlines pass: those of the twin that is there now."""
        assert self.emulator is not None
        if self._fair is None or self._fair[0] != self.emulator.pid:
            self._fair = (self.emulator.pid, FairClock.of(self.emulator.pid))
        return self._fair[1]()

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
        self._refuse_strange_twin()
        self.epoch += 1
        try:
            self.port = self._flasher.flash(image, self.port)
        except FlashError as error:
            if instead_of is None:
                raise
            instead_of.hint = f"{instead_of.hint}; and it could not be flashed: {error.message}".removeprefix(
                "; "
            )
            raise instead_of from error

    def reset(self) -> None:
        """Start the image anew.

        Raises:
            FlashError, PortUnavailable: as `flash`.
        """
        self._refuse_strange_twin()
        self.epoch += 1
        self.port = self._flasher.reset(self.port)

    @property
    def can_power(self) -> bool:
        """The power of the board can be switched from here."""
        return self.emulator is not None

    def power_cycle(self) -> None:
        """Switch the board off and on: RAM is forgotten.

        Raises:
            BenchError: nothing here can switch it, or it does not obey.
        """
        if self.emulator is None:
            raise BenchError(f"the power of {self.board.name} at {self.port} cannot be switched from here")
        self.epoch += 1
        self.emulator.power(False)
        self.emulator.power(True)

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
        self.epoch += 1
        self._flasher.close()
        self._flasher, self.emulator = self._start_again()
        self.port = self.emulator.port

    def _refuse_strange_twin(self) -> None:
        # A tool would look for a real board of this name, and program that one.
        if self.emulator is None and self.is_twin:
            raise FlashError(
                f"{self.port} leads to a twin of {self.board.name} that cannot be controlled from here",
                hint="use the port that `tinysine emulate` printed, as the user who started it",
            )

    def report(self) -> str:
        """What the firmware did that stopped the emulator, such as an access outside the memory map.

        Returns:
            "" for nothing, and for hardware.
        Raises:
            BenchError: the emulator was stopped, or is gone, and the firmware is not to blame.
        """
        return (self.emulator.report() or "") if self.emulator is not None else ""

    def counted(self, timing: Timing) -> Timing:
        """A timing in the unit that is proved: cycles are those of hardware, instructions those of a twin.

        Returns:
            The timing in "instructions" on a twin that has a rate of them; in "counts", with no clock, where nobody
            knows what counts; else as it is.
        """
        if self.kind == "unknown":
            return Timing(timing.overhead, timing.counts, UNPROVED_UNIT, None, timing.waited_s)
        return timing.in_instructions(self.instruction_hz(timing.unit, timing.clock_hz))

    def instruction_hz(self, unit: str, counter_hz: int | None) -> int | None:
        """Instructions in a second of what the board's latency counter takes for a second; None where no such rate
        exists.

        Args:
            unit: of one count, as the device names it.
            counter_hz: the counter's clock; None where the device does not know it.
        """
        if self.kind == "emulated":
            return counter_hz if unit == "cycles" else None  # its cycle counter counts instructions
        if self.emulator is None:
            return None
        hz: int | None = self.emulator.status()["instruction_hz"]
        return hz

    def close(self) -> None:
        """Let go: a twin that was started for this rig ends, anything else is left as it is."""
        self._flasher.close()


def open_rig(
    board: Board,
    place: Place = NEW_TWIN,
    *,
    shared: bool = False,
    tell: Callable[[str], None] = tell_on_stderr,
) -> Rig:
    """The board `board`, ready to be flashed.

    Args:
        place: a new twin: it is started. The port of a running twin: that is used, and left running. Any other
            port: hardware, if a USB device is behind it; unknown until the device proves it, else. What stands there
            is leased until the rig is closed.
        shared: a twin that is started is for others to use, and not leased.
        tell: shows a person what to do before a tool waits for it.

    Raises:
        ConfigError: a twin of another board is at the port, the port is one where the board takes uploads only, or
            no such flash tool exists.
        LeaseHeld: somebody else uses the hardware, or the running twin.
        BenchError: the twin does not start.
    """
    if isinstance(place, NewTwin):
        flasher, emulator = start_twin(board, shared=shared)
        return Rig(
            board,
            _twin_kind(board),
            emulator.port,
            flasher,
            emulator=emulator,
            fresh=True,
            start_again=lambda: start_twin(board, shared=shared),
            proof=_CONTROLLED,
        )
    port, wiring = place.port, place.wiring
    attached = attach_twin(board, port)
    if attached is not None:
        flasher, emulator = attached
        return Rig(board, _twin_kind(board), emulator.port, flasher, emulator=emulator, proof=_CONTROLLED)
    usb = usb_port(port)
    return Rig(
        board,
        "unknown" if usb is None else "hardware",
        port,
        _open_hardware(board, port, usb, wiring, tell),
        proof="" if usb is None else _usb_proof(usb),
        unique_id=wiring.unique_id,
    )


def _usb_proof(usb: AttachedBoard) -> str:
    serial = f", serial number {usb.serial_number}" if usb.serial_number else ""
    return f"USB device {usb.vendor_id:04x}:{usb.product_id:04x}{serial} is behind its port"


def _open_hardware(
    board: Board, port: str, usb: AttachedBoard | None, wiring: Wiring, tell: Callable[[str], None]
) -> HardwareFlasher:
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
    kinds: dict[str, RigKind] = {"host": "host", "qemu": "qemu"}
    return kinds.get(board.backend, "emulated")
