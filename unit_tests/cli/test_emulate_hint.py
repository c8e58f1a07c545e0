"""The commands that `tinysine emulate` suggests work when typed."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.commands.rigs import _verify_command
from tinysine.graph import read_network
from tinysine.image import Image, build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import Rounding


@pytest.fixture(scope="module")
def image() -> Image:
    """Built for this computer with other options than the defaults."""
    return build_image(read_network(REFERENCE_MODEL), load_board("host"))


def test_the_command_names_what_was_built(image: Image, tmp_path: Path) -> None:
    """Options that are not the defaults are repeated: else other firmware would be flashed."""
    other = dataclasses.replace(image, rounding=Rounding.TFLM, optimize="size", prune=True)
    model = tmp_path / "my sine.tflite"
    model.write_bytes(REFERENCE_MODEL.read_bytes())
    command = _verify_command(model, other, "my engine", "/dev/pts/7")
    assert shlex.split(command) == [
        *("tinysine", "verify", str(model), "--board", "host", "--port", "/dev/pts/7"),
        *("--engine", "my engine", "--reference", "tflm", "--optimize", "size", "--prune"),
    ]


def test_an_image_is_no_model(image: Image) -> None:
    """The model that it was built of is not known by name."""
    assert _verify_command(image.elf, image, "generated", "/dev/pts/7") == (
        "tinysine verify MODEL --board host --port /dev/pts/7"
    )
