"""history and diff on the command line: what verify adds, lists, exports and refusals."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinysine.history import Figure, History, HistoryRun

Cli = Callable[..., Any]
FIGURES = (Figure("latency.median", 331, "instructions", better="lower"),)


def _run(**changes: Any) -> HistoryRun:
    facts: dict[str, Any] = {
        "started_utc": "2026-01-02T03:04:05.000Z",
        "command": "verify",
        "board": "nano33ble-sense",
        "kind": "emulated",
        "verdict": "pass",
        "figures": FIGURES,
    }
    return HistoryRun(**facts | changes)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a history of three runs; the third is one instruction slower."""
    monkeypatch.chdir(tmp_path)
    slower = (Figure("latency.median", 332, "instructions", better="lower"),)
    with History(Path("history.sqlite")) as history:
        history.add(
            [_run(), _run(board="=HYPERLINK(1)"), _run(figures=slower, started_utc="2026-02-01T00:00:00Z")]
        )
    return tmp_path


def test_verify_adds_its_run_with_the_commit_of_the_model(
    cli: Cli, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass and its figures are in the history; the commit is of the repository that has the model."""
    monkeypatch.chdir(tmp_path)
    Path("m.tflite").write_bytes(model.read_bytes())
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    sha = subprocess.run(
        ["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    twins = "".join(f'[[board]]\nid = "{id}"\nname = "host"\nport = "twin"\n' for id in ("left", "right"))
    Path("tinysine-bench.toml").write_text(twins)
    Path("gate.toml").write_text(
        '[boards.left]\nrules = ["flash_bytes <= 9e9"]\n[boards.right]\nrules = ["flash_bytes <= 1"]\n'
    )
    verify = ("verify", "m.tflite", "--place", "left", "--history", "h.sqlite", "--json", "e.json")
    assert cli(*verify, "--gate", "gate.toml", "--html", "report.html").code == 0
    assert "m.tflite on left (host, host)" in Path("report.html").read_text()
    with History(Path("h.sqlite"), write=False) as history:
        kept = history.run(1)
    assert kept is not None
    assert (kept.run.board, kept.run.place, kept.run.verdict, kept.run.commit) == (
        "host",
        "left",
        "pass",
        sha,
    )
    assert kept.run.evidence == str(tmp_path / "e.json")
    assert "memory.flash_bytes" in {figure.name for figure in kept.run.figures}
    same = cli("diff", "e.json", "last", "--history", "h.sqlite")
    assert (same.code, "0 worse" in same.out) == (0, True)
    Path("gate.toml").write_text('[boards.lfet]\nrules = ["flash_bytes <= 1"]\n')
    refused = cli(*verify, "--gate", "gate.toml")
    assert (refused.code, "did you mean 'left'?" in refused.err) == (2, True)


@pytest.mark.long
def test_a_gate_that_breaks_fails_a_device_that_is_right(
    cli: Cli, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, the figure, the last pass and the commit between in the verdict, the evidence and the history."""
    monkeypatch.chdir(tmp_path)
    Path("m.tflite").write_bytes(model.read_bytes())
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    verify = (
        "verify",
        "m.tflite",
        "--history",
        "h.sqlite",
        "--gate",
        "instructions +0 %",
        "--json",
        "e.json",
    )
    first = cli(*verify)
    assert first.code == 0
    assert "was not judged: no earlier pass" in first.err
    with History(Path("h.sqlite")) as history:
        kept = history.run(1)
        assert kept is not None
        facts = {name: getattr(kept.run, name) for name in kept.run.__struct_fields__}
        faster = [Figure("latency.median", 300, "instructions", better="lower")]
        history.add([HistoryRun(**facts | {"figures": tuple(faster)})])
    subprocess.run([*git, "commit", "--allow-empty", "-qm", "two"], check=True)
    second = cli(*verify)
    assert second.code == 1
    told = json.loads(Path("e.json").read_text())
    assert (told["verdict"], told["findings"][0]["stage"]) == ("fail", "gate")
    for said in (second.out, told["findings"][0]["reason"]):
        assert "300 at the last pass (run 2)" in said
        assert " two" in said
    with History(Path("h.sqlite"), write=False) as history:
        assert history.runs()[0].run.verdict == "fail"
    assert "first in run 3" in cli(*verify).out


@pytest.mark.usefixtures("here")
def test_one_instruction_more_is_exit_code_1(cli: Cli) -> None:
    """And the figure, both values and the change are said; the other way round it is better."""
    worse = cli("diff", "1", "3")
    assert worse.code == 1
    assert "latency.median" in worse.out
    assert "331" in worse.out
    assert "+0.3 %" in worse.out
    assert "1 worse" in worse.out
    better = cli("diff", "3", "1")
    assert (better.code, "1 better" in better.out) == (0, True)
    assert cli("diff", "last-pass").code == 1


def test_a_single_pass_has_none_before_it(cli: Cli, tmp_path: Path) -> None:
    """And what to try is not the word that was typed."""
    with History(tmp_path / "one.sqlite") as history:
        history.add([_run()])
    done = cli("diff", "last-pass", "--history", str(tmp_path / "one.sqlite"))
    assert done.code == 2
    assert "one.sqlite has no pass before the other one. try:" in done.err
    assert "a first run that passes, then another one" in done.err
    assert "last-pass" not in done.err.replace("diff last-pass", "")


def test_a_pass_that_was_made_otherwise_is_named(cli: Cli, tmp_path: Path) -> None:
    """The one that is most like the other run: what differs is told, and the hint compares them."""
    file = str(tmp_path / "some.sqlite")
    with History(Path(file)) as history:
        history.add([_run(optimize="speed"), _run(board="host"), _run(optimize="size")])
    for name, what in (("last-pass", "pass"), ("last", "run")):
        done = cli("diff", name, "--history", file)
        assert done.code == 2
        differs = "run 1 has optimize 'speed', not 'size'"
        assert f"no {what} before the other one that was made in the same way: {differs}. try: " in done.err
        hint = done.err.split("`")[1].split()
        assert cli(*hint[1:]).code == 0


def test_a_single_run_has_none_before_it(cli: Cli, tmp_path: Path) -> None:
    """An empty history has none at all."""
    file = str(tmp_path / "one.sqlite")
    History(Path(file)).close()
    empty = cli("diff", "last", "--history", file)
    assert "one.sqlite has no run" in empty.err
    assert "before the other one" not in empty.err
    with History(Path(file)) as history:
        history.add([_run()])
    done = cli("diff", "last", "--history", file)
    assert done.code == 2
    assert "one.sqlite has no run before the other one. try:" in done.err
    assert "last-pass" not in done.err


@pytest.mark.usefixtures("here")
def test_diff_names_both_runs_and_what_is_not_judged_first(cli: Cli) -> None:
    """Layers that only one model has are counted; --all shows them; a half is kept."""
    layers = tuple(Figure("layers.rows.cost", 7, "instructions", f"layer {i}", "lower") for i in range(26))
    half = Figure("latency.median", 206431.5, "instructions", better="lower")
    with History(Path("two.sqlite")) as history:
        history.add([_run(), _run(model_sha256="f" * 64, place="right", figures=(half, *layers))])
    lines = cli("diff", "1", "2", "--history", "two.sqlite").out.splitlines()
    assert "right (nano33ble-sense)" in lines[0]
    assert "(run 2) against nano33ble-sense" in lines[0]
    assert lines[0].endswith("(run 1)")
    assert lines[1].startswith("not judged: the model changed")
    assert "206,431.5" in lines[3]
    assert lines[4] == "26 figures of layers that only one of the runs has: --all shows them"
    every = cli("diff", "1", "2", "--history", "two.sqlite", "--all").out
    assert every.count("layers.rows.cost") == 26


@pytest.mark.usefixtures("here")
def test_a_run_without_figures_says_so(cli: Cli) -> None:
    """As one that was interrupted: no table of headings alone."""
    with History(Path("h2.sqlite")) as history:
        history.add([_run(verdict="error", figures=())])
    shown = cli("history", "show", "1", "--history", "h2.sqlite").out
    assert "nothing was measured in this run" in shown
    assert "figure  of" not in shown


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": "error"}, "verdict: pass before, error now"),
        ({"figures": ()}, "0 worse, 1 gone, 0 better"),
    ],
)
def test_a_pass_that_is_none_any_more_and_a_figure_that_is_gone_are_worse(
    cli: Cli, changes: dict[str, Any], said: str
) -> None:
    """Nobody has shown that they are as good as before."""
    with History(Path("h2.sqlite")) as history:
        history.add([_run(), _run(**changes)])
    found = cli("diff", "1", "2", "--history", "h2.sqlite")
    assert found.code == 1
    assert said in found.out


@pytest.mark.usefixtures("here")
def test_a_value_beyond_all_bounds_is_shown_shortly(cli: Cli) -> None:
    """And not with its 309 digits; so is its change."""
    huge = (Figure("latency.median", 1e308, "instructions", better="lower"),)
    with History(Path("h2.sqlite")) as history:
        history.add([_run(), _run(figures=huge)])
    for command in (["diff", "1", "2"], ["history", "show", "2"], ["history"]):
        found = cli(*command, "--history", "h2.sqlite")
        assert "1e+308" in found.out
        assert "00000" not in found.out.replace("00:00", "")


@pytest.mark.usefixtures("here")
def test_list_show_and_prune(cli: Cli) -> None:
    """The latest first; one whole; what is older goes."""
    listed = cli("history")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["run", "3", "2", "1"]
    shown = cli("history", "show", "3")
    assert "332" in shown.out
    assert cli("history", "prune", "2026-01-31").out.strip() == "history.sqlite: 2 runs removed, 1 left"
    assert [line.split()[0] for line in cli("history", "list").out.splitlines()] == ["run", "3"]


@pytest.mark.usefixtures("here")
def test_export_is_whole_and_harmless(cli: Cli) -> None:
    """JSON has every run; a spreadsheet finds no formula in the CSV."""
    assert cli("history", "export", "all.json").code == 0
    told = json.loads(Path("all.json").read_text())
    assert [run["number"] for run in told["runs"]] == [1, 2, 3]
    assert cli("history", "export", "all.csv").code == 0
    with Path("all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == ["331", "331", "332"]
    assert rows[1]["board"] == "'=HYPERLINK(1)"


REFUSED = {
    "show without a run": ["history", "show"],
    "show what is not there": ["history", "show", "77"],
    "export to no format": ["history", "export", "x.txt"],
    "prune before no date": ["history", "prune", "yesterday"],
    "prune before a 13th month": ["history", "prune", "2026-13-01"],
    "import what is not there": ["history", "import", "none.jsonl"],
    "no history": ["history", "--history", "none.sqlite"],
    "diff of nonsense": ["diff", "nonsense"],
    "diff without a history": ["diff", "1", "--history", "none.sqlite"],
    "a gate that means nothing": ["verify", "m.tflite", "--gate", "fast"],
    "a gate of no figure": ["verify", "m.tflite", "--gate", "flsh_bytes <= 5"],
    "growth without a history": ["verify", "m.tflite", "--gate", "instructions +0 %"],
    "a file of gates that is not there": ["nightly", "--gate", "none.toml", "--boards", "host"],
    "a number beyond all": ["history", "show", "9" * 20],
    "a name beyond all": ["diff", "a" * 5000],
    "export over itself": ["history", "export", "mine.json", "--history", "mine.json"],
    "one file for two": ["verify", "m.tflite", "--history", "new.json", "--json", "new.json"],
    "verify into a folder": ["verify", "m.tflite", "--history", "."],
    "verify into something else": ["verify", "m.tflite", "--history", "notes.txt"],
}


@pytest.mark.parametrize("command", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.usefixtures("here")
def test_refusals_are_one_line(cli: Cli, model: Path, command: list[str]) -> None:
    """Exit code 2, no traceback, and nothing is changed."""
    Path("m.tflite").write_bytes(model.read_bytes())
    Path("notes.txt").write_text("mine\n")
    Path("mine.json").write_bytes(Path("history.sqlite").read_bytes())
    ended = cli(*command)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert "Traceback" not in ended.err
    assert Path("notes.txt").read_text() == "mine\n"
    assert Path("mine.json").read_bytes()[:6] == b"SQLite"


@pytest.mark.usefixtures("here")
def test_a_moment_with_an_offset_is_that_moment(cli: Cli) -> None:
    """07:04 of a place five hours ahead was before the first run."""
    assert "0 runs removed" in cli("history", "prune", "2026-01-02T07:04:05+05:00").out


@pytest.mark.usefixtures("here")
def test_lines_of_earlier_versions_are_imported(cli: Cli) -> None:
    """A history of lines is named as such, and the hint works when typed."""
    line = '{"schema": "tinysine.history/1", "time_utc": "2025", "board": "host", "kind": "host", "verdict": "pass"}'
    Path("history.jsonl").write_text(f"{line}\nhalf\n")
    refused = cli("history", "--history", "history.jsonl")
    assert refused.code == 2
    assert "tinysine history import history.jsonl" in refused.err
    assert "1 runs added; 1 lines" in cli("history", "import", "history.jsonl").out
    assert len(cli("history").out.splitlines()) == 5
