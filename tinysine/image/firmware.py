"""Firmware that is all tinysine's own: one board's C files, compiled and linked by GCC or by Zig."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from tinysine.boards import Board
from tinysine.errors import BuildError, raise_as
from tinysine.image import elf as elf_reader
from tinysine.image.cache import cached_library, digest_of, workshop
from tinysine.image.engine_build import PreparedEngine, missing_functions, not_compiled
from tinysine.image.engines import CPP_ENDINGS
from tinysine.image.kept_images import ELF_NAME
from tinysine.image.objects import keep_object, take_object
from tinysine.image.room import too_large
from tinysine.image.sources import FirmwareSources, config_header, linker_symbols
from tinysine.image.stack import stack_bound, stack_needed
from tinysine.image.tool_run import run_tool, run_tools
from tinysine.image.toolchain import (
    Toolchain,
    compile_command,
    link_command,
    runtime_arguments,
    runtime_library_command,
)
from tinysine.image.values import Linked

# Clang's -Os still inlines a good deal; its -Oz is a seventh smaller. GCC's two are alike: docs/decisions.md.
REST_LEVEL = {"gcc": "-Os", "zig": "-Oz"}
_OVERFLOW = re.compile(r"overflowed by|not within region|RAM is full|no room for")  # the last two: link.ld
_NEEDS_RUNTIME = re.compile(r"undefined symbol: __")
_ROOMY = 0x0800_0000


@dataclass(frozen=True)
class FirmwareRecipe:
    """Everything that decides the bytes of an image that is all tinysine's own, but for an engine of the user's.

    Attributes:
        engine: the text of engine.c: the generated engine, or what an engine of the user's is told of the model.
        engine_level: how that is optimised, and the user's engine.
        extra_flags: for all but the user's engine.
        user: that engine; None for the generated one.
    """

    board: Board
    toolchain: Toolchain
    sources: FirmwareSources
    engine: str
    engine_level: str
    extra_flags: tuple[str, ...]
    user: PreparedEngine | None = None

    @property
    def rest_level(self) -> str:
        """Return the optimisation level of all code but the engine."""
        return REST_LEVEL[self.toolchain.name]

    @property
    def rest_unit(self) -> str | None:
        """All but the engine as one text to compile: smaller and sooner built than apart (docs/decisions.md).

        Not on the host, whose port asks the system headers for more before it includes them.
        """
        if self.board.core == "host":
            return None
        files = (path.relative_to(self.sources.root).as_posix() for path in self.sources.rest)
        return "".join(f'#include "{file}"\n' for file in files)

    def _config(self, build_id: bytes) -> str:
        further = None if self.user is None else self.user.config
        return config_header(self.board, build_id=build_id, further=further)

    def build_id(self, model_sha256: str) -> bytes:
        """See `Recipe`."""
        bare = Toolchain(self.toolchain.name, self.toolchain.version, "")
        script = () if self.sources.script is None else (self.sources.script,)
        files = (
            *self.sources.engine,
            self.sources.build_id,
            *self.sources.rest,
            *self.sources.headers,
            *script,
        )
        return digest_of(
            *(model_sha256, self.engine, self._config(b""), self.rest_unit or ""),
            *(self.toolchain.name, self.toolchain.version, self.engine_level, self.rest_level),
            *self.extra_flags,
            *compile_command(bare, self.board),
            *link_command(bare, self.board, script=None, symbols=linker_symbols(self.board)),
            *_names_and_texts(self.sources.root, files),
            *self._parts_of_user(),
        )

    def _parts_of_user(self) -> Iterator[str | bytes]:
        if self.user is not None:
            root = self.sources.root
            yield from self.user.parts(self.toolchain, self.board, root=root, level=self.engine_flags)

    @property
    def engine_flags(self) -> tuple[str, ...]:
        """Line numbers change no code; they tell which layer an instruction of the engine belongs to."""
        return (self.engine_level, "-g1")

    def link(self, build_id: bytes, work: Path) -> Linked:
        """See `Recipe`."""
        generated = work / "engine.c"
        generated.write_text(self.engine, encoding="utf-8")
        (work / "config.h").write_text(self._config(build_id), encoding="utf-8")
        engine_files = (generated, *self.sources.engine)
        units = [
            _Unit(file, work, _object(work, n, file), self.engine_flags)
            for n, file in enumerate(engine_files)
        ]
        file = self.sources.build_id
        units.append(_Unit(file, work, _object(work, len(units), file), (self.rest_level,)))
        users = () if self.user is None else tuple(_user_units(self.user, work, self.engine_flags))
        shared = self._shared_units(work, first=len(units) + len(users))
        missing = {unit: key for unit, key in shared.items() if not take_object(key, unit.object_file)}
        # What takes longest is begun first: two cores are done together then.
        commands = [_compile(self, unit) for unit in (*missing, *units)]
        commands += [_compile_user(self, unit) for unit in users]
        try:
            run_tools(_tool_name(self.toolchain), commands, cwd=work)
        except BuildError as error:
            theirs = any(str(unit.object_file) in str(error.facts["command"]) for unit in users)
            refused = not_compiled(self.user.engine, error) if self.user is not None and theirs else None
            raise_as(refused, error)
        for unit, key in missing.items():
            keep_object(key, unit.object_file)
        objects = tuple(unit.object_file for unit in (*units, *users, *shared))
        elf = work / ELF_NAME
        _link(self, objects, elf)
        engine_objects = (*objects[: len(engine_files)], *(unit.object_file for unit in users))
        reserved = self.board.limits.stack_bytes
        if self.board.core == "host":
            return Linked(elf=elf, engine_objects=engine_objects, stack_bytes=reserved)
        bound = self._stack_bound((*engine_objects, *(unit.object_file for unit in shared)), elf)
        told = None if self.user is None else self.user.engine.stack_bytes
        needed = max((stack_needed(most) for most in (bound, told) if most is not None), default=0)
        if needed > reserved:
            reserved = needed
            limits = structs.replace(self.board.limits, stack_bytes=needed)
            _link(replace(self, board=structs.replace(self.board, limits=limits)), objects, elf)
        return Linked(elf, engine_objects, stack_bytes=reserved, stack_bound_bytes=bound)

    def compile_shared(self) -> None:
        """Compile and keep what builds for the board share, as far as it is not there.

        Raises:
            ConfigError: the cache cannot be written.
            BuildError: the compiler failed.
        """
        with workshop("images") as work:
            units = self._shared_units(work, first=0).items()
            missing = {unit: key for unit, key in units if not take_object(key, unit.object_file)}
            run_tools(_tool_name(self.toolchain), [_compile(self, unit) for unit in missing], cwd=work)
            for unit, key in missing.items():
                keep_object(key, unit.object_file)

    def _stack_bound(self, objects: tuple[Path, ...], elf: Path) -> int | None:
        try:
            return stack_bound(objects, linked=elf)
        except BuildError:
            if self.user is None:
                raise
            return None  # it may recurse and call through pointers, as interpreters do

    def _shared_units(self, work: Path, *, first: int) -> dict[_Unit, bytes]:
        """Return the units that all builds for the board share, each with its cache key."""
        folder = work / "shared"
        folder.mkdir()
        config = self._config(b"")  # no file of these reads it
        (folder / "config.h").write_text(config, encoding="utf-8")
        files = self.sources.rest
        if self.rest_unit is not None:
            (folder / "rest.c").write_text(self.rest_unit, encoding="utf-8")
            files = (folder / "rest.c",)
        bare = Toolchain(self.toolchain.name, self.toolchain.version, "")
        same = digest_of(
            *(config, self.toolchain.version, *compile_command(bare, self.board)),
            *(self.rest_level, *self.extra_flags),
            *_names_and_texts(self.sources.root, (*self.sources.rest, *self.sources.headers)),
        )
        units = [
            _Unit(file, folder, _object(work, number, file), (self.rest_level,))
            for number, file in enumerate(files, first)
        ]
        return {unit: digest_of(same, unit.source.name, unit.source.read_bytes()) for unit in units}


@dataclass(frozen=True)
class _Unit:
    """A C file to compile.

    Attributes:
        folder: of its config.h.
    """

    source: Path
    folder: Path
    object_file: Path
    flags: tuple[str, ...]


def _object(work: Path, number: int, source: Path) -> Path:
    return work / f"{number:02d}_{source.stem}.o"


def _names_and_texts(root: Path, files: Iterable[Path]) -> Iterator[str | bytes]:
    for path in files:
        yield path.relative_to(root).as_posix()
        yield path.read_bytes()


def _compile(recipe: FirmwareRecipe, unit: _Unit) -> list[str]:
    root = recipe.sources.root
    return [
        *compile_command(recipe.toolchain, recipe.board),
        *recipe.extra_flags,
        # No path of this computer reaches the object.
        f"-ffile-prefix-map={unit.folder}=build",
        f"-ffile-prefix-map={root}=firmware",
        f"-I{unit.folder}",
        *(() if recipe.user is None else (f"-I{unit.folder / 'model'}",)),
        f"-I{root / 'include'}",
        f"-I{root}",
        *unit.flags,
        *("-c", str(unit.source), "-o", str(unit.object_file)),
    ]


def _user_units(user: PreparedEngine, work: Path, flags: tuple[str, ...]) -> Iterator[_Unit]:
    for number, file in enumerate(user.place(work)):
        yield _Unit(file, work, work / f"user{number:02d}_{file.stem}.o", flags)


def _compile_user(recipe: FirmwareRecipe, unit: _Unit) -> list[str]:
    assert recipe.user is not None
    command = recipe.user.compile_command(
        recipe.toolchain,
        recipe.board,
        work=unit.folder,
        root=recipe.sources.root,
        level=unit.flags,
        cpp=unit.source.suffix in CPP_ENDINGS,
    )
    return [*command, "-c", str(unit.source), "-o", str(unit.object_file)]


def _link(recipe: FirmwareRecipe, objects: tuple[Path, ...], elf: Path, *, last_try: bool = False) -> None:
    board, tools = recipe.board, recipe.toolchain
    symbols = linker_symbols(board)
    try:
        _run_linker(recipe, objects, elf, symbols)
    except BuildError as error:
        output = str(error.facts["output"])
        if _NEEDS_RUNTIME.search(output) and tools.name == "zig" and board.core != "host" and not last_try:
            _link(recipe, (*objects, runtime_library(tools, board)), elf, last_try=True)
        elif _OVERFLOW.search(output) and board.core != "host":
            # Linkers word this differently and count it wrongly; what is needed shows where there is room.
            _run_linker(
                recipe, objects, elf, symbols | dict.fromkeys(("ts_flash_length", "ts_ram_length"), _ROOMY)
            )
            raise _too_large(board, elf, error) from error
        elif recipe.user is not None and (missing := missing_functions(recipe.user.engine, error)):
            raise missing from error
        else:
            raise


def _run_linker(
    recipe: FirmwareRecipe, objects: tuple[Path, ...], elf: Path, symbols: dict[str, int]
) -> None:
    head = link_command(recipe.toolchain, recipe.board, script=recipe.sources.script, symbols=symbols)
    last = runtime_arguments(recipe.toolchain, recipe.board)
    users = [] if recipe.user is None else recipe.user.link_arguments(recipe.toolchain)
    command = [*head, *map(str, objects), *users, *last, "-o", str(elf)]
    run_tool(_tool_name(recipe.toolchain), command, cwd=elf.parent)


def _too_large(board: Board, roomy: Path, error: BuildError) -> BuildError:
    """The error for an image that fits only in `roomy`, with what it needs and what there is."""
    assert board.flash is not None
    assert board.ram is not None
    needs = {
        "flash": elf_reader.flash_end(roomy) - board.flash.origin,
        "ram": elf_reader.ram_needed(roomy, board.ram.origin, board.ram.origin + _ROOMY),
    }
    facts = error.facts
    return too_large(
        board, needs, tool=str(facts["tool"]), command=facts["command"], output=str(facts["output"])
    )


def runtime_library(tools: Toolchain, board: Board) -> Path:
    """Zig's routines for what a core cannot do itself (division, floats), built once for a core and kept."""

    def make(work: Path) -> Path:
        draft = work / "runtime.a"
        run_tool("zig", runtime_library_command(tools, board, draft), cwd=work)
        return draft

    return cached_library(digest_of(tools.version, board.core, board.fpu), make)


def _tool_name(toolchain: Toolchain) -> str:
    return Path(toolchain.path).name
