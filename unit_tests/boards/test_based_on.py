"""A board file that is based on another: what it says itself counts, the rest is the base's."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import load_board, read_board
from tinysine.boards.based_on import CATALOGUE
from tinysine.errors import ConfigError

MICROBIT = (CATALOGUE / "microbit.toml").read_text(encoding="utf-8")


def written(folder: Path, text: str) -> Path:
    """A file beside a copy of the micro:bit's."""
    (folder / "microbit.toml").write_text(MICROBIT, encoding="utf-8")
    (folder / "second.toml").write_text('based_on = "microbit"', encoding="utf-8")
    (folder / "broken.toml").write_text(f"x = {'[' * 5000}", encoding="utf-8")
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_two_microbits_differ_in_what_hangs_on_usb() -> None:
    """QEMU's has no USB ids and no flash tools; the firmware for both is the same."""
    real, twin = load_board("microbit"), load_board("qemu:microbit")
    assert real.usb_ids
    assert not twin.usb_ids
    assert structs.replace(
        real,
        name=twin.name,
        title=twin.title,
        usb_ids=(),
        flash_tools=(),
        flash_options={},
        sources=twin.sources,
    ) == structs.replace(twin, flash_options={})


def test_own_keys_win_and_tables_are_replaced_whole(tmp_path: Path) -> None:
    """A table of the file stands for the whole table of the base; sources are added to the base's."""
    path = written(
        tmp_path,
        'based_on = "microbit"\nname = "mine"\ntitle = "Mine"\n'
        '[led]\npin = "P0.01"\nactive = "low"\n[sources]\nled = "my schematic"\n',
    )
    board = read_board(path)
    assert board.led is not None
    assert (board.led.pin, board.led.active, board.led.other_pin) == ("P0.01", "low", "")
    assert board.sources["led"] == "my schematic"
    assert board.sources["chip"] == load_board("microbit").sources["chip"]
    assert board.uart == load_board("microbit").uart


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('based_on = "nothing"\n', "cannot be read"),
        ('based_on = "mine"\nname = "mine"\n', "is this file itself"),
        ('based_on = "second"\nname = "mine"\n', "has a base itself"),
        ('based_on = "broken"\nname = "mine"\n', "nested too deeply"),
        *(
            (f"based_on = {name}\n", "not the name of a board file")
            for name in ('"../petrel"', '"/petrel"', '""', '"a\\u0000"', "3", "[]", '["microbit"]', "{}")
        ),
        ('based_on = "microbit"\nname = "mine"\nsources = "x"\n', "sources is 'x', which is not a table"),
        ('based_on = "microbit"\nname = "mine"\nsources = [1]\n', "sources is .1., which is not a table"),
        ('based_on = "microbit"\nname = "mine"\nhue = 3\n', "unknown key 'hue'"),
        ('based_on = "microbit"\n', "named otherwise"),
    ],
)
def test_bases_that_cannot_be_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """A base that is missing or has a base itself; and all the rules hold for what comes out."""
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_board(written(tmp_path, text))
    assert str(caught.value.facts["file"]).endswith("mine.toml")
    assert caught.value.facts["key"]
    assert caught.value.hint != "base it on 'mine'"
