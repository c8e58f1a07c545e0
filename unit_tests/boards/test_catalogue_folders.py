"""Board files of one's own, in folders that the environment names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinysine.boards import FOLDERS_VARIABLE, catalogue_folders, list_boards, load_board
from tinysine.boards.based_on import CATALOGUE
from tinysine.errors import ConfigError

NANO_TEXT = (CATALOGUE / "nano33ble-sense.toml").read_text(encoding="utf-8")


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a board of one's own, which the environment names."""
    folder = tmp_path / "my boards"
    folder.mkdir()
    text = NANO_TEXT.replace('name = "nano33ble-sense"', 'name = "mine"')
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv(FOLDERS_VARIABLE, str(folder))
    return folder


def test_a_board_of_ones_own_is_a_board(mine: Path) -> None:
    """It is listed among the others and loads by name; without the variable it is gone."""
    assert catalogue_folders() == (CATALOGUE, mine)
    assert load_board("mine").chip == "nrf52840"
    names = [board.name for board in list_boards()]
    assert {"mine", "nano33ble-sense"} <= set(names)
    assert names == sorted(names)


def test_without_the_variable_it_is_unknown() -> None:
    """A board that one test adds is not there for the next test."""
    with pytest.raises(ConfigError, match="no board named 'mine'"):
        load_board("mine")


def test_several_folders_stand_beside_each_other(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are separated as in PATH; empty parts mean nothing."""
    other = tmp_path / "other"
    other.mkdir()
    text = NANO_TEXT.replace('name = "nano33ble-sense"', 'name = "another"')
    (other / "another.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv(FOLDERS_VARIABLE, os.pathsep.join([str(mine), "", str(other)]))
    assert {load_board("mine").name, load_board("another").name} == {"mine", "another"}


def test_a_misspelt_board_of_ones_own_is_suggested(mine: Path) -> None:
    """The nearest name is looked for in all folders."""
    with pytest.raises(ConfigError, match="did you mean 'mine'") as caught:
        load_board("mien")
    assert str(mine) in str(caught.value.file)


def test_a_name_given_twice_is_refused(mine: Path) -> None:
    """Nobody can tell which of two files was meant, so both are named."""
    (mine / "nano33ble-sense.toml").write_text(NANO_TEXT, encoding="utf-8")
    with pytest.raises(ConfigError, match="both describe a board named 'nano33ble-sense'"):
        list_boards()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the variable is told, not ignored."""
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=r"no folder .*gone"):
        list_boards()


def test_a_board_of_ones_own_may_be_based_on_one_of_tinysines(mine: Path) -> None:
    """A variant says only where it differs; its base need not lie beside it."""
    text = 'based_on = "nano33ble-sense"\nname = "variant"\ntitle = "V"\nclock_hz = 1\n[sources]\nclock_hz = "me"\n'
    (mine / "variant.toml").write_text(text, encoding="utf-8")
    variant, nano = load_board("variant"), load_board("nano33ble-sense")
    assert (variant.clock_hz, variant.uart) == (1, nano.uart)


def test_an_option_for_a_tool_that_is_not_used_is_refused(mine: Path) -> None:
    """A flash option of a board file must belong to one of its tools."""
    text = (
        (mine / "mine.toml")
        .read_text(encoding="utf-8")
        .replace('\npyocd = "nrf52840"', '\npyocx = "nrf52840"')
    )
    (mine / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="flash_options is about 'pyocx'"):
        list_boards()
