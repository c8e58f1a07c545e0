"""An engine's object file that says other numbers of tensors than its model has, and the image around it."""

from __future__ import annotations

from pathlib import Path

from tinysine.boards import Board
from tinysine.firmware_facts import ENGINE, INPUT_COUNT_AT
from tinysine.image import Image
from tinysine.image.toolchain import Toolchain
from tinysine.model import Model
from unit_tests.made_up_image import made_up_image

SAID = "the engine mine says input_count = 2, and the model has 1: TS_MODEL_INPUTS of tinysine/model.h "
SOURCE = (
    f"const struct {{ char before[{INPUT_COUNT_AT[64]}]; unsigned char counts[2]; }} {ENGINE} = "
    "{.counts = {2, 1}};\n"
)  # compiled for a computer of 64 bits


def miscounted_image(elf: Path, model: Model, board: Board) -> Image:
    """The image of a model with one input and one output, whose file is SOURCE, compiled."""
    return made_up_image(
        elf,
        board,
        model_sha256=model.sha256,
        toolchain=Toolchain("cc", "1", "cc"),
        arena_bytes=1024,
        stack_bound_bytes=None,
        engine="mine",
    )
