"""The runner of the board suite over many boards: each board counts, and so does each failure."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tinysine.boards import load_board

SOURCE = Path(__file__).parents[1] / "hil_tests" / "__main__.py"


@pytest.fixture
def runner() -> ModuleType:
    """The module, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("hil_runner", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_board_exists_and_has_a_stand_in(runner: ModuleType) -> None:
    """A misspelt board cannot be left out in silence."""
    assert len(set(runner.BOARDS)) == len(runner.BOARDS) == 8
    assert {load_board(name).backend for name in runner.BOARDS} == {"emulated", "qemu", "host"}


@pytest.mark.parametrize(
    ("codes", "code"), [((0, 0), 0), ((0, 3), 3), ((3, 1), 1), ((0, 5), 5), ((0, -11), 3), ((), 0)]
)
def test_one_bad_board_decides(runner: ModuleType, codes: tuple[int, ...], code: int) -> None:
    """Failed tests count for more than a run that a signal ended, and that for more than a pass."""
    assert runner.worst({str(i): c for i, c in enumerate(codes)}) == code


def test_each_board_is_run_and_reported(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output of each run is shown, and the failed boards are named at the end."""
    monkeypatch.setattr(runner, "run_board", lambda board, *_: (int(board == "b"), f"output of {board}"))
    assert runner.main(["--boards", "a,b", "-k", "outputs"]) == 1
    shown = capsys.readouterr().out
    assert all(f"output of {board}" in shown for board in "ab")
    assert shown.endswith("failed: b, exit code 1\n")
