"""Builds that the board may run, and the proof of the one that it runs."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from tinysine.errors import DeviceError, LinkTimeout, ProtocolError, TinysineError
from tinysine.evidence import Run
from tinysine.image import ForeignBuild, Image
from tinysine.link.expectation import ForeignFirmware
from tinysine.rigs import Build, Flashing, Installation, Rig


@dataclass(frozen=True)
class Builds:
    """Builds that the board may run.

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

    @property
    def accepted(self) -> tuple[Build, ...]:
        """Return the builds that the device may prove to run, the best first."""
        if self.firmware is not None:
            return (self.firmware,)
        return tuple(build for build in (self.image, self.foreign) if build is not None)


def install(run: Run, rig: Rig, builds: Builds, *, flash: Flashing, timeout_s: float) -> Installation:
    """Have the device prove that it runs one of the builds; where it does not, and may, flash it first.

    Args:
        run: where the facts go.
        flash, timeout_s: as for `verify`.
    Returns:
        The installation, connected.
    Raises:
        as `Installation.install`.
    """
    installation = Installation(rig, *builds.accepted, timeout_s=timeout_s, stage=run.stage)
    try:
        device = installation.install(flash=flash)
    except (LinkTimeout, ProtocolError, DeviceError) as error:
        if builds.why_no_image is not None:
            error.hint = f"{error.hint}; nothing could be built: {builds.why_no_image}".removeprefix("; ")
        raise
    finally:
        if installation.flashed is not None:
            run.know(flashed=installation.flashed)
            # A real board may come back under another name.
            run.facts = replace(run.facts, port=rig.port)
    build = installation.firmware
    if isinstance(build, ForeignBuild):
        run.know(image_sha256=None, toolchain=None, build_id=build.build_id.hex())
    elif isinstance(build, ForeignFirmware):
        told = device.identity.build_id
        run.know(build_id=told.hex() if any(told) else None)
    return installation
