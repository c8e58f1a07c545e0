"""Build an image: generate, compile, link, measure, remember."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from tinysine.boards import Board
from tinysine.errors import ConfigError
from tinysine.graph import Network
from tinysine.image import elf as elf_reader
from tinysine.image.arduino import PORT as ARDUINO_PORT
from tinysine.image.arduino import make_sketch
from tinysine.image.cache import cached_image, keep_image, workshop
from tinysine.image.engine_build import prepare_engine, require_linkable
from tinysine.image.engines import GENERATED, Engine
from tinysine.image.files import copy_image
from tinysine.image.firmware import FirmwareRecipe
from tinysine.image.room import check_least
from tinysine.image.sketch import sketch_recipe
from tinysine.image.sketch_cli import cli_recipe, find_arduino_cli
from tinysine.image.sources import firmware_sources
from tinysine.image.toolchain import find_toolchain
from tinysine.image.values import Image, Optimize, Recipe
from tinysine.model import Model
from tinysine.quantization import Rounding

AVR_CORE = "avr5"  # whose Arduino core is compiled here; that of other boards by arduino-cli
ENGINE_LEVEL: dict[Optimize, str] = {"speed": "-O2", "size": "-Os"}


def build_image(
    model: Model,
    board: Board,
    *,
    rounding: Rounding = Rounding.LITERT,
    optimize: Optimize = "speed",
    prune: bool = False,
    toolchain: str = "auto",
    engine: Engine | None = None,
    out_dir: Path | None = None,
    strict: bool = False,
) -> Image:
    """Build the firmware of a board around a model's engine, or take it from the cache of earlier builds.

    Args:
        model: a Network for the generated engine, any model for another.
        board: of the catalogue.
        rounding: which reference the answers equal.
        optimize: "speed" or "size" of the engine; the rest is always built for size.
        prune: fold neurons proved constant.
        toolchain: "gcc", "zig", or "auto": GCC where it is installed, else Zig.
        engine: of the user's; None for the generated one.
        out_dir: also copy the files there, named for the board.
        strict: treat the compiler's warnings as errors.
    Returns:
        the image; its files are in `out_dir`, or in the cache.
    Raises:
        ConfigError: an option, a board or a folder that cannot be used.
        ModelError: a model that cannot be generated.
        BuildError: no compiler, or a compiler that fails.
        ImageTooLarge: the image does not fit the board.
    """
    if optimize not in ENGINE_LEVEL:
        allowed = tuple(ENGINE_LEVEL)
        raise ConfigError(
            f"optimize is {optimize!r}", hint=" or ".join(allowed), key="optimize", allowed=allowed
        )
    flags = ("-Werror",) if strict else ()
    level = ENGINE_LEVEL[optimize]
    recipe: Recipe
    arena_bytes: int | None
    if engine is not None:
        if prune:
            raise ConfigError(
                f"the engine {engine.name} is compiled as it is; prune is of the generated engine",
                hint="leave --prune out",
                key="prune",
            )
        assert engine.arena_bytes is not None or not engine.arena_search  # see build_firmware
        recipe = _users_recipe(engine, model, board, toolchain, rounding=rounding, level=level, flags=flags)
        arena_bytes = engine.arena_bytes
    else:
        # Where no engine was chosen, whoever read the model has made sure that it is one for ours.
        assert isinstance(model, Network)
        recipe, arena_bytes = _generated_recipe(
            model, board, toolchain, rounding=rounding, optimize=optimize, prune=prune, flags=flags
        )
    build_id = recipe.build_id(model.sha256)
    image = cached_image(build_id)
    if image is None:
        with workshop("images") as work:
            linked = recipe.link(build_id, work)
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
                    toolchain=recipe.toolchain,
                    sha256=hashlib.sha256(linked.elf.read_bytes()).hexdigest(),
                    sizes=elf_reader.read_sizes(
                        linked.elf,
                        board,
                        engine_objects=linked.engine_objects,
                        own_script=linked.own_script,
                    ),
                    arena_bytes=arena_bytes,
                    stack_bytes=linked.stack_bytes,
                    stack_bound_bytes=linked.stack_bound_bytes,
                    engine=GENERATED if engine is None else engine.name,
                ),
                others=(work / "engine.c",),
            )
    # The cache may know the board from a file that said the same to the compiler and less to the flash tools.
    searched = engine is not None and engine.arena_search
    image = dataclasses.replace(image, board=board, arena_searched=searched)
    return image if out_dir is None else copy_image(image, Path(out_dir))


def _users_recipe(
    engine: Engine,
    model: Model,
    board: Board,
    toolchain: str,
    *,
    rounding: Rounding,
    level: str,
    flags: tuple[str, ...],
) -> Recipe:
    engine.require(rounding)
    if board.port == ARDUINO_PORT:
        raise ConfigError(
            f"the firmware of {board.name} is an Arduino sketch, which takes the generated engine only",
            hint="leave --engine out, or choose a board that `tinysine boards` does not call Arduino's",
            key="engine",
        )
    tools = find_toolchain(toolchain, board.core)
    require_linkable(engine, tools, board)
    prepared = prepare_engine(engine, model, rounding, core=board.core)
    return FirmwareRecipe(
        board=board,
        toolchain=tools,
        sources=firmware_sources(board),
        engine=prepared.source,
        engine_level=level,
        extra_flags=flags,
        user=prepared,
    )


def _generated_recipe(
    model: Network,
    board: Board,
    toolchain: str,
    *,
    rounding: Rounding,
    optimize: Optimize,
    prune: bool,
    flags: tuple[str, ...],
) -> tuple[Recipe, int]:
    """How the generated engine is built, and the bytes of its arena."""
    from tinysine.codegen import generate  # noqa: PLC0415  # only builds need it

    generated = generate(model, rounding=rounding, optimize=optimize, prune=prune, core=board.core)
    arena_bytes = generated.plan.arena_bytes
    check_least(
        board,
        constant_bytes=sum(generated.constant_bytes),
        arena_bytes=arena_bytes,
        buffer_bytes=model.input.nbytes + model.output.nbytes,
    )
    if _by_arduino_cli(board):
        sketch = make_sketch(model, rounding=rounding, optimize=optimize, prune=prune)
        return cli_recipe(board, toolchain, sketch), arena_bytes
    tools, level = find_toolchain(toolchain, board.core), ENGINE_LEVEL[optimize]
    if board.port == ARDUINO_PORT:
        files = make_sketch(model, rounding=rounding, optimize=optimize, prune=prune).files
        recipe: Recipe = sketch_recipe(board, tools, files, engine_level=level, extra_flags=flags)
        return recipe, arena_bytes
    recipe = FirmwareRecipe(
        board=board,
        toolchain=tools,
        sources=firmware_sources(board),
        engine=generated.source,
        engine_level=level,
        extra_flags=flags,
    )
    return recipe, arena_bytes


def require_compiler(board: Board, toolchain: str) -> None:
    """Make sure that what builds for a board is installed; a fraction of a second at most.

    Args:
        toolchain: the choice that was made, as for `build_image`.
    Raises:
        ConfigError: a choice that cannot be meant for the board.
        BuildError: it is not installed.
    """
    if _by_arduino_cli(board):
        find_arduino_cli(board, toolchain)
    else:
        find_toolchain(toolchain, board.core)


def _by_arduino_cli(board: Board) -> bool:
    return board.port == ARDUINO_PORT and board.core != AVR_CORE


def _write_binary(elf: Path, board: Board) -> Path:
    binary = elf.with_suffix(".bin")
    binary.write_bytes(elf_reader.flash_binary(elf, board))
    return binary
