"""The folder of a night: nobody else's, and no other night's."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tinysine.bench.nightly import NightRun
from tinysine.commands.app import run_app
from tinysine.commands.night_folder import make_folder
from tinysine.errors import PASS, ConfigError
from unit_tests.bench.made_up_nights import night_that_found


def test_a_folder_with_something_else_is_left_alone(
    program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """A night goes only where nothing is, or earlier nights."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years")
    ended = program("--boards", "host", "--out", "thesis")
    assert ended.returncode == 2
    assert "nothing was touched" in ended.stderr
    assert (tmp_path / "thesis" / "chapter").read_text() == "years"


def test_no_night_replaces_another(tmp_path: Path) -> None:
    """Each has a folder of its own, also in the same second, and beside its history; what is no night's is refused."""
    out, history = tmp_path / "n", tmp_path / "n" / "history.sqlite"

    def make() -> Path:
        folder = make_folder(out, stamp="2026-01-01-000000", history=history)
        (folder / "summary.json").write_text('{"schema": "tinysine.night/1"}')
        return folder

    out.mkdir()
    history.write_text("earlier\n")
    names = ["", "2026-01-01-000000", "2026-01-01-000000-2"]
    assert [make() for _ in names] == [out / name for name in names]
    assert history.read_text() == "earlier\n"
    (out / "summary.json").unlink()  # a folder of dated nights alone
    assert make() == out / "2026-01-01-000000-3"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "history.sqlite").touch()
    with pytest.raises(ConfigError, match="nothing was touched"):
        make_folder(tmp_path / "other", stamp="s", history=history)
    (tmp_path / "link").symlink_to("other")
    beside = tmp_path / "n" / ".." / "link" / "history.sqlite"  # the same file, named in another way
    assert make_folder(tmp_path / "other", stamp="s", history=beside) == tmp_path / "other"


def test_nights_that_begin_at_once_have_a_folder_each(tmp_path: Path) -> None:
    """Eight threads let go at the same moment into a folder that is new: no two are given the same one."""
    rounds, nights = 12, 8
    for number in range(rounds):
        out, together = tmp_path / str(number), threading.Barrier(nights)

        def make(_night: int, out: Path = out, together: threading.Barrier = together) -> Path:
            together.wait()
            return make_folder(out, stamp="2026-01-01-000000")

        with ThreadPoolExecutor(nights) as pool:
            folders = list(pool.map(make, range(nights)))
        assert len(set(folders)) == nights
        assert out in folders


def test_a_folder_is_claimed_before_anything_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night that looked while the folder was still empty finds it taken, and has one of its own beneath."""
    out = tmp_path / "n"
    assert make_folder(out, stamp="s") == out
    monkeypatch.setattr(Path, "iterdir", lambda _folder: iter(()))
    assert make_folder(out, stamp="s") == out / "s"


def test_a_night_that_could_not_begin_leaves_its_folder_free(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its history could not be written: the next night has the folder that is named."""
    (here / "folder").mkdir()
    assert run_app(["nightly", "--boards", "host", "--history", "folder"]) == 2
    assert list((here / "nightly").iterdir()) == []
    night_that_found(PASS, monkeypatch)
    assert run_app(["nightly", "--boards", "host"]) == 0
    assert (here / "nightly" / "summary.json").exists()


def test_files_whose_names_only_begin_as_the_historys_are_not_a_nights(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with a summary of somebody else's is left alone."""
    (here / "docs").mkdir()
    (here / "docs" / "summary.md").write_text("my own notes")
    night_that_found(PASS, monkeypatch)
    assert run_app(["nightly", "--boards", "host", "--out", "docs", "--history", "docs/s"]) == 2
    assert (here / "docs" / "summary.md").read_text() == "my own notes"


def test_a_night_that_crashed_does_not_stop_the_next(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut there is a summary that says so; the next night has a folder of its own beside it."""
    left: list[dict[str, object]] = []

    def crash(_self: NightRun) -> None:
        (here / "nightly" / "host").mkdir()
        (here / "nightly" / "host" / "verify.log").write_text("half a li")
        left.append(json.loads((here / "nightly" / "summary.json").read_text()))
        shutil.copytree(here / "nightly", here / "crashed")

    monkeypatch.setattr(NightRun, "run", crash)
    run_app(["nightly", "--boards", "host"])
    assert left[0]["exit_code"] == 3
    assert "cut off" in str(left[0]["boards"])
    night_that_found(PASS, monkeypatch)
    assert run_app(["nightly", "--boards", "host", "--out", "crashed"]) == 0
    assert (here / "crashed" / "host" / "verify.log").read_text() == "half a li"
    (own,) = (here / "crashed").glob("20*")
    assert json.loads((own / "summary.json").read_text())["exit_code"] == 0
