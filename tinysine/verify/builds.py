"""Builds that the board may run: made here, or by somebody else; and the proof of the one that it runs."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from tinysine.boards import Board
from tinysine.errors import BuildError, ConfigError, DeviceError, LinkTimeout, ProtocolError, TinysineError
from tinysine.evidence import Run
from tinysine.graph import Network
from tinysine.image import DEFAULTS, BuildOptions, ForeignBuild, Image, build_image, ended_by, foreign_build
from tinysine.link.expectation import ForeignFirmware
from tinysine.model import Model
from tinysine.rigs import Build, Flashing, Installation, Rig
from tinysine.settings import CONNECT_TIMEOUT_S
from tinysine.verify.arena_search import unwatched, with_least_arena
from tinysine.verify.model_file import require_unchanged


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


def build_firmware(
    model: Model,
    board: Board,
    options: BuildOptions = DEFAULTS,
    *,
    file: str | os.PathLike[str] | None = None,
    out_dir: Path | None = None,
    timeout_s: float = CONNECT_TIMEOUT_S,
    on_progress: Callable[[int, int, str], None] = unwatched,
) -> Image:
    """Build as `build_image` does; an engine that leaves its arena to be searched gets the least that it starts with.

    Args:
        model, board, options, out_dir: as for `build_image`.
        file: that the model was read from; a command that generates the engine must leave it as it is. None: made here.
        timeout_s, on_progress: as for `with_least_arena`.
    Raises:
        ConfigError: the arena is to be searched, and the board has no twin that can be started here; or the file was
            changed.
        as `build_image`.
    """
    if options.engine is not None and options.engine.arena_search:
        engine = with_least_arena(
            model, board, options, options.engine, timeout_s=timeout_s, on_progress=on_progress
        )
        options = dataclasses.replace(options, engine=engine)
    image = build_image(model, board, options, out_dir=out_dir)
    if file is not None:
        require_unchanged(file, model, options.engine)
    return image


def make_builds(
    model: Model,
    file: str | os.PathLike[str],
    board: Board,
    options: BuildOptions,
    *,
    flash: Flashing,
    out_dir: Path | None,
    timeout_s: float,
    on_progress: Callable[[int, int, str], None],
    stop: threading.Event,
) -> Builds:
    """Build the image; where nothing is to be flashed, an exported sketch will do as well, and needs no compiler here.

    Args:
        timeout_s, on_progress: as for `with_least_arena`.
        stop: ends the compiler when it is set.
    """
    foreign = None
    if flash == "never" and options.engine is None and isinstance(model, Network):
        foreign = foreign_build(
            model, board, rounding=options.rounding, optimize=options.optimize, prune=options.prune
        )
    try:
        with ended_by(stop):
            return Builds(
                build_firmware(
                    model,
                    board,
                    options,
                    file=file,
                    out_dir=out_dir,
                    timeout_s=timeout_s,
                    on_progress=on_progress,
                ),
                foreign,
            )
    except (BuildError, ConfigError) as error:
        if foreign is None:
            raise
        return Builds(None, foreign, error)


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
