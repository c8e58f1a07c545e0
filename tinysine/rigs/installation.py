"""Firmware on a board, and the device that proves to run it: the one way to flash, connect and prove."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast

from tinysine.device import Device
from tinysine.errors import (
    BenchError,
    DeviceError,
    FlashError,
    IdentityMismatch,
    PortUnavailable,
    ProtocolError,
    TinysineError,
)
from tinysine.image import ForeignBuild, Image
from tinysine.link.expectation import ForeignFirmware
from tinysine.rigs.rig import Rig
from tinysine.settings import CONNECT_TIMEOUT_S, Flashing

Build = Image | ForeignBuild | ForeignFirmware
"""Firmware that a device can prove to run."""

TROUBLE = (BenchError, ProtocolError, DeviceError)


class Installation:
    """A rig with one firmware on it, and the connection to the device that runs it.

    Args:
        rig: the board, wherever it is.
        *firmware: what it must prove to run, any of these. The first is what is put on the board, if it is an image;
            foreign firmware is never flashed, nor reset but by its own request.
        timeout_s: how long a (re)connection may take.
        stage: entered for "flash" and "identify", to tell a person what takes its time.
        connect: opens a device by URL; the default is `Device.connect`.

    Attributes:
        firmware: what the device has proved to run; what it is to run, before.
        flashed: whether `install` has put the image there; None while nobody knows.
    """

    def __init__(
        self,
        rig: Rig,
        *firmware: Build,
        timeout_s: float = CONNECT_TIMEOUT_S,
        stage: Callable[[str], AbstractContextManager[object]] = nullcontext,
        connect: Callable[..., Device] | None = None,
    ) -> None:
        self.rig = rig
        self.firmware, self._accepted = firmware[0], firmware
        self.timeout_s = timeout_s
        self.flashed: bool | None = None
        self._foreign = self.firmware.build_id is None
        self._stage = stage
        self._connect = connect
        self._connected: Device | None = None

    @property
    def device(self) -> Device:
        """The device, connected if need be."""
        return self._alive()

    def _alive(self) -> Device:
        if self._connected is None:
            self._open()
        assert self._connected is not None
        return self._connected

    def install(self, *, flash: Flashing = "auto") -> Device:
        """Have the device prove that it runs the firmware; where it does not, and may, flash it first.

        Args:
            flash: "auto" flashes a twin of this computer, and any other board that does not prove to run the firmware
                already; "never" only asks.
        Returns:
            The device, without regard to `on_use`.
        Raises:
            PortUnavailable: the board's port is missing, busy or not permitted; nothing was flashed.
            FlashError, LinkTimeout, ProtocolError: as they come.
            DeviceError: an engine of the user's says that it is another than it was built as.
            IdentityMismatch: it runs something else, and may not be flashed, or does so all the same; or the chip is
                another one than the bench file's.
        """
        silence: TinysineError | None = None
        if self._foreign:
            with self._stage("identify"):
                self._open()
            self.flashed = False
            return self._alive()
        if flash == "never" or (flash == "auto" and not self.rig.is_own_twin):
            with self._stage("identify"):
                silence = self._not_running()
            if silence is None:
                self.flashed = False
                return self._alive()
            if flash == "never":
                raise silence
        self._release()
        with self._stage("flash"):
            self._flash(instead_of=silence)
        self.flashed = True
        with self._stage("identify"):
            self._identify_flashed()
        return self._alive()

    def reset(self) -> Device:
        """Reset the board through its rig, or by its own request where the rig cannot, and prove what it runs.

        Returns:
            as `install`.
        Raises:
            BenchError, ProtocolError, IdentityMismatch: it does not come back as what it was.
        """
        device = self._alive()
        try:
            self.rig.reset()
        except FlashError:
            device.reset(timeout_s=self.timeout_s)
        else:
            device.resync(timeout_s=self.timeout_s)
        return self.device

    def _flash(self, *, instead_of: TinysineError | None = None) -> None:
        image = self._accepted[0]
        self.rig.flash(cast("Image", image), instead_of=instead_of)
        self.firmware = image

    def close(self) -> None:
        """Close the connection; the rig belongs to whoever opened it."""
        if self._connected is not None:
            with contextlib.suppress(BenchError, OSError):
                self._connected.close()

    def _release(self) -> None:
        """Let go of the port, which a flash tool may need, and which may be another one soon."""
        if self._connected is not None:
            with contextlib.suppress(BenchError, OSError):
                self._connected.release()

    def _open(self) -> None:
        if self._connected is not None:
            self._connected.reconnect(timeout_s=self.timeout_s)
            return
        device = self.rig.open_device(timeout_s=self.timeout_s, connect=self._connect)
        try:
            self.firmware = _proved(device, self._accepted)
        except BaseException:
            device.close()
            raise
        self._connected = device

    def _identify_flashed(self) -> None:
        """Connect to what was flashed just now.

        Raises:
            DeviceError: an engine of the user's says that it is another than it was built as.
            as `install`.
        """
        image = self._accepted[0]
        try:
            self._open()
        except IdentityMismatch as error:
            raise self._engine_at_fault(error) or error from None
        except ProtocolError as error:
            if not isinstance(image, Image) or image.is_generated or error.facts.get("request") != "DESCRIBE":
                raise
            raise DeviceError(
                f"the engine {image.engine} describes a tensor that makes no sense: {error.message}",
                hint="input_count and output_count say how many its tables hold: TS_MODEL_INPUTS, TS_MODEL_OUTPUTS",
            ) from error

    def _engine_at_fault(self, mismatch: IdentityMismatch) -> DeviceError | None:
        """The error of a user's engine that names another model or reference in the very image that was built."""
        image, field = self._accepted[0], str(mismatch.facts["field"])
        if not isinstance(image, Image) or image.is_generated or field not in ("model_sha256", "rounding"):
            return None
        self._release()
        with self.rig.open_device(timeout_s=self.timeout_s, connect=self._connect) as device:
            if device.identity.build_id != image.build_id:
                return None
        got, due = mismatch.facts["got"], mismatch.facts["expected"]
        declared = f'; references = ["{got}"] in its engine.toml would say so' if field == "rounding" else ""
        return DeviceError(
            f"the engine {image.engine} says that its {field} is {got}, and was built for {due}{declared}",
            hint="TS_MODEL_SHA256 and TS_MODEL_REFERENCE of tinysine/model.h are those that it is built for",
            field=field,
            expected=due,
            got=got,
        )

    def _not_running(self) -> TinysineError | None:
        """Error of the board instead of a proof that it runs the firmware; None if it does, and is connected."""
        try:
            self._open()
        except PortUnavailable as error:
            if error.facts.get("cause") != "vanished":
                raise
            return error
        except TROUBLE as error:
            if is_another_chip(error):
                raise  # it is no board of ours to flash
            return error
        return None


def _proved(device: Device, accepted: Sequence[Build]) -> Build:
    """The first of these that the device proves to run, and has to prove from now on.

    Raises:
        IdentityMismatch: none; about the last one.
    """
    for number, build in enumerate(accepted, 1):
        try:
            device.require(build)
        except IdentityMismatch:
            if number == len(accepted):
                raise
        else:
            return build
    raise AssertionError("nothing is accepted")


def is_another_chip(error: Exception) -> bool:
    """Tell whether another chip than the bench file expects has answered."""
    return isinstance(error, IdentityMismatch) and error.facts.get("field") == "unique_id"
