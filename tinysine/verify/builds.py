"""What the board may run, and how it comes to prove which of that it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from msgspec.structs import replace

from tinysine.device import Device
from tinysine.errors import DeviceError, IdentityMismatch, LinkTimeout, ProtocolError, TinysineError
from tinysine.evidence import Run
from tinysine.image import ForeignBuild, Image
from tinysine.link.expectation import ForeignFirmware
from tinysine.link.offers import if_offered
from tinysine.rigs import Rig

Flashing = Literal["auto", "always", "never"]
Build = Image | ForeignBuild | ForeignFirmware

T = TypeVar("T")


@dataclass(frozen=True)
class Builds:
    """What the board may run.

    Attributes:
        image: what was built here, and can be flashed; None if it could not be built.
        foreign: an exported sketch that somebody else has compiled; None if that will not do.
        why_no_image: what kept it from being built.
        firmware: what firmware that was not built here must prove; None where it is our own.
    """

    image: Image | None = None
    foreign: ForeignBuild | None = None
    why_no_image: TinysineError | None = None
    firmware: ForeignFirmware | None = None


def running(run: Run, rig: Rig, builds: Builds, *, flash: Flashing, timeout_s: float) -> tuple[Device, Build]:
    """Connect to a device that proves to run one of the builds; where it does not, and may, flash it first.

    Args:
        run: where the facts go.
        flash, timeout_s: as for `verify`.
    Returns:
        The device, and what it has proved to run.
    Raises:
        IdentityMismatch: it runs something else, and may not be flashed; or the chip is another than the bench file's.
        LinkTimeout, PortUnavailable, ProtocolError, DeviceError, FlashError: it was not reached.
    """
    if builds.firmware is not None:
        with run.stage("identify"):
            device = rig.open_device(builds.firmware, timeout_s=timeout_s)
        told = device.identity.build_id
        run.know(flashed=False, build_id=told.hex() if any(told) else None)
        return device, builds.firmware
    silence: TinysineError | None = None
    if flash == "never" or (flash == "auto" and not rig.is_twin):
        with run.stage("identify"):
            known, build, silence = _recognised(rig, builds, timeout_s)
        if known is not None and build is not None:
            run.know(flashed=False)
            if isinstance(build, ForeignBuild):
                run.know(image_sha256=None, toolchain=None, build_id=build.build_id.hex())
            return known, build
        if flash == "never" and silence is not None:
            if builds.why_no_image is not None:
                silence.hint = f"{silence.hint}; nothing could be built: {builds.why_no_image}".removeprefix(
                    "; "
                )
            raise silence
    image = builds.image
    assert image is not None  # only "never" goes without
    with run.stage("flash"):
        rig.flash(image, instead_of=silence)
    run.know(flashed=True)
    run.facts = replace(run.facts, port=rig.port)  # a real board may come back under another name
    with run.stage("identify"):
        try:
            return rig.open_device(image, timeout_s=timeout_s), image
        except IdentityMismatch as error:
            raise _engine_at_fault(rig, image, error, timeout_s) or error from None
        except ProtocolError as error:
            if image.is_generated or error.facts.get("request") != "DESCRIBE":
                raise
            raise DeviceError(
                f"the engine {image.engine} describes a tensor that makes no sense: {error.message}",
                hint="input_count and output_count say how many its tables hold: TS_MODEL_INPUTS, TS_MODEL_OUTPUTS",
            ) from error


def _engine_at_fault(
    rig: Rig, image: Image, mismatch: IdentityMismatch, timeout_s: float
) -> DeviceError | None:
    """The error of an engine of the user's that names another model or reference in the very image that was built."""
    field = str(mismatch.facts["field"])
    if image.is_generated or field not in ("model_sha256", "rounding"):
        return None
    with rig.open_device(timeout_s=timeout_s) as device:
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


def _recognised(
    rig: Rig, builds: Builds, timeout_s: float
) -> tuple[Device | None, Image | ForeignBuild | None, TinysineError | None]:
    """The device and which of the builds it proves to run; else what it said instead."""
    try:
        device = rig.open_device(timeout_s=timeout_s)
    except IdentityMismatch:
        raise  # another chip than the bench file expects: nothing may be flashed onto it
    except (LinkTimeout, ProtocolError, DeviceError) as error:
        return None, None, error
    mismatch: TinysineError | None = None
    for build in (builds.image, builds.foreign):
        if build is not None:
            try:
                device.require(build)
            except IdentityMismatch as error:
                mismatch = error
            else:
                return device, build, None
    device.close()
    return None, None, mismatch


def offered(ask: Callable[[], T], image: Build) -> T | None:
    """Ask for what firmware of others need not have; None where it has it not. Our own firmware has everything.

    Raises:
        DeviceError: any other refusal; every refusal of our own firmware.
    """
    return if_offered(ask) if isinstance(image, ForeignFirmware) else ask()
