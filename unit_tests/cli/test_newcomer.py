"""A newcomer's first mistakes are answered in one line, with the command to type instead."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tinysine.bench import bench_file
from tinysine.boards import find_board
from tinysine.commands.verdict_shown import _counted
from tinysine.settings import BOARD


def test_a_part_of_a_name_with_auto_means_a_board_that_auto_can_find() -> None:
    """`--board nano --port auto` is the Nano on its own USB: the other one has no USB id to be found by."""
    assert find_board("nano", preferred=BOARD.default, by_usb=True).name == "nano33ble-usb"
    assert find_board("uno", preferred=BOARD.default, by_usb=True).name == "arduino-uno"
    assert find_board("nano33ble-sense", preferred=BOARD.default, by_usb=True).name == "nano33ble-sense"
    assert find_board("nano", preferred=BOARD.default).name == "nano33ble-sense"


@pytest.mark.parametrize(
    "words", [["--port", "auto", "--board", "nano"], ["--board", "nano", "--port", "auto"]]
)
def test_the_order_of_the_words_does_not_matter(
    cli: Callable[..., Any], model: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """The port is known when the board's name is looked up."""
    monkeypatch.setattr(bench_file, "attached_boards", tuple)
    ended = cli("verify", model, *words)
    assert ended.code == 3
    assert ended.err.startswith("board: nano33ble-usb\nerror: no nano33ble-usb is attached. try: plug it in")


def test_auto_says_how_a_board_is_named_that_it_cannot_find(
    cli: Callable[..., Any], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the port of its link; or as the board that it is on its own USB."""
    monkeypatch.setattr(bench_file, "attached_boards", tuple)
    monkeypatch.setattr(bench_file, "running_emulators", tuple)
    ended = cli("verify", model, "--board", "nano33ble-sense", "--port", "auto")
    assert "where the USB cable is the board's own, it is --board nano33ble-usb" in ended.err
    twin = SimpleNamespace(board="stm32f746g-disco", port="/run/twin/tty")
    monkeypatch.setattr(bench_file, "running_emulators", lambda: (twin,))
    ended = cli("verify", model, "--board", "stm32f746g-disco", "--port", "auto")
    assert ended.code == 3
    assert "an emulated one is running: --port /run/twin/tty" in ended.err


@pytest.mark.parametrize("port", [[], ["--port", "twin"]])
def test_a_twin_that_is_not_flashed_is_refused_at_once(
    cli: Callable[..., Any], model: Path, port: list[str]
) -> None:
    """It would be empty, and silence would come to nothing but a wait."""
    ended = cli("verify", model, "--flash", "never", *port)
    assert (ended.code, ended.out) == (2, "")
    assert "--flash never needs a board that runs the model already" in ended.err


def test_quiet_is_quiet(cli: Callable[..., Any], model: Path) -> None:
    """A board by a part of its name is not said either."""
    ended = cli("verify", model, "--board", "hos", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("\n") == 1


def test_a_folder_of_models_lists_some_and_counts_the_rest(
    cli: Callable[..., Any], model: Path, tmp_path: Path
) -> None:
    """The line does not end in a comma."""
    for number in range(5):
        shutil.copy(model, tmp_path / f"{number}.tflite")
    assert cli("verify", tmp_path).err.endswith("2.tflite, and 2 more (more: tinysine explain ModelError)\n")


def test_one_reset_is_not_called_resets() -> None:
    """As it is shown for a soak."""
    assert [_counted(count, "reset") for count in (0, 1, 2000)] == ["0 resets", "1 reset", "2,000 resets"]


def test_nothing_found_says_what_is_next(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With no board attached, too."""
    monkeypatch.setattr("tinysine.bench.census.attached_boards", tuple)
    out = cli("boards").out
    assert "No board is attached by USB.\n  next: " in out
    assert "tinysine verify MODEL --board NAME --port PORT" in out


@pytest.mark.parametrize("command", ["verify", "convert", "emulate"])
def test_usage_shows_arguments_plainly(cli: Callable[..., Any], command: str) -> None:
    """In brackets where they may be left out, once."""
    usage = cli(command, "--help").out.splitlines()[0]
    assert usage.split("[OPTIONS] ")[1] in ("MODEL", "[NETWORK]", "[FILE]")
