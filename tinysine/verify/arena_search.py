"""The least arena that an engine starts and answers with: it is rebuilt, and run on the board's twin."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinysine.boards import Board
from tinysine.emulation import require_stand_in
from tinysine.errors import BuildError, ConfigError, DeviceError, ImageTooLarge, LinkTimeout, ProtocolError
from tinysine.image import BuildOptions, Engine, Image, build_image
from tinysine.image.cache import cache_folder
from tinysine.model import Model
from tinysine.outside_json import read_json_file
from tinysine.rigs import Installation, Rig, open_rig
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import arrays_of, rows_of
from tinysine.verify.contradictions import refuse_miscount
from tinysine.whole_files import write_whole

log = logging.getLogger("tinysine.verify")

GRAIN_BYTES = 4
_FIRST_BYTES = 1024
_MOST_ON_A_COMPUTER = 16 << 20
_SPARE_RAM_BYTES = 256  # the linker aligns what lies beside the arena
_ASKED = 8
_TRIES = 2


def unwatched(_steps: int, _done: int, _note: str) -> None:
    """Take no notice of a search's progress."""


def with_least_arena(
    model: Model,
    board: Board,
    options: BuildOptions,
    engine: Engine,
    *,
    timeout_s: float,
    on_progress: Callable[[int, int, str], None] = unwatched,
) -> Engine:
    """Return an engine that leaves its arena to be searched with the least arena that it starts with.

    The search takes a dozen builds, on the board's own twin, and is remembered.

    Args:
        model, board, options: of the build.
        timeout_s: how long connecting to the twin may take, each time that it has other firmware.
        on_progress: called with the most builds that the search takes, those that are done, and a note.
    Raises:
        ConfigError: the board has no twin that can be started here.
        as `build_image`.
    """
    return _Search(model, board, options, engine, timeout_s, on_progress).settled()


@dataclass(frozen=True)
class _Search:
    """One engine, model and board.

    Attributes:
        options: of the build, the engine among them.
        engine: that one.
        timeout_s, on_progress: as for `with_least_arena`.
    """

    model: Model
    board: Board
    options: BuildOptions
    engine: Engine
    timeout_s: float
    on_progress: Callable[[int, int, str], None] = unwatched

    def settled(self) -> Engine:
        """The engine with the least arena; with the most that fits where it starts with none: `verify` says how."""
        roomy = self._roomy()
        entry = cache_folder("arenas") / f"{roomy.build_id.hex()}.json"
        known = _remembered(entry)
        if known is None:
            try:
                require_stand_in(self.board)
            except ConfigError as error:
                raise ConfigError(
                    f"the engine {self.engine.name} leaves its arena to be searched: {error.message}",
                    hint='write the bytes in place of "search" in its engine.toml',
                    key="arena_bytes",
                ) from error
            with open_rig(self.board, timeout_s=self.timeout_s) as rig:
                known = self._least(rig, roomy)
            if known is not None:
                write_whole(entry, json.dumps({"arena_bytes": known}).encode())
        return self._with_arena(self._most(roomy) if known is None else known)

    def _with_arena(self, arena_bytes: int) -> Engine:
        return dataclasses.replace(self.engine, arena_bytes=arena_bytes)

    def _built(self, arena_bytes: int) -> Image:
        options = dataclasses.replace(self.options, engine=self._with_arena(arena_bytes))
        return build_image(self.model, self.board, options)

    def _roomy(self) -> Image:
        """The image with half the board's RAM as an arena, or with the half of that, ..."""
        arena = _MOST_ON_A_COMPUTER if self.board.ram is None else self.board.ram.length // 2
        while True:
            try:
                return self._built(arena)
            except ImageTooLarge:
                if arena < 2 * GRAIN_BYTES:
                    raise
                arena //= 2

    def _most(self, roomy: Image) -> int:
        """The largest arena that fits the board."""
        assert roomy.arena_bytes is not None
        if self.board.ram is None:
            return roomy.arena_bytes
        beside = roomy.sizes.static_ram_bytes - roomy.arena_bytes + roomy.stack_bytes + _SPARE_RAM_BYTES
        return max(roomy.arena_bytes, (self.board.ram.length - beside) // 16 * 16)

    def _least(self, rig: Rig, roomy: Image) -> int | None:
        assert roomy.arena_bytes is not None
        enough, right = roomy.arena_bytes, self._answers(rig, roomy)
        if right is None:
            enough = self._most(roomy)
            right = self._answers(rig, self._built(enough))
        if right is None:
            return None

        done = 0

        def suffices(arena_bytes: int) -> bool:
            nonlocal done
            self.on_progress(
                enough.bit_length(), done, f"build {done + 1}, with an arena of {arena_bytes:,} B"
            )
            done += 1
            try:
                answers = self._answers(rig, self._built(arena_bytes))
            except (BuildError, ConfigError) as error:
                if not _is_refusal(error):
                    raise
                answers = None
            log.info("%s with an arena of %d B: %s", self.engine.name, arena_bytes, answers == right)
            return answers == right

        return least(suffices, enough=enough)

    def _answers(self, rig: Rig, image: Image) -> bytes | None:
        """Return the engine's answers to a few inputs; None if it does not start, fails, or writes beyond its arena.

        An engine that hangs is silent each time; a computer that was busy for a moment is asked once more.
        """
        for tried in range(_TRIES):
            try:
                return self._asked(rig, image)
            except DeviceError:
                return None
            except (LinkTimeout, ProtocolError) as error:
                log.info(
                    "try %d of %d with an arena of %s B: %s", tried + 1, _TRIES, image.arena_bytes, error
                )
        return None

    def _asked(self, rig: Rig, image: Image) -> bytes | None:
        refuse_miscount(image, self.model)
        asked = rows_of(sample_inputs(self.model, seed=0, count=_ASKED).codes, slice(_ASKED))
        with contextlib.closing(Installation(rig, image, timeout_s=self.timeout_s)) as installation:
            device = installation.install(flash="always")
            outputs = device.infer(asked)
            memory = device.memory()
        if memory.arena_used_bytes > memory.arena_planned_bytes:
            return None
        return b"".join(array.tobytes() for array in arrays_of(outputs))


def _is_refusal(error: BuildError | ConfigError) -> bool:
    """Tell whether an engine refuses to be compiled or linked with so little.

    A full disk or a compiler that was killed says nothing of it: what is remembered would be too much.
    """
    if isinstance(error, ConfigError):
        return error.facts.get("key") == "sources"
    # A hint tells what helps on this computer.
    return error.facts.get("exit_code") == 1 and not error.hint


def least(suffices: Callable[[int], bool], *, enough: int) -> int:
    """Return the smallest number of bytes that suffices, a multiple of GRAIN_BYTES; or `enough`.

    Args:
        suffices: asked about a number; where one does, all larger ones are taken to do, too.
        enough: that is known to do.
    """
    short, tried = 0, _FIRST_BYTES
    while tried < enough:
        if suffices(tried):
            enough = tried
            break
        short, tried = tried, 2 * tried
    while enough - short > GRAIN_BYTES:
        middle = (short + enough) // 2 // GRAIN_BYTES * GRAIN_BYTES
        middle = max(middle, short // GRAIN_BYTES * GRAIN_BYTES + GRAIN_BYTES)
        if middle >= enough:
            break
        if suffices(middle):
            enough = middle
        else:
            short = middle
    return enough


def _remembered(entry: Path) -> int | None:
    try:
        known = read_json_file(entry)["arena_bytes"]
    except (OSError, ValueError, KeyError):
        return None
    return known if isinstance(known, int) and known > 0 else None
