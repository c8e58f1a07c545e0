"""Build an image: generate, compile, link, measure, remember."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from tinysine.boards import Board
from tinysine.errors import ConfigError
from tinysine.image import elf as elf_reader
from tinysine.image.arduino import PORT as ARDUINO_PORT
from tinysine.image.arduino import make_sketch
from tinysine.image.cache import cached_image, keep_image, workshop
from tinysine.image.files import copy_image
from tinysine.image.firmware import FirmwareRecipe
from tinysine.image.room import check_least
from tinysine.image.sketch import sketch_recipe
from tinysine.image.sketch_cli import cli_recipe, find_arduino_cli
from tinysine.image.sources import firmware_sources
from tinysine.image.toolchain import find_toolchain
from tinysine.image.values import Image, Optimize, Recipe
from tinysine.quantization import Rounding

if TYPE_CHECKING:
    from tinysine.graph import Network

AVR_CORE = "avr5"  # whose Arduino core is compiled here; that of other boards by arduino-cli
ENGINE_LEVEL: dict[Optimize, str] = {"speed": "-O2", "size": "-Os"}


def build_image(
    model: Network,
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
        BuildError: no compiler, or a compiler that fails.
        ImageTooLarge: the image does not fit the board.
    """
    from tinysine.codegen import generate  # noqa: PLC0415  # only builds need it

    if optimize not in ENGINE_LEVEL:
        allowed = tuple(ENGINE_LEVEL)
        raise ConfigError(
            f"optimize is {optimize!r}", hint=" or ".join(allowed), key="optimize", allowed=allowed
        )
    generated = generate(model, rounding=rounding, optimize=optimize, prune=prune, core=board.core)
    check_least(
        board,
        constant_bytes=sum(generated.constant_bytes),
        arena_bytes=generated.plan.arena_bytes,
        buffer_bytes=model.input.nbytes + model.output.nbytes,
    )
    recipe: Recipe
    if _by_arduino_cli(board):
        recipe = cli_recipe(
            board, toolchain, make_sketch(model, rounding=rounding, optimize=optimize, prune=prune)
        )
    else:
        tools, flags = find_toolchain(toolchain, board.core), ("-Werror",) if strict else ()
        if board.port == ARDUINO_PORT:
            recipe = sketch_recipe(
                board,
                tools,
                make_sketch(model, rounding=rounding, optimize=optimize, prune=prune).files,
                engine_level=ENGINE_LEVEL[optimize],
                extra_flags=flags,
            )
        else:
            recipe = FirmwareRecipe(
                board=board,
                toolchain=tools,
                sources=firmware_sources(board),
                engine=generated.source,
                engine_level=ENGINE_LEVEL[optimize],
                extra_flags=flags,
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
                    arena_bytes=generated.plan.arena_bytes,
                    stack_bytes=linked.stack_bytes,
                    stack_bound_bytes=linked.stack_bound_bytes,
                ),
                others=(work / "engine.c",),
            )
    # The cache may know the board from a file that said the same to the compiler and less to the flash tools.
    image = dataclasses.replace(image, board=board)
    return image if out_dir is None else copy_image(image, Path(out_dir))


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
