"""What does not fit is refused before or after linking: by how much, and what to try."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from tinysine.boards import Board, Limits, Memory, load_board
from tinysine.errors import EXIT_USAGE, ImageTooLarge
from tinysine.graph import parse_network, read_network
from tinysine.graph.random_networks import random_network
from tinysine.image import build_image
from tinysine.image.room import LARGEST_PAYLOAD, check_least, payload_bytes, too_large

CASES = Path(__file__).parents[1] / "cases"
UNO, NANO = load_board("arduino-uno"), load_board("nano33ble-sense")
LIMITS = Limits(stack_bytes=1024, payload_bytes=256)


def wide(inputs: int) -> bytes:
    """A network with so many int8 inputs."""
    return random_network(np.random.default_rng(1), widths=(inputs, 2, 1), style="trained")


@pytest.mark.parametrize(("inputs", "expected"), [(1, 256), (300, 1200), (8192, 32768)])
def test_frames_carry_one_inference(inputs: int, expected: int) -> None:
    """Frames grow with the inputs as float32, up to what 16-bit lengths allow."""
    assert payload_bytes(parse_network(wide(inputs), file="wide"), LIMITS) == expected


@pytest.mark.parametrize("inputs", [8193, 9216])
def test_more_inputs_than_a_frame_holds_are_refused(inputs: int) -> None:
    """One input too many is bad input, told with both figures; no compiler sees it."""
    with pytest.raises(ImageTooLarge, match=r"the protocol has \(32,768\).*at most 8,192 inputs") as caught:
        build_image(parse_network(wide(inputs), file="wide"), NANO)
    assert caught.value.facts["needed_bytes"] == 4 * inputs
    assert caught.value.facts["available_bytes"] == LARGEST_PAYLOAD
    assert caught.value.exit_code == EXIT_USAGE


def test_a_model_for_another_board_is_refused_for_the_uno() -> None:
    """200 inputs need 2,572 bytes of RAM, of which the Uno has 2,048; a board that the hint names has enough."""
    model = read_network(CASES / "uno_u8_200.tflite")
    with pytest.raises(
        ImageTooLarge, match=r"at least 2,572 bytes of RAM.*524 more than arduino-uno"
    ) as caught:
        build_image(model, UNO)
    assert caught.value.exit_code == EXIT_USAGE
    names = re.findall(r"--board (\S+)", caught.value.hint)
    assert names
    assert build_image(model, load_board(names[0])).elf.is_file()


def test_the_least_that_is_needed_may_be_all_there_is() -> None:
    """Exactly full is not too much, one byte more is."""
    frames, stack = 2 * NANO.limits.payload_bytes, NANO.limits.stack_bytes
    board = dataclasses.replace(NANO, ram=Memory(0x20000000, frames + stack + 10), flash=Memory(0, 100))
    check_least(board, constant_bytes=100, arena_bytes=10)
    with pytest.raises(ImageTooLarge, match="of RAM"):
        check_least(board, constant_bytes=100, arena_bytes=11)
    with pytest.raises(ImageTooLarge, match="of flash"):
        check_least(board, constant_bytes=101, arena_bytes=10)


@pytest.mark.parametrize(("board", "kind"), [(UNO, ""), (load_board("qemu:arduino-uno"), "qemu:")])
def test_the_hint_names_boards_with_room(board: Board, kind: str) -> None:
    """At most two, of the same kind, with a quarter to spare; none where none has."""
    hint = too_large(board, {"flash": 40_000, "ram": 12_000}).hint
    names = re.findall(r"--board (\S+)", hint)
    assert 1 <= len(names) <= 2
    for name in names:
        found = load_board(name)
        assert found.name.startswith(kind)
        assert found.flash is not None
        assert found.ram is not None
        assert found.flash.length >= 50_000
        assert found.ram.length >= 15_000
    assert "--board" not in too_large(board, {"flash": 1 << 30, "ram": 0}).hint


def test_size_is_only_advised_where_it_helps() -> None:
    """Code is smaller when built for size; frames, stack and arena are not."""
    assert "--optimize size" in too_large(UNO, {"flash": 40_000, "ram": 0}).hint
    assert "--optimize size" not in too_large(UNO, {"flash": 0, "ram": 40_000}).hint
