"""Build an image: generate, compile, link, measure, remember."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from tinysine.boards import AVR, Board
from tinysine.errors import ConfigError
from tinysine.graph import Network
from tinysine.image import elf as elf_reader
from tinysine.image.arduino import make_sketch
from tinysine.image.build_options import DEFAULTS, BuildOptions
from tinysine.image.cache import workshop
from tinysine.image.engine_build import prepare_engine, require_linkable
from tinysine.image.engines import Engine
from tinysine.image.files import copy_image
from tinysine.image.firmware import FirmwareRecipe
from tinysine.image.kept_images import cached_image, keep_image
from tinysine.image.room import check_least, engine_room
from tinysine.image.sketch import sketch_recipe
from tinysine.image.sketch_cli import cli_recipe, find_arduino_cli
from tinysine.image.sources import firmware_sources
from tinysine.image.toolchain import find_toolchain
from tinysine.image.values import Image, Recipe
from tinysine.model import Model


def build_image(
    model: Model,
    board: Board,
    options: BuildOptions = DEFAULTS,
    *,
    out_dir: Path | None = None,
    strict: bool = False,
) -> Image:
    """Build the firmware of a board around a model's engine, or take it from the cache of earlier builds.

    Args:
        model: a Network for the generated engine, any model for another.
        board: of the catalogue.
        options: how it is built.
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
    flags = ("-Werror",) if strict else ()
    recipe: Recipe
    arena_bytes: int | None
    if options.engine is not None:
        assert options.engine.arena_bytes is not None or not options.engine.arena_search  # see build_firmware
        recipe = _users_recipe(options.engine, model, board, options, flags=flags)
        arena_bytes = options.engine.arena_bytes
    else:
        # Where no engine was chosen, whoever read the model has made sure that it is one for ours.
        assert isinstance(model, Network)
        recipe, arena_bytes = _generated_recipe(model, board, options, flags=flags)
    build_id = recipe.build_id(model.sha256)
    image = cached_image(build_id) or _linked(
        recipe, build_id, model, board, options, arena_bytes=arena_bytes
    )
    # The cache may know the board from a file that said the same to the compiler and less to the flash tools.
    searched = options.engine is not None and options.engine.arena_search
    image = dataclasses.replace(image, board=board, arena_searched=searched)
    return image if out_dir is None else copy_image(image, Path(out_dir))


def _linked(
    recipe: Recipe,
    build_id: bytes,
    model: Model,
    board: Board,
    options: BuildOptions,
    *,
    arena_bytes: int | None,
) -> Image:
    """Compile, link, measure, and keep the image for later."""
    with workshop("images") as work:
        linked = recipe.link(build_id, work)
        bare_metal = board.core != "host"
        image = Image(
            elf=linked.elf,
            binary=_write_binary(linked.elf, board) if bare_metal else None,
            board=board,
            model_sha256=model.sha256,
            build_id=build_id,
            rounding=options.rounding,
            optimize=options.optimize,
            prune=options.prune,
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
            engine=options.engine_name,
        )
        return keep_image(image, others=(work / "engine.c",))


def _users_recipe(
    engine: Engine, model: Model, board: Board, options: BuildOptions, *, flags: tuple[str, ...]
) -> Recipe:
    if board.is_sketch:
        raise ConfigError(
            f"the firmware of {board.name} is an Arduino sketch, which takes the generated engine only",
            hint="leave --engine out, or choose a board that `tinysine boards` does not call Arduino's",
            key="engine",
        )
    tools = find_toolchain(options.toolchain, board.core)
    require_linkable(engine, tools, board)
    prepared = prepare_engine(engine, model, options.rounding, core=board.core)
    return FirmwareRecipe(
        board=board,
        toolchain=tools,
        sources=firmware_sources(board, layers=engine.layers, c_library="c" in engine.link),
        engine=prepared.source,
        engine_level=options.level,
        extra_flags=flags,
        user=prepared,
    )


def _generated_recipe(
    model: Network, board: Board, options: BuildOptions, *, flags: tuple[str, ...]
) -> tuple[Recipe, int]:
    """Return the recipe of the generated engine's build, and the bytes of its arena."""
    from tinysine.codegen import generate  # noqa: PLC0415  # only builds need it

    rounding, optimize, prune = options.rounding, options.optimize, options.prune
    room = engine_room(board, model)
    generated = generate(model, rounding=rounding, optimize=optimize, prune=prune, core=board.core, room=room)
    arena_bytes = generated.arena_bytes
    check_least(
        board,
        constant_bytes=sum(generated.constant_bytes),
        arena_bytes=arena_bytes,
        buffer_bytes=sum(tensor.nbytes for tensor in (*model.inputs, *model.outputs)),
    )
    if _by_arduino_cli(board):
        sketch = make_sketch(model, rounding=rounding, optimize=optimize, prune=prune)
        return cli_recipe(board, options.toolchain, sketch), arena_bytes
    tools = find_toolchain(options.toolchain, board.core)
    if board.is_sketch:
        files = make_sketch(model, rounding=rounding, optimize=optimize, prune=prune).files
        recipe: Recipe = sketch_recipe(board, tools, files, engine_level=options.level, extra_flags=flags)
        return recipe, arena_bytes
    recipe = FirmwareRecipe(
        board=board,
        toolchain=tools,
        sources=firmware_sources(board),
        engine=generated.source,
        engine_level=options.level,
        extra_flags=flags,
    )
    return recipe, arena_bytes


def prepare_build(board: Board, options: BuildOptions = DEFAULTS) -> None:
    """Compile and keep what no model changes, so that a later `build_image` of the board takes less time.

    Nothing is done where that is not known apart: for sketches, and for engines other than the generated one.

    Raises:
        ConfigError: an option or a folder that cannot be used.
        BuildError: no compiler, or a compiler that fails.
    """
    if options.engine is not None or board.is_sketch:
        return
    FirmwareRecipe(
        board=board,
        toolchain=find_toolchain(options.toolchain, board.core),
        sources=firmware_sources(board),
        engine="",
        engine_level=options.level,
        extra_flags=(),
    ).compile_shared()


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
    # The Arduino core of an AVR is compiled here.
    return board.is_sketch and board.core != AVR


def _write_binary(elf: Path, board: Board) -> Path:
    binary = elf.with_suffix(".bin")
    binary.write_bytes(elf_reader.flash_binary(elf, board))
    return binary
