"""Build an image: generate, compile, link, measure, remember."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tinysine.boards import Board
from tinysine.errors import BuildError, ConfigError
from tinysine.image import elf as elf_reader
from tinysine.image.arduino import PORT as ARDUINO_PORT
from tinysine.image.arduino import sketch_files
from tinysine.image.cache import ELF_NAME, cache_folder, cached_image, keep_image, workshop
from tinysine.image.files import copy_image
from tinysine.image.room import too_large
from tinysine.image.sketch import SKETCH_NAME, SketchRecipe, compile_sketch, sketch_recipe
from tinysine.image.sources import FirmwareSources, config_header, firmware_sources, linker_symbols
from tinysine.image.stack import stack_bound
from tinysine.image.toolchain import (
    Toolchain,
    compile_command,
    find_toolchain,
    link_command,
    run_tool,
    run_tools,
    runtime_arguments,
    runtime_library_command,
)
from tinysine.image.values import Image, Linked, Optimize
from tinysine.quantization import Rounding

if TYPE_CHECKING:
    from tinysine.model import Model

ENGINE_LEVEL: dict[Optimize, str] = {"speed": "-O2", "size": "-Os"}
# Clang's -Os still inlines a good deal; its -Oz is a seventh smaller. GCC's two are alike: docs/decisions.md.
REST_LEVEL = {"gcc": "-Os", "zig": "-Oz"}
TIMING_BYTES = 16  # repetitions, overhead and a count, beside the input and the output
_OVERFLOW = re.compile(r"overflowed by|RAM is full|no room for")  # the last two are assertions of link.ld
_NEEDS_RUNTIME = re.compile(r"undefined symbol: __")
_ROOMY = 0x0800_0000


@dataclass(frozen=True)
class _Recipe:
    """Everything that decides an image's bytes."""

    board: Board
    toolchain: Toolchain
    sources: FirmwareSources
    engine: str
    engine_level: str
    extra_flags: tuple[str, ...]

    @property
    def rest_level(self) -> str:
        """How all but the engine is optimised."""
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

    def build_id(self, model_sha256: str) -> bytes:
        """16 bytes of a SHA-256 over all of it, the paths of this computer left out."""
        digest = hashlib.sha256()

        def add(*parts: str | bytes) -> None:
            for part in parts:
                data = part.encode() if isinstance(part, str) else part
                digest.update(len(data).to_bytes(8, "little") + data)

        add(model_sha256, self.engine, config_header(self.board, build_id=b""), self.rest_unit or "")
        add(
            self.toolchain.name, self.toolchain.version, self.engine_level, self.rest_level, *self.extra_flags
        )
        bare = Toolchain(self.toolchain.name, self.toolchain.version, "")
        add(*compile_command(bare, self.board))
        add(*link_command(bare, self.board, script=None, symbols=linker_symbols(self.board)))
        script = () if self.sources.script is None else (self.sources.script,)
        for path in (*self.sources.engine, *self.sources.rest, *self.sources.headers, *script):
            add(path.relative_to(self.sources.root).as_posix(), path.read_bytes())
        return digest.digest()[:16]


def build_image(
    model: Model,
    board: Board,
    *,
    rounding: Rounding = Rounding.LITERT,
    optimize: Optimize = "speed",
    prune: bool = False,
    toolchain: str = "auto",
    out_dir: Path | None = None,
    strict: bool = False,
) -> Image:
    """Build the firmware of a board around a model's engine, or take it from the cache of earlier builds.

    Args:
        model: the network.
        board: of the catalogue.
        rounding: which reference the answers equal.
        optimize: "speed" or "size" of the engine; the rest is always built for size.
        prune: fold neurons proved constant.
        toolchain: "gcc", "zig", or "auto": GCC where it is installed, else Zig.
        out_dir: also copy the files there, named for the board.
        strict: treat the compiler's warnings as errors.
    Returns:
        the image; its files are in `out_dir`, or in the cache.
    Raises:
        ConfigError: an option, a board or a folder that cannot be used.
        ModelError: a model that cannot be generated.
        BuildError: no compiler, a compiler that fails, or an image too large for the board.
    """
    from tinysine.codegen import generate  # noqa: PLC0415  # only builds need it

    if optimize not in ENGINE_LEVEL:
        allowed = tuple(ENGINE_LEVEL)
        raise ConfigError(
            f"optimize is {optimize!r}", hint=" or ".join(allowed), key="optimize", allowed=allowed
        )
    board = _with_room(board, model)
    tools = find_toolchain(toolchain, board.core)
    generated = generate(model, rounding=rounding, optimize=optimize, prune=prune, core=board.core)
    level, extra_flags = ENGINE_LEVEL[optimize], ("-Werror",) if strict else ()
    recipe: _Recipe | SketchRecipe
    if board.port == ARDUINO_PORT:
        files = sketch_files(model, name=SKETCH_NAME, rounding=rounding, optimize=optimize, prune=prune)
        recipe = sketch_recipe(
            board,
            tools,
            files,
            constant_bytes=sum(generated.constant_bytes),
            engine_level=level,
            extra_flags=extra_flags,
        )
    else:
        recipe = _Recipe(
            board=board,
            toolchain=tools,
            sources=firmware_sources(board),
            engine=generated.source,
            engine_level=level,
            extra_flags=extra_flags,
        )
    build_id = recipe.build_id(model.sha256)
    image = cached_image(build_id)
    if image is None:
        with workshop("images") as work:
            linked = _compile_and_link(recipe, build_id, work)
            bare_metal = board.core != "host"
            image = keep_image(
                Image(
                    elf=linked.elf,
                    binary=_write_binary(linked.elf, board) if bare_metal else None,
                    board=board,
                    model_sha256=model.sha256,
                    build_id=build_id,
                    rounding=rounding,
                    optimize=optimize,
                    prune=prune,
                    toolchain=tools,
                    sha256=hashlib.sha256(linked.elf.read_bytes()).hexdigest(),
                    sizes=elf_reader.read_sizes(linked.elf, board, engine_objects=linked.engine_objects),
                    arena_bytes=generated.plan.arena_bytes,
                    stack_bound_bytes=stack_bound(linked.objects)
                    if board.core.startswith("cortex-m")
                    else None,
                    payload_bytes=board.limits.payload_bytes,
                ),
                others=(work / "engine.c",),
            )
    # The cache may know the board from a file that said the same to the compiler and less to the flash tools.
    image = dataclasses.replace(image, board=board)
    return image if out_dir is None else copy_image(image, Path(out_dir))


def _with_room(board: Board, model: Model) -> Board:
    """The board with frames that carry at least one inference of the model, as codes, as float32, and timed."""
    ends = [end.count * end.dtype.itemsize for end in (model.input, model.output)]
    needed = max(4 * model.input.count, sum(ends) + TIMING_BYTES)
    limits = replace(board.limits, payload_bytes=max(board.limits.payload_bytes, needed))
    return replace(board, limits=limits)


def _compile_and_link(recipe: _Recipe | SketchRecipe, build_id: bytes, work: Path) -> Linked:
    if isinstance(recipe, SketchRecipe):
        return compile_sketch(recipe, build_id, work)
    sources = recipe.sources
    (work / "config.h").write_text(config_header(recipe.board, build_id=build_id), encoding="utf-8")
    generated = work / "engine.c"
    generated.write_text(recipe.engine, encoding="utf-8")
    engine_files, rest_files = (generated, *sources.engine), sources.rest
    if recipe.rest_unit is not None:
        rest_files = (work / "rest.c",)
        rest_files[0].write_text(recipe.rest_unit, encoding="utf-8")
    files = (*engine_files, *rest_files)
    objects = tuple(work / f"{number:02d}_{path.stem}.o" for number, path in enumerate(files))
    # Line numbers change no code; they tell which layer an instruction of the engine belongs to.
    engine_flags, rest_flags = [recipe.engine_level, "-g1"], [recipe.rest_level]
    flags = [engine_flags] * len(engine_files) + [rest_flags] * len(rest_files)
    run_tools(
        _tool_name(recipe.toolchain),
        [
            [*_compile_head(recipe, work), *options, "-c", str(source), "-o", str(output)]
            for source, output, options in zip(files, objects, flags, strict=True)
        ],
        cwd=work,
    )
    elf = work / ELF_NAME
    _link(recipe, objects, elf)
    return Linked(elf=elf, engine_objects=objects[: len(engine_files)], objects=objects)


def _compile_head(recipe: _Recipe, work: Path) -> list[str]:
    root = recipe.sources.root
    return [
        *compile_command(recipe.toolchain, recipe.board),
        *recipe.extra_flags,
        # No path of this computer reaches the object.
        f"-ffile-prefix-map={work}=build",
        f"-ffile-prefix-map={root}=firmware",
        f"-I{work}",
        f"-I{root / 'include'}",
        f"-I{root}",
    ]


def _link(recipe: _Recipe, objects: tuple[Path, ...], elf: Path, *, last_try: bool = False) -> None:
    board, tools = recipe.board, recipe.toolchain
    symbols = linker_symbols(board)
    try:
        _run_linker(recipe, objects, elf, symbols)
    except BuildError as error:
        output = str(error.facts["output"])
        if _NEEDS_RUNTIME.search(output) and tools.name == "zig" and board.core != "host" and not last_try:
            _link(recipe, (*objects, _runtime_library(recipe)), elf, last_try=True)
        elif _OVERFLOW.search(output) and board.core != "host":
            # Linkers word this differently and count it wrongly; what is needed shows where there is room.
            _run_linker(
                recipe, objects, elf, symbols | dict.fromkeys(("ts_flash_length", "ts_ram_length"), _ROOMY)
            )
            raise _too_large(board, elf, error) from error
        else:
            raise


def _run_linker(recipe: _Recipe, objects: tuple[Path, ...], elf: Path, symbols: dict[str, int]) -> None:
    head = link_command(recipe.toolchain, recipe.board, script=recipe.sources.script, symbols=symbols)
    last = runtime_arguments(recipe.toolchain, recipe.board)
    command = [*head, *map(str, objects), *last, "-o", str(elf)]
    run_tool(_tool_name(recipe.toolchain), command, cwd=elf.parent)


def _too_large(board: Board, roomy: Path, error: BuildError) -> BuildError:
    """The error for an image that fits only in `roomy`, with what it needs and what there is."""
    assert board.flash is not None
    assert board.ram is not None
    needs = {
        "flash": elf_reader.flash_end(roomy) - board.flash.origin,
        "ram": elf_reader.ram_needed(roomy, board.ram.origin, board.ram.origin + _ROOMY),
    }
    return too_large(board, needs, **error.facts)


def _runtime_library(recipe: _Recipe) -> Path:
    """Zig's routines for what a core cannot do itself (division, floats), built once for a core and kept."""
    board, tools = recipe.board, recipe.toolchain
    key = hashlib.sha256(f"{tools.version} {board.core} {board.fpu}".encode()).hexdigest()[:16]
    library = cache_folder("runtime") / f"{key}.a"
    if not library.is_file():
        with workshop("runtime") as work:
            draft = work / "runtime.a"
            run_tool("zig", runtime_library_command(tools, board, draft), cwd=work)
            draft.replace(library)
    return library


def _write_binary(elf: Path, board: Board) -> Path:
    binary = elf.with_suffix(".bin")
    binary.write_bytes(elf_reader.flash_binary(elf, board))
    return binary


def _tool_name(toolchain: Toolchain) -> str:
    return Path(toolchain.path).name
