"""The runner of the board suite over many boards: each board counts, and so does each failure."""

from __future__ import annotations

import configparser
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tinysine.bench.suite_report import SuiteReport
from tinysine.boards import load_board
from tinysine.errors import BAD_INPUT, BENCH, INTERRUPTED, PASS, PRODUCT, Cause

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


def test_tox_and_ci_run_each_board_once(runner: ModuleType) -> None:
    """hil-slow has the machines of QEMU, and the board that takes a core of its own."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(SOURCE.parents[1] / "tox.ini")
    boards, others = (tox["hil"][name].split(",") for name in ("boards", "slow_boards"))
    assert sorted([*boards, *others]) == sorted(runner.BOARDS)
    assert not any(board.startswith("qemu:") for board in boards)
    assert all(board.startswith("qemu:") for board in others if board != runner.DIMS_IN_SOFTWARE)
    assert "--boards {[hil]boards} " in tox["testenv:hil"]["commands"]
    assert "--boards {[hil]slow_boards} " in tox["testenv:hil-slow"]["commands"]


@pytest.mark.parametrize(
    ("exit_code", "said", "cause"),
    [
        (0, "pass", PASS),
        (0, "", PASS),  # every test was skipped: QEMU is not installed
        (1, "product failure", PRODUCT),
        (1, "bench failure", BENCH),
        (1, "bad input", BAD_INPUT),
        (0, "bench failure", BENCH),
        (1, "", PRODUCT),
        (1, "pass", PRODUCT),
        (2, "interrupted", INTERRUPTED),
        (-11, "", BENCH),
        (5, "", BENCH),
    ],
)
def test_a_run_tells_the_product_from_the_bench(
    runner: ModuleType, exit_code: int, said: str, cause: Cause
) -> None:
    """By what tinysine's plugin wrote; a run that wrote nothing is judged by pytest's exit code."""
    facts = {"verdict": frozenset([said])} if said else {}
    assert runner.cause_of_run(exit_code, SuiteReport({}, facts)) is cause


def test_each_board_is_run_and_reported(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output of each run is shown, the boards that did not pass are named at the end, and the worst decides."""
    causes = {"a": PASS, "b": PRODUCT, "c": BENCH}
    monkeypatch.setattr(runner, "run_board", lambda board, *_: (causes[board], f"output of {board}"))
    assert runner.main(["--boards", "a,b,c", "-k", "outputs"]) == 1
    shown = capsys.readouterr().out
    assert all(f"output of {board}" in shown for board in "abc")
    assert "b: the product failed\n" in shown
    assert "c: the bench failed\n" in shown
    assert "a: it passed" not in shown
    assert runner.main(["--boards", "a,c"]) == 3
