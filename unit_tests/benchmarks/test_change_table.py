"""The benchmark runner: every number finds its row, and the change is against the right one."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import farm
from benchmarks._partly import PartlyMeasured


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The runner, over a folder of its own."""
    source = Path(__file__).parents[2] / "benchmarks" / "__main__.py"
    spec = importlib.util.spec_from_file_location("benchmark_runner", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in (
        ("FOLDER", tmp_path),
        ("RESULTS", tmp_path / "results"),
        ("JSON_FILE", tmp_path / "results" / "latest.json"),
        ("MARKDOWN_FILE", tmp_path / "results" / "latest.md"),
    ):
        monkeypatch.setattr(module, name, path)
    return module


def test_flatten_keeps_numbers_by_their_path(runner: ModuleType) -> None:
    """Nested figures become paths; words and truths are no figures."""
    figures = {"engine": {"m4": {"instructions": 400, "exact": True, "tool": "gcc"}}, "trend": [1.5, 2]}
    assert runner.flatten(figures) == {"engine / m4 / instructions": 400, "trend / 0": 1.5, "trend / 1": 2}


def test_change_table_compares_like_with_like(runner: ModuleType) -> None:
    """A figure with an earlier one shows the change, a new one shows none, and zero is no base."""
    table = runner.change_table({"a": 110, "b": 5, "c": 1}, {"a": 100, "c": 0, "gone": 3})
    assert table.splitlines()[2:] == ["| a | 110 | 100 | +10.0% |", "| b | 5 |  |  |", "| c | 1 | 0 |  |"]


def test_run_writes_what_was_measured_and_counts_what_failed(
    runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One benchmark that fails leaves the others' figures standing, and the run does not pass."""
    (tmp_path / "good.py").write_text("", encoding="utf-8")
    (tmp_path / "bad.py").write_text("", encoding="utf-8")

    def measure(name: str, *, quick: bool) -> dict[str, int]:
        if name == "bad":
            raise RuntimeError("cannot measure")
        return {"bytes": 7 if quick else 8}

    monkeypatch.setattr(runner, "_measure", measure)
    assert runner.main([]) == 1
    written = json.loads((tmp_path / "results" / "latest.json").read_text(encoding="utf-8"))
    assert written["good"] == {"bytes": 8}
    assert "bad" not in written
    assert "cannot measure" in capsys.readouterr().err
    assert "| good / bytes | 8 |" in (tmp_path / "results" / "latest.md").read_text(encoding="utf-8")
    # A quick look compares, and leaves what was written for the next comparison.
    assert runner.main(["--quick", "good"]) == 0
    assert "| good / bytes | 7 | 8 | -12.5% |" in capsys.readouterr().out
    assert json.loads((tmp_path / "results" / "latest.json").read_text(encoding="utf-8")) == written
    assert runner.main(["good"]) == 0
    assert "figures (1 are the same)" in capsys.readouterr().out


def test_parts_that_were_measured_are_written_though_others_failed(
    runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run does not pass, and a part that failed keeps its committed figures."""
    (tmp_path / "farm.py").write_text("", encoding="utf-8")
    before = {"farm": {"queue": {"median_s": 3.0}, "boards": {"memory_mb": 80}}}
    monkeypatch.setattr(runner, "_committed", lambda: before)

    def measure(*_: object, **__: object) -> object:
        raise PartlyMeasured({"boards": {"memory_mb": 90}}, {"queue": "no answer"})

    monkeypatch.setattr(runner, "_measure", measure)
    assert runner.main([]) == 1
    written = json.loads((tmp_path / "results" / "latest.json").read_text(encoding="utf-8"))
    assert written["farm"] == {"queue": {"median_s": 3.0}, "boards": {"memory_mb": 90}}
    shown = capsys.readouterr()
    assert "farm: queue: no answer" in shown.err
    assert "| farm / boards / memory_mb | 90 | 80 | +12.5% |" in shown.out


def test_figures_keep_the_date_on_which_they_were_measured(
    runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a benchmark, or a part, that failed are not of today; a whole measurement makes all of them so."""
    for name in ("bad", "farm", "good"):
        (tmp_path / f"{name}.py").write_text("", encoding="utf-8")
    before: dict[str, object] = {
        "about": {"date": "2001-01-01"},
        "bad": {"bytes": 1},
        "farm": {"queue": {"median_s": 3.0}, "boards": {"memory_mb": 80}},
        "good": {"bytes": 1},
    }
    failing = ["bad", "farm"]

    def measure(name: str, *, quick: bool) -> dict[str, object]:
        if name not in failing:
            return {"boards": {"memory_mb": 90}} if name == "farm" else {"bytes": 8}
        if name == "farm":
            raise PartlyMeasured({"boards": {"memory_mb": 90}}, {"queue": "no answer"})
        raise RuntimeError(f"cannot measure{' quickly' * quick}")

    def rows() -> dict[str, str]:
        cells = (line.split(" | ") for line in (tmp_path / "results" / "latest.md").read_text().splitlines())
        return {row[0].removeprefix("| "): row[-1].removesuffix(" |") for row in cells if len(row) == 5}

    monkeypatch.setattr(runner, "_measure", measure)
    monkeypatch.setattr(runner, "_committed", lambda: before)
    assert runner.main([]) == 2
    today = json.loads((tmp_path / "results" / "latest.json").read_text(encoding="utf-8"))["about"]["date"]
    old = "2001-01-01"
    assert rows() == {
        "figure": "measured",
        "bad / bytes": old,
        "farm / queue / median_s": old,
        "farm / boards / memory_mb": today,
        "good / bytes": today,
    }
    failing.remove("farm")
    before |= {
        "farm": {},
        "dates": {"bad": "1999-01-01", "farm": old, "farm / boards": "2000-01-01", "good": old},
    }
    assert runner.main(["farm"]) == 0
    assert rows() == {
        "figure": "measured",
        "bad / bytes": "1999-01-01",
        "farm / boards / memory_mb": today,
        "good / bytes": old,
    }


def test_a_part_of_the_farm_that_fails_leaves_the_others_in_the_table() -> None:
    """It is named, and what comes after it is measured all the same."""

    def fails() -> dict[str, float]:
        raise RuntimeError("no answer within 30 s")

    row = {"wall_s": 61.0, "harness_cpu_s_a_board": 1.5}
    figures, failed = farm.measured_parts({"queue": fails, "50 boards": lambda: row})
    assert figures == {"50 boards": row}
    assert failed == {"queue": "RuntimeError: no answer within 30 s"}
    table = farm.tables(figures, failed)
    assert "| 50 | 61.0 | 1.50 |" in table
    assert "Not measured, because it failed: queue." in table


def test_run_refuses_a_name_that_is_none(runner: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt benchmark is an error of usage that lists those there are."""
    with pytest.raises(SystemExit) as ended:
        runner.main(["enginee"])
    assert ended.value.code == 2
    assert "no benchmark enginee" in capsys.readouterr().err
