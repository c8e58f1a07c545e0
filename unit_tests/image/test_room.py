"""An image that does not fit is refused before or after linking, with the shortage and a hint."""

from __future__ import annotations

import re

import numpy as np
import pytest
from msgspec import structs

from tinysine.boards import Board, Memory, load_board
from tinysine.errors import EXIT_USAGE, ImageTooLarge
from tinysine.graph import parse_network
from tinysine.image import build_image
from tinysine.image.room import check_least, too_large
from trust.operators.dense_chain import random_network

UNO, NANO = load_board("arduino-uno"), load_board("nano33ble-sense")


def wide(inputs: int) -> bytes:
    """A network with so many int8 inputs."""
    return random_network(np.random.default_rng(1), widths=(inputs, 2, 1), style="trained")


@pytest.mark.parametrize("inputs", [8193, 9216])
def test_more_inputs_than_a_frame_holds_are_built(inputs: int) -> None:
    """A 96x96 image for a board with frames of 256 bytes: the frame stays, for inputs go in parts."""
    image = build_image(parse_network(wide(inputs), file="wide"), NANO)
    assert image.board.limits.payload_bytes == 256
    assert inputs < image.sizes.static_ram_bytes < inputs + 2048


def test_a_model_for_another_board_is_refused_for_the_uno() -> None:
    """1,100 inputs need 2,127 bytes of RAM, of which the Uno has 2,048; a board that the hint names has enough."""
    model = parse_network(wide(1100), file="wide")
    with pytest.raises(
        ImageTooLarge, match=r"at least 2,127 bytes of RAM.*79 more than arduino-uno"
    ) as caught:
        build_image(model, UNO)
    assert caught.value.exit_code == EXIT_USAGE
    names = re.findall(r"--board (\S+)", caught.value.hint)
    assert names
    assert build_image(model, load_board(names[0])).elf.is_file()


def test_the_least_that_is_needed_may_be_all_there_is() -> None:
    """Exactly full is not too much, one byte more is."""
    frames, stack = 2 * NANO.limits.payload_bytes, NANO.limits.stack_bytes
    board = structs.replace(NANO, ram=Memory(0x20000000, frames + stack + 10), flash=Memory(0, 100))
    check_least(board, constant_bytes=100, arena_bytes=7, buffer_bytes=3)
    for arena, buffers in ((8, 3), (7, 4)):
        with pytest.raises(ImageTooLarge, match="of RAM"):
            check_least(board, constant_bytes=100, arena_bytes=arena, buffer_bytes=buffers)
    with pytest.raises(ImageTooLarge, match="of flash"):
        check_least(board, constant_bytes=101, arena_bytes=7, buffer_bytes=3)


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
