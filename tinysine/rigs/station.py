"""One board under test: flash it, prove what it runs, and put it back on its feet between tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tinysine.errors import (
    BenchError,
    BoardNotFound,
    DeviceError,
    IdentityMismatch,
    PortUnavailable,
    ProtocolError,
    TinysineError,
)
from tinysine.settings import CONNECT_TIMEOUT_S

if TYPE_CHECKING:
    from tinysine.device import Device
    from tinysine.image import Image
    from tinysine.link import FaultRecord
    from tinysine.link.expectation import ForeignFirmware
    from tinysine.rigs.rig import Rig

_TROUBLE = (BenchError, ProtocolError, DeviceError)


@dataclass(frozen=True)
class Checkup:
    """What looking after a board found.

    Attributes:
        rung: what brought the board back: "resync", "reset", "reflash", "power cycle", "restart" of a twin whose
            process was gone; "" for nothing.
        cause: what had gone wrong, for people; "" when nothing had.
        wrong_firmware: the board answered, and proved to run something else.
    """

    rung: str = ""
    cause: str = ""
    wrong_firmware: bool = False


class Station:
    """A rig with one image on it, and the connection that is alive now.

    Args:
        rig: the board, real or emulated.
        firmware: what it must prove to run; foreign firmware is never flashed, nor reset but by its own request.
        timeout_s: how long a (re)connection may take.
        connect: opens a device by URL; the default is `Device.connect`.

    Attributes:
        on_use: called each time before somebody gets the device.
    """

    def __init__(
        self,
        rig: Rig,
        firmware: Image | ForeignFirmware,
        *,
        timeout_s: float = CONNECT_TIMEOUT_S,
        connect: Callable[..., Device] | None = None,
    ) -> None:
        self.rig = rig
        self.firmware = firmware
        self._foreign = firmware.build_id is None
        self.timeout_s = timeout_s
        self.quarantine: BenchError | None = None
        self.on_use: Callable[[], None] = lambda: None
        self._connect = connect
        self._device: Device | None = None
        self._faults = 0
        self._unseen: FaultRecord | None = None
        self._last_words = ""
        self._earlier_retries = 0
        self._earlier_requests = 0
        self._own_requests = 0
        self._asks_by_itself = False

    @property
    def device(self) -> Device:
        """The connection that is alive now.

        Raises:
            BenchError: the board is quarantined; carries the first cause.
            Exception: as `on_use`.
        """
        self.on_use()
        return self._alive()

    def _alive(self) -> Device:
        if self.quarantine is not None:
            raise self.quarantine.with_traceback(None)  # it would grow each time that this is raised
        if self._device is None:
            with self._by_itself():
                self._open()
        assert self._device is not None
        return self._device

    def start(self) -> None:
        """Flash the image and prove that it runs. A real board that proves so already is not flashed again.

        Raises:
            PortUnavailable: the board's port is missing, busy or not permitted; nothing was flashed.
            FlashError, LinkTimeout, IdentityMismatch: as they come; recovery is for boards that worked once.
        """
        with self._by_itself():
            self._put_the_image_there()
            record = None if self.rig.fresh else self._record()
        # A board that was there before may have an old record; on a fresh twin it can only be this image's.
        self._faults = 0 if record is None else record.count

    @contextlib.contextmanager
    def lent(self) -> Iterator[Rig]:
        """Give the rig away, to be flashed with other firmware; afterwards the image is put there again, and proves it.

        Raises:
            BenchError, ProtocolError, DeviceError: the board is lost already, or does not come back, as `start`.
        """
        with self._by_itself():
            self._alive()
            self._last_words = self._last_words or self._report()
            self._unseen = self._unseen or self._new_fault()
            self.close()
            try:
                yield self.rig
            finally:
                self._put_the_image_there()
                record = self._record()
                # What other firmware did is not this image's fault.
                self._faults = 0 if record is None else record.count

    def _put_the_image_there(self) -> None:
        silence = None
        if self._foreign:
            self._open()
            return
        if not self.rig.is_twin:
            silence = self._not_running()
            if silence is None:
                return
        self._flash(instead_of=silence)
        self._open()

    def _flash(self, *, instead_of: TinysineError | None = None) -> None:
        self.rig.flash(cast("Image", self.firmware), instead_of=instead_of)

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
            try:
                device.identify()
            except _TROUBLE as error:
                return self._climb(self._trouble_of(error))
        return Checkup()

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
        """The device's fault record; firmware of others need not keep any."""
        if not self._foreign:
            return self._alive().last_fault()
        from tinysine.link.offers import if_offered  # noqa: PLC0415 - brings numpy

        return if_offered(self._alive().last_fault)

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
        """What is behind an error: an emulator that was ended, or the error itself."""
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
        return self._earlier_requests + (0 if self._device is None else self._device.stats.requests)

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
        return self._earlier_retries + (0 if self._device is None else self._device.stats.retries)

    def close(self) -> None:
        """Close the connection; the rig belongs to whoever opened it."""
        device, self._device = self._device, None
        if device is not None:
            self._earlier_retries += device.stats.retries
            self._earlier_requests += device.stats.requests
            with contextlib.suppress(BenchError, OSError):
                device.close()

    def _open(self) -> None:
        self.close()
        self._device = self.rig.open_device(self.firmware, timeout_s=self.timeout_s, connect=self._connect)

    def _not_running(self) -> TinysineError | None:
        """What a real board says instead of proving that it runs the image; None if it does, and is connected."""
        try:
            self._open()
        except PortUnavailable as error:
            if error.facts.get("cause") != "vanished":
                raise
            return error
        except _TROUBLE as error:
            if _is_another_chip(error):
                raise  # it is no board of ours to flash
            return error
        return None

    def _climb(self, first: TinysineError) -> Checkup:
        for rung, action in self._ladder(first):
            self.close()
            try:
                action()
                self._open()
            except (*_TROUBLE, OSError) as error:
                if _is_another_chip(error):
                    break  # nor is it one to reset or to flash
                continue
            return Checkup(
                rung, f"{type(first).__name__}: {first}", wrong_firmware=isinstance(first, IdentityMismatch)
            )
        self.close()
        self.quarantine = BenchError(
            f"{self.rig.board.name} on {self.rig.port} is quarantined since "
            f"{type(first).__name__}: {first.message}",
            hint=first.hint
            if _is_gone(first)
            else "connecting anew, resetting and flashing did not bring it back; see to the board",
            board=self.rig.board.name,
            port=self.rig.port,
            cause=first,
        )
        raise self.quarantine from first

    def _ladder(self, first: TinysineError) -> Iterator[tuple[str, Callable[[], object]]]:
        """What can be tried, the gentlest first. What cannot help against `first` is left out."""
        if not _is_gone(first):
            if not isinstance(first, IdentityMismatch):
                yield "resync", lambda: None
            if self._foreign:  # its owner's tool alone could flash it
                return
            if not isinstance(first, IdentityMismatch):
                yield "reset", self.rig.reset
            yield "reflash", self._flash
            if (emulator := self.rig.emulator) is not None:

                def power_cycle() -> None:
                    emulator.power(False)
                    emulator.power(True)

                yield "power cycle", power_cycle
        if self.rig.can_restart and not self._foreign:

            def restart() -> None:
                self.rig.restart()
                self._flash()

            yield "restart", restart


def _is_another_chip(error: Exception) -> bool:
    """Tell whether another chip than the bench file expects has answered."""
    return isinstance(error, IdentityMismatch) and error.facts.get("field") == "unique_id"


def _is_gone(trouble: TinysineError) -> bool:
    """Tell whether the process of an emulated board is gone: nothing that is asked of it can help."""
    return isinstance(trouble, BoardNotFound)
