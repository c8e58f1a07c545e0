"""What an image needs of a board's memories, when that is more than there is."""

from __future__ import annotations

from tinysine.boards import Board
from tinysine.errors import BuildError


def memories(board: Board) -> dict[str, int]:
    """Bytes of each memory of a chip."""
    assert board.flash is not None
    assert board.ram is not None
    return {"flash": board.flash.length, "ram": board.ram.length}


def too_large(board: Board, needs: dict[str, int], **facts: object) -> BuildError:
    """The error for an image that does not fit.

    Args:
        needs: bytes of "flash" and of "ram", the stack included.
        facts: of the linker: tool, command, output.
    """
    has = memories(board)
    memory = max(needs, key=lambda name: needs[name] - has[name])
    return BuildError(
        f"the image needs {needs[memory]} bytes of {memory}; {board.name} has {has[memory]}",
        hint="a smaller model, or --optimize size",
        memory=memory,
        needed_bytes=needs[memory],
        available_bytes=has[memory],
        **facts,
    )
