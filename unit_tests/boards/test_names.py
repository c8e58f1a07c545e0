"""Names of boards as people type them: whole, in part, ambiguous, wrong."""

from __future__ import annotations

import pytest

from tinysine.boards import find_board, list_boards, load_board
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.errors import ConfigError


def test_every_whole_name_is_that_board() -> None:
    """Also where it is a part of another's, as arduino-uno is of qemu:arduino-uno."""
    for board in list_boards():
        assert find_board(board.name, preferred=DEFAULT_BOARD) == board


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nano", DEFAULT_BOARD),
        ("Nano33", DEFAULT_BOARD),
        ("usb", "nano33ble-usb"),
        ("micro", "microbit"),
        ("disco", "stm32f746g-disco"),
        ("lm3s", "qemu:lm3s6965evb"),
        ("qemu:mps2-an3", "qemu:mps2-an386"),
    ],
)
def test_a_part_that_fits_one_board_is_enough(text: str, name: str) -> None:
    """The beginning counts more than the middle, and the default board more than its likes."""
    assert find_board(text, preferred=DEFAULT_BOARD).name == name


@pytest.mark.parametrize(
    ("text", "names"),
    [("uno", ("arduino-uno", "qemu:arduino-uno")), ("nano", ("nano33ble-sense", "nano33ble-usb"))],
)
def test_an_ambiguous_part_names_the_candidates(text: str, names: tuple[str, ...]) -> None:
    """Nothing is guessed."""
    said = f"{text!r} is a part of the names of 2 boards: {', '.join(names)}"
    with pytest.raises(ConfigError, match=said) as refusal:
        find_board(text, preferred="")
    assert refusal.value.allowed == names


@pytest.mark.parametrize("text", ["xyz", "", "nano33ble-sensd", "*"])
def test_what_fits_no_board_is_refused(text: str) -> None:
    """With the nearest name, or all of them."""
    with pytest.raises(ConfigError, match=r"there is no board named") as refusal:
        find_board(text, preferred=DEFAULT_BOARD)
    assert refusal.value.hint


def test_where_the_whole_name_is_needed_the_candidates_are_named() -> None:
    """A bench file is read again by others, in years to come."""
    with pytest.raises(ConfigError, match="there is no board named 'nano'") as refusal:
        load_board("nano")
    assert refusal.value.hint == (
        "did you mean 'nano33ble-sense' or 'nano33ble-usb'? The whole name is needed here"
    )
