"""A board that is ready to be flashed and talked to, wherever it is: the one interface, and what all have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from tinysine.boards import Board
from tinysine.device import Device
from tinysine.emulation import EmulatedBoard
from tinysine.errors import BenchError, ConfigError, FlashError, IdentityMismatch, TinysineError
from tinysine.fair_clock import FairClock
from tinysine.image import Image
from tinysine.link import Identity, Timing
from tinysine.link.expectation import Expected

RigKind = Literal["emulated", "host", "qemu", "hardware", "unknown"]
UNPROVED_UNIT = "counts"  # of a counter that nobody knows


class Rig(ABC):
    """A board at a port, with what flashes and resets it.

    An implementation says how: `_flash`, `_reset` and `close`; where it can, `_power_cycle`, `_restart` and `report`.

    Args:
        board, kind, port, proof: as the attributes.
        unique_id: that the chip must report; "" where nobody expects a certain one.

    Attributes:
        board: of the catalogue.
        name: what people call it: its id in the bench file, where it has one.
        kind: what stands behind the port: a twin of some kind, or hardware, once either has been proved. Else it is
            "unknown": its outputs can be judged, its counter cannot.
        proof: what proved the kind, for people; "" where nothing did.
        port: pyserial URL; may change when hardware is flashed or reset.
        emulator: the handle on a twin; None where none can be controlled from here.
        fresh: the board was started for this rig, and has no past.
        can_power: its power can be switched from here.
        can_restart: another board can take its place: a twin that was started for this rig.
        epoch: how often the board was flashed, reset, switched or replaced by this rig; devices that it opened
            reconnect by it.
    """

    emulator: EmulatedBoard | None = None
    fresh: bool = False
    can_power: bool = False
    can_restart: bool = False

    def __init__(
        self, board: Board, port: str, *, kind: RigKind, proof: str = "", unique_id: str = ""
    ) -> None:
        self.board = board
        self.name = board.name
        self.port = port
        self.kind = kind
        self.proof = proof
        self.epoch = 0
        self._unique_id = unique_id
        self._fair: tuple[int, FairClock] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _flash(self, image: Image) -> str:
        """Program and start `image`. Success proves nothing: only the device's own identity does.

        Returns:
            The port where the board is afterwards: hardware may come back under another name.
        """

    @abstractmethod
    def _reset(self) -> str:
        """Start the image anew; returns the port as `_flash` does."""

    @abstractmethod
    def close(self) -> None:
        """Let go: a twin that was started for this rig ends, anything else is left as it is."""

    def _refusal(self) -> FlashError | None:
        """Reason why the board may be neither flashed nor reset; None where it may."""
        return None

    def _power_cycle(self) -> None:
        """Switch the board off and on; asked only where `can_power`."""
        raise NotImplementedError

    def _restart(self) -> str:
        """Replace the board by a new one; asked only where `can_restart`. Returns its port."""
        raise NotImplementedError

    def report(self) -> str:
        """Act of the firmware that stopped the emulator, such as an access outside the memory map.

        Returns:
            "" for nothing, and for hardware.
        Raises:
            BenchError: the emulator was stopped, or is gone, and the firmware is not to blame.
        """
        return ""

    @property
    def is_own_twin(self) -> bool:
        """Tell whether the board is an emulated one of this computer, which may be flashed unasked."""
        return self.emulator is not None

    @property
    def is_twin(self) -> bool:
        """True for a board that is proved to be made of software."""
        return self.kind not in ("hardware", "unknown")

    def recognise(self, identity: Identity) -> None:
        """Settle what stands behind the port by what the device says of itself.

        Args:
            identity: of the device at this port.
        Raises:
            IdentityMismatch: the bench file, or the tag of a farm's place, expects another chip there.
        """
        expected = self._unique_id
        if expected and identity.unique_id != expected:
            raise IdentityMismatch(
                f"the chip {expected} is expected at {self.port}, and the device reports "
                f"{identity.unique_id or 'none'}{', which is a twin' if identity.is_twin else ''}",
                hint="another board is there, or the bench file or the tag that expects it is wrong",
                field="unique_id",
                expected=expected,
                got=identity.unique_id,
            )
        if identity.is_twin:
            self.kind, self.proof = twin_kind(self.board), "its chip id is that of a twin"
        elif expected:
            self.kind, self.proof = "hardware", f"its chip id is the expected one, {expected}"

    def open_device(
        self,
        build: Expected | None = None,
        *,
        timeout_s: float,
        connect: Callable[..., Device] | None = None,
    ) -> Device:
        """Connect to the board, settle what stands behind the port, and hold what it runs against a build.

        The device finds the board again when this rig flashes, resets, switches or replaces it.

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
            deadline_clock=self._deadline_clock(),
        )
        try:
            if build is not None:
                device.require(build)
        except BaseException:
            device.close()
            raise
        return device

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
            self._refuse_to_touch()
            self.epoch += 1
            self.port = self._flash(image)
        except FlashError as error:
            if instead_of is None:
                raise
            hint = f"{instead_of.hint}; and it could not be flashed: {error.message}"
            instead_of.hint = hint.removeprefix("; ")
            raise instead_of from error

    def reset(self) -> None:
        """Start the image anew.

        Raises:
            FlashError: the tool failed, or cannot.
            PortUnavailable: as `flash`.
        """
        self._refuse_to_touch()
        self.epoch += 1
        self.port = self._reset()

    def power_cycle(self) -> None:
        """Switch the board off and on: RAM is forgotten.

        Raises:
            BenchError: nothing here can switch it, or it does not obey.
        """
        if not self.can_power:
            raise BenchError(f"the power of {self.board.name} at {self.port} cannot be switched from here")
        self.epoch += 1
        self._power_cycle()

    def restart(self) -> None:
        """End the twin, if it still lives, and start another one, with empty flash and at another port.

        Raises:
            BenchError: it does not start, or the board is none that was started for this rig.
        """
        if not self.can_restart:
            raise BenchError(f"{self.board.name} at {self.port} was not started here, and cannot be replaced")
        self.epoch += 1
        self.port = self._restart()

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
        # The cycle counter of such a twin counts instructions.
        return counter_hz if self.kind == "emulated" and unit == "cycles" else None

    def _refuse_to_touch(self) -> None:
        if (refusal := self._refusal()) is not None:
            raise refusal

    def require_ours(self) -> None:  # noqa: B027  # nobody takes away a board that is leased here
        """Make sure that nobody else could have had the board until now.

        Raises:
            PlaceLost: it is at a farm, and its place is no longer ours.
        """

    def _deadline_clock(self) -> Callable[[], float] | None:
        """The seconds by which a device's deadlines pass; None for those of this computer."""
        return None if self.emulator is None else self._fair_clock

    def _fair_clock(self) -> float:
        """Seconds by which deadlines pass: those of the twin that is there now."""
        assert self.emulator is not None
        if self._fair is None or self._fair[0] != self.emulator.pid:
            self._fair = (self.emulator.pid, FairClock.of(self.emulator.pid))
        return self._fair[1]()


def twin_kind(board: Board) -> RigKind:
    """The kind of a board's twin."""
    kinds: dict[str, RigKind] = {"host": "host", "qemu": "qemu"}
    return kinds.get(board.backend, "emulated")
