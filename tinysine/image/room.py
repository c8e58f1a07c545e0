"""Check of the memory that an image needs of a board."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tinysine.boards import Board, list_boards
from tinysine.errors import ConfigError, ImageTooLarge
from tinysine.model import Model

if TYPE_CHECKING:
    from tinysine.codegen import Room

# Code for another core has another size, so a board that is named instead must have some room left.
_MARGIN = 1.25
# Kept for the firmware, the engine's code, and what is not known before the linker has run.
_FLASH_KEPT, _RAM_KEPT = 32 * 1024, 4 * 1024


def memories(board: Board) -> dict[str, int]:
    """Bytes of each memory of a chip."""
    assert board.flash is not None
    assert board.ram is not None
    return {"flash": board.flash.length, "ram": board.ram.length}


def engine_room(board: Board, model: Model) -> Room | None:
    """Tell what a board has for an engine; None where somebody else's core and libraries take an unknown part of it.

    Args:
        board: its limits say how long frames are, of which the firmware holds two.
        model: whose inputs and outputs have buffers beside the arena.
    """
    from tinysine.codegen import Room  # noqa: PLC0415  # only builds need it

    if board.is_sketch:
        return None
    if board.flash is None or board.ram is None:
        return Room(sys.maxsize, sys.maxsize)
    limits = board.limits
    buffer_bytes = sum(tensor.nbytes for tensor in (*model.inputs, *model.outputs))
    taken = 2 * limits.payload_bytes + buffer_bytes + limits.stack_bytes + _RAM_KEPT
    # Variables are in one of two parts as a whole: firmware/ports/cortex_m/link.ld.
    largest = max(board.ram.tcm_length, board.ram.length - board.ram.tcm_length)
    return Room(max(board.flash.length - _FLASH_KEPT, 0), max(largest - taken, 0))


def check_least(board: Board, *, constant_bytes: int, arena_bytes: int, buffer_bytes: int) -> None:
    """Refuse what cannot fit, before a compiler fails over it in words of its own.

    Args:
        board: its limits say how long frames are, of which the firmware holds two.
        constant_bytes: of the engine, in flash.
        arena_bytes, buffer_bytes: of the engine, and of its inputs and outputs, in RAM.
    Raises:
        ImageTooLarge: these alone are more than the board has.
    """
    if board.flash is None or board.ram is None:
        return
    limits = board.limits
    ram_bytes = 2 * limits.payload_bytes + arena_bytes + buffer_bytes + limits.stack_bytes
    needs = {"flash": constant_bytes, "ram": ram_bytes}
    if any(needs[name] > has for name, has in memories(board).items()):
        raise too_large(board, needs, at_least=True)


def too_large(
    board: Board,
    needs: dict[str, int],
    *,
    at_least: bool = False,
    tool: str = "",
    command: object = "",
    output: str = "",
) -> ImageTooLarge:
    """The error for an image that does not fit.

    Args:
        board: with the stack and the frames that the image has.
        needs: bytes of "flash" and of "ram", the stack included.
        at_least: whether that is only what is known to be needed.
        tool, command, output: of the linker, if one was run.
    """
    has = memories(board)
    memory = max(needs, key=lambda name: needs[name] - has[name])
    needed, there = needs[memory], has[memory]
    limits = board.limits
    parts = f"frames 2 x {limits.payload_bytes:,}, stack {limits.stack_bytes:,}"
    where = f"RAM ({parts})" if memory == "ram" else memory
    others = " or ".join(f"--board {name}" for name in _larger_boards(board, needs))
    ways = [
        "a smaller model",
        *(["--optimize size"] if memory == "flash" else []),
        *([others] if others else []),
    ]
    return ImageTooLarge(
        f"the image needs {'at least ' if at_least else ''}{needed:,} bytes of {where},"
        f" {needed - there:,} more than {board.name} has ({there:,})",
        hint=", or ".join(ways),
        memory=memory,
        needed_bytes=needed,
        available_bytes=there,
        tool=tool,
        command=command,
        output=output,
    )


def _larger_boards(board: Board, needs: dict[str, int]) -> list[str]:
    """At most two boards of the catalogue, of the same kind, on which as much as that would fit."""
    try:
        boards = list_boards()
    except ConfigError:  # a broken file of somebody's own; it is told where boards are asked for
        return []
    fitting = [
        other.name
        for other in boards
        if other.flash
        and other.ram
        and not other.is_sketch  # which needs a compiler that no package of Python brings
        and (":" in other.name) == (":" in board.name)  # a machine of QEMU's is no board to buy
        and all(_MARGIN * needs[name] <= has for name, has in memories(other).items())
    ]
    return fitting[:2]
