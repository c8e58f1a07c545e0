"""One board under test: flash it, prove what it runs, and put it back on its feet."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from tinysine.device import Device
from tinysine.errors import (
    BenchError,
    BoardNotFound,
    DeviceError,
    FirmwareWrong,
    IdentityMismatch,
    TinysineError,
)
from tinysine.link import Capability, FaultRecord
from tinysine.rigs.installation import TROUBLE, Build, Installation, is_another_chip
from tinysine.rigs.rig import Rig
from tinysine.settings import CONNECT_TIMEOUT_S
from tinysine.tensor_values import Values


@dataclass(frozen=True)
class Rung:
    """One thing that was tried to bring a board back.

    Attributes:
        name: "resync", "reset", "reflash", "power cycle", or "restart" of a twin whose process was gone.
        seconds: that it took, the board's answer included.
        failure: why it did not help; "" for the one that did.
    """

    name: str
    seconds: float
    failure: str = ""

    def __str__(self) -> str:
        return f"{self.name} {'failed' if self.failure else 'helped'} in {self.seconds:.1f} s"


@dataclass(frozen=True)
class Checkup:
    """Findings of a checkup of a board.

    Attributes:
        rung: what brought the board back: "resync", "reset", "reflash", "power cycle", "restart" of a twin whose
            process was gone; "" for nothing.
        cause: what had gone wrong, for people; "" when nothing had.
        wrong_firmware: the board answered, and proved to run something else.
        rungs: what was tried, in order.
    """

    rung: str = ""
    cause: str = ""
    wrong_firmware: bool = False
    rungs: tuple[Rung, ...] = ()


class Station(Installation):
    """An installation that is looked after between tests.

    Its arguments are those of `Installation`, and a clock that measures what recovery takes.

    Attributes:
        quarantine: why the board is of no more use; None while it is.
        on_use: called each time before somebody uses `device`.
        on_answers: called with each batch that somebody asked of `device`, and its answers.
        rungs: what was tried before the board was quarantined.
    """

    def __init__(
        self,
        rig: Rig,
        *firmware: Build,
        timeout_s: float = CONNECT_TIMEOUT_S,
        connect: Callable[..., Device] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(rig, *firmware, timeout_s=timeout_s, connect=connect)
        self._clock = clock
        self.quarantine: BenchError | None = None
        self.on_use: Callable[[], None] = lambda: None
        self.on_answers: Callable[[NDArray[Any], Values], None] = lambda _asked, _answers: None
        self.rungs: tuple[Rung, ...] = ()
        self._users: Device | None = None
        self._faults = 0
        self._unseen: FaultRecord | None = None
        self._last_words = ""
        self._rescues_told = 0
        self._own_requests = 0
        self._asks_by_itself = False

    @property
    def device(self) -> Device:
        """The device, for users: the same one as long as the station lives, whatever is done to the board.

        Using it raises what `on_use` raises.

        Raises:
            BenchError: the board is quarantined; carries the first cause.
        """
        own = self._alive()
        if self._users is None:
            # A handle of its own: what looks after the board does not go by what a test puts in place of its methods.
            self._users = own.another(on_use=self._use, on_answers=self._answered, counted=self.rig.counted)
        return self._users

    def _answered(self, asked: NDArray[Any], answers: Values) -> None:
        self.on_answers(asked, answers)

    def _use(self) -> None:
        self.on_use()
        if self.quarantine is not None:
            raise self.quarantine.with_traceback(None)  # it would grow each time that this is raised

    def _alive(self) -> Device:
        if self.quarantine is not None:
            raise self.quarantine.with_traceback(None)  # it would grow each time that this is raised
        with self._by_itself():
            return super()._alive()

    def start(self) -> None:
        """Install the firmware, and note which faults are on record already.

        It raises what `install` raises; recovery is for boards that worked once.
        """
        with self._by_itself():
            self.install()
            record = None if self.rig.fresh else self._record()
        # A board that was there before may have an old record; on a fresh twin it can only be this image's.
        self._faults = 0 if record is None else record.count

    @contextlib.contextmanager
    def lent(self) -> Iterator[Rig]:
        """Give the rig away, to be flashed with other firmware; afterwards the firmware is installed again.

        Raises:
            BenchError, ProtocolError, DeviceError: the board is lost already, or does not come back, as `install`.
        """
        with self._by_itself():
            self._alive()
            self._last_words = self._last_words or self._report()
            self._unseen = self._unseen or self._new_fault()
            self._release()
            try:
                yield self.rig
            finally:
                self.install()
                record = self._record()
                # What other firmware did is not this image's fault.
                self._faults = 0 if record is None else record.count

    def check(self) -> Checkup:
        """Have the board prove what it runs, and climb the recovery ladder when it does not.

        Returns:
            What was needed; `Checkup()` for a healthy board.
        Raises:
            BenchError: no rung helped, now or earlier: the board is quarantined.
        """
        with self._by_itself():
            device = self._alive()
            # What brings the board back wipes it out.
            self._last_words = self._last_words or self._report()
            if device.lost is not None:
                return self._climb(self._trouble_of(device.lost))
            try:
                device.identify()
            except TROUBLE as error:
                return self._climb(self._trouble_of(error))
            return self._rescued(device)

    def _rescued(self, device: Device) -> Checkup:
        """Events of the device itself since this was last asked."""
        new = device.rescues[self._rescues_told :]
        self._rescues_told += len(new)
        return Checkup("resync", new[0]) if new else Checkup()

    def fault(self) -> FaultRecord | None:
        """Return the fault that the firmware recorded since this was last asked, if there is one.

        Raises:
            BenchError, ProtocolError, DeviceError: the device could not say.
        """
        unseen, self._unseen = self._unseen, None
        if unseen is not None:
            return unseen
        with self._by_itself():
            return self._new_fault()

    def _new_fault(self) -> FaultRecord | None:
        record = self._record()
        count = 0 if record is None else record.count
        # A count below the last one means that the power was off, and every fault is a new one.
        new = count if count < self._faults else count - self._faults
        self._faults = count
        return record if new else None

    def _record(self) -> FaultRecord | None:
        """The device's fault record; firmware of others need not announce any."""
        device = self._alive()
        if self._foreign and Capability.FAULT not in device.capabilities:
            return None
        try:
            return device.last_fault()
        except DeviceError as error:
            if not self._foreign:
                raise
            raise FirmwareWrong(
                f"it announces FAULT, and refuses it: {error.message}",
                hint="have IDENTIFY announce what the firmware answers, and nothing else",
                **error.facts,
            ) from error

    def emulator_report(self) -> str:
        """Return what the firmware did that stopped the emulator, such as an access outside the memory map; else "".

        That which `check` or `lent` found, and wiped out as they mended the board, is returned once.
        """
        words, self._last_words = self._last_words, ""
        return words or self._report()

    def _report(self) -> str:
        try:
            return self.rig.report()
        except BenchError:
            return ""  # no word about the firmware; `check` says what it is

    def _trouble_of(self, error: TinysineError) -> TinysineError:
        """Root of an error: an emulator that was ended, or the error itself."""
        try:
            self.rig.report()
        except BenchError as trouble:
            return trouble
        return error

    @property
    def requests(self) -> int:
        """Questions that users of the device asked so far, over all connections; those of this class are left out."""
        return self._all_requests() - self._own_requests

    def _all_requests(self) -> int:
        return 0 if self._connected is None else self._connected.stats.requests

    @contextlib.contextmanager
    def _by_itself(self) -> Iterator[None]:
        """Count what is asked meanwhile as asked by this class."""
        if self._asks_by_itself:
            yield
            return
        before, self._asks_by_itself = self._all_requests(), True
        try:
            yield
        finally:
            self._asks_by_itself = False
            self._own_requests += self._all_requests() - before

    @property
    def retries(self) -> int:
        """Questions that had to be repeated so far, over all connections; a healthy link needs none."""
        return 0 if self._connected is None else self._connected.stats.retries

    def _climb(self, first: TinysineError) -> Checkup:
        rungs: list[Rung] = []
        for rung, action in self._ladder(first):
            self._release()
            began = self._clock()
            try:
                action()
                self._open()
            except (*TROUBLE, OSError) as error:
                rungs.append(Rung(rung, self._clock() - began, f"{type(error).__name__}: {error}"))
                if is_another_chip(error):
                    break  # nor is it one to reset or to flash
                continue
            rungs.append(Rung(rung, self._clock() - began))
            return Checkup(
                rung,
                f"{type(first).__name__}: {first}",
                wrong_firmware=isinstance(first, IdentityMismatch),
                rungs=tuple(rungs),
            )
        self._release()
        self.rungs = tuple(rungs)
        tried = ", ".join(map(str, rungs))
        self.quarantine = BenchError(
            f"{self.rig.name} on {self.rig.port} is quarantined since {type(first).__name__}: {first.message}",
            hint=first.hint if _is_gone(first) or not tried else f"{tried}; see to the board",
            board=self.rig.board.name,
            port=self.rig.port,
            cause=first,
        )
        raise self.quarantine from first

    def _ladder(self, first: TinysineError) -> Iterator[tuple[str, Callable[[], object]]]:
        """Rungs that can be tried, the gentlest first. Those that cannot help against `first` are left out."""
        if not _is_gone(first):
            if not isinstance(first, IdentityMismatch):
                yield "resync", lambda: None
            if self._foreign:  # its owner's tool alone could flash it
                return
            if not isinstance(first, IdentityMismatch):
                yield "reset", self.rig.reset
            yield "reflash", self._flash
            if self.rig.can_power:
                yield "power cycle", self.rig.power_cycle
        if self.rig.can_restart and not self._foreign:

            def restart() -> None:
                self.rig.restart()
                self._flash()

            yield "restart", restart


def _is_gone(trouble: TinysineError) -> bool:
    """Tell whether the process of an emulated board is gone: nothing that is asked of it can help."""
    return isinstance(trouble, BoardNotFound)
