"""A night does as it was told, whatever surrounds it, and keeps what it has found, whatever ends it."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from pathlib import Path

import pytest

from tinysine.bench import night_report
from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan
from tinysine.bench.nightly import NightRun
from tinysine.commands.app import run_app
from tinysine.errors import PASS
from tinysine.history import History
from tinysine.model import REFERENCE_MODEL
from tinysine.settings import SETTINGS

SHOW = (
    "import json, os; print(json.dumps({n: v for n, v in os.environ.items() if n.startswith('TINYSINE_')}))"
)


def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The variables that `verify` and the suite of a night get."""
    monkeypatch.setattr(
        "tinysine.bench.night_parts.python_command", lambda *_words: [sys.executable, "-c", SHOW]
    )
    orders = Orders(model=REFERENCE_MODEL, out=tmp_path / "out", suite=(sys.executable, "-c", SHOW))
    run = NightRun(Plan((Job("host", "host", None),), ()), orders)
    run.run()
    return [json.loads(part.output) for part in run.boards()[0].parts]


def test_no_variable_has_a_night_test_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its processes are told the same as in an empty environment: neither fewer inputs nor others' firmware."""
    for setting in SETTINGS:
        for variable in setting.variables:
            monkeypatch.delenv(variable, raising=False)
    clean = told(tmp_path, monkeypatch)
    of_the_computer = {"TINYSINE_BENCH", "TINYSINE_BOARDS", "TINYSINE_PROBE"}
    for setting in SETTINGS:
        for variable in setting.variables:
            monkeypatch.setenv(variable, "left-behind")
    kept = dict.fromkeys(of_the_computer, "left-behind")
    assert told(tmp_path, monkeypatch) == [{**parts, **kept} for parts in clean]
    assert clean[0]["TINYSINE_FIRMWARE"] == "own"


@pytest.mark.parametrize(
    "history",
    ["n/summary.json", "n/summary.md", "n/junit.xml", "n/host/h.jsonl", "link", "n/../n/summary.md"],
)
def test_a_night_writes_over_no_history(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], history: str
) -> None:
    """A history among the night's own files is refused, and nothing is written."""
    monkeypatch.setattr(NightRun, "run", lambda _night: pytest.fail("it began"))
    (here / "link").symlink_to("n/summary.json")
    assert run_app(["nightly", "--boards", "host", "--out", "n", "--history", history]) == 2
    assert "is where a night writes its own" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["link"]


@pytest.mark.parametrize("history", ["n/history.sqlite", "h/summary.json"])
def test_a_history_elsewhere_is_taken(here: Path, monkeypatch: pytest.MonkeyPatch, history: str) -> None:
    """Also within the night's folder, under a name that is no file of the night."""
    monkeypatch.setattr(NightRun, "run", lambda _night: None)
    run_app(["nightly", "--boards", "host", "--out", "n", "--history", history])
    with History(here / history, write=False) as kept:
        assert [run.run.board for run in kept.runs()] == ["host"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "ends", [None, KeyboardInterrupt(), SystemExit(143)], ids=["whole", "ctrl-c", "sigterm"]
)
def test_a_night_ends_with_where_its_files_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ends: BaseException | None
) -> None:
    """Also one that was cut off, where they are no part of a result."""

    def run(_night: NightRun) -> None:
        if ends is not None:
            raise ends

    monkeypatch.setattr(NightRun, "run", run)
    with contextlib.suppress(SystemExit):
        run_app(["nightly", "--boards", "host", "--out", "n"])
    told = capsys.readouterr()
    said = told.out if ends is None else told.err
    assert f"wrote n; the report is {Path('n/report.html')}; that of all nights is " in said
    assert "; the history is history.sqlite" in said


def test_what_a_killed_night_has_found_is_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary is written as each part ends: nothing that comes later can lose it."""
    seen: list[list[tuple[str, str]]] = []

    def note() -> None:
        summary = json.loads((here / "n" / "summary.json").read_text(encoding="utf-8"))
        seen.append([(part["verdict"], part["reason"]) for part in summary["boards"][0]["parts"]])

    def step(name: str) -> Part:
        note()
        return Part(name, PASS)

    monkeypatch.setattr("tinysine.bench.nightly.verify_part", lambda *_: (step("verify"), None))
    monkeypatch.setattr("tinysine.bench.nightly.suite_part", lambda *_: (step("suite"), None))
    assert run_app(["nightly", "--boards", "host", "--out", "n", "--suite", "true"]) == 0
    note()
    cut_off = ("error", "the night was cut off before this was done")
    assert seen == [[cut_off], [("pass", ""), cut_off], [("pass", ""), ("pass", "")]]


@pytest.mark.usefixtures("here")
def test_parts_that_end_together_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of boards that are tested at the same time, the summary never says less than it did before."""
    together, said = threading.Barrier(4), []

    def verify(job: Job, *_: object) -> tuple[Part, None]:
        together.wait(10)
        return Part("verify", PASS, job.label), None

    monkeypatch.setattr("tinysine.bench.nightly.verify_part", verify)
    write = night_report.write_summary

    def noted(out: Path, nights: list[BoardNight], lines: list[object]) -> None:
        said.append(sum(part.verdict == "pass" for night in nights for part in night.parts))
        write(out, nights, lines)  # type: ignore[arg-type]

    monkeypatch.setattr(night_report, "write_summary", noted)
    boards = "host,nano33ble-sense,stm32f746g-disco,sparkfun-edge"
    assert run_app(["nightly", "--boards", boards, "--jobs", "4", "--out", "n"]) == 0
    assert said == sorted(said)
    assert said[-1] == 4
