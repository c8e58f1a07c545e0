"""What a model and its image need of a board: room in frames and in memories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinysine.boards import Board, Limits
from tinysine.errors import BuildError

if TYPE_CHECKING:
    from tinysine.model import Model

_TIMING_BYTES = 16  # repetitions, overhead and a count, beside the input and the output


def payload_bytes(model: Model, limits: Limits) -> int:
    """What frames must carry: at least one inference of the model, as codes, as float32, and timed."""
    ends = [end.count * end.dtype.itemsize for end in (model.input, model.output)]
    return max(limits.payload_bytes, 4 * model.input.count, sum(ends) + _TIMING_BYTES)


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
