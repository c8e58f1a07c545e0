"""`tinysine nightly`: its exit codes, its words, its history, and what it leaves where something fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tinysine.bench.night import Orders, Part
from tinysine.bench.nightly import NightRun
from tinysine.commands.app import run_app
from tinysine.errors import BENCH, PASS, PRODUCT, Cause, ConfigError
from tinysine.history import History
from unit_tests.bench.made_up_nights import kept_runs, night_that_found
from unit_tests.waiting import wait_until


@pytest.mark.long
def test_a_night_on_twins(program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """Two real nights: everything passes, is written down, and the second is compared with the first."""
    first = program("--boards", "host,nano33ble-sense", "--jobs", 2)
    assert first.returncode == 0, first.stdout + first.stderr
    out = tmp_path / "nightly"
    for name in ("host", "nano33ble-sense"):
        assert json.loads((out / name / "evidence.json").read_text())["verdict"] == "pass"
    second = program("--boards", "nano33ble-sense", "--jobs", 2)
    assert second.returncode == 0
    with History(tmp_path / "history.sqlite", write=False) as history:
        kept = history.runs()
        latencies = history.series("latency.median", "instructions", board="nano33ble-sense")
    assert [run.run.board for run in reversed(kept)] == ["host", "nano33ble-sense", "nano33ble-sense"]
    assert [kept.number for kept, _ in latencies] == [3, 2]
    # The second night has replaced nothing: it has a folder of its own, which it names.
    (own,) = out.glob("20*")
    assert f"wrote nightly/{own.name}" in second.stdout
    assert {path.name for path in out.glob("*/evidence.json") for path in [path.parent]} == {
        "host",
        "nano33ble-sense",
    }
    assert f"{latencies[0][1]:,.0f} (=) instructions" in (own / "summary.md").read_text()
    summary = json.loads((own / "summary.json").read_text())
    assert (summary["exit_code"], [board["board"] for board in summary["boards"]]) == (0, ["nano33ble-sense"])


@pytest.mark.long
def test_a_missing_board_fails_the_bench(
    program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Exit code 3, although its twin passed; with --dated in a folder named for the time."""
    ended = program("--boards", "host", "--require", "host", "--dated", "--history", "h.sqlite")
    assert ended.returncode == 3
    (folder,) = (tmp_path / "nightly").glob("20*")
    summary = json.loads((folder / "summary.json").read_text())
    assert [(board["kind"], board["verdict"]) for board in summary["boards"]] == [
        ("host", "pass"),
        ("missing", "error"),
    ]
    assert (tmp_path / "h.sqlite").exists()


def test_a_bad_model_ends_a_night_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the exit code and the words of `verify`, and with nothing written."""
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "bad.tflite"
    model.write_bytes(b"no model")
    said = []
    for command in (["verify", str(model)], ["nightly", "--boards", "host", "--model", str(model)]):
        assert run_app(command) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] != ""
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tflite"]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
def test_a_night_that_is_cut_off_leaves_what_it_found(tmp_path: Path, number: signal.Signals) -> None:
    """Its processes end, also if it is killed, and the report says what was not reached."""
    hang = tmp_path / "hang.py"
    hang.write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    command = [
        sys.executable,
        "-m",
        "tinysine",
        "nightly",
        "--boards",
        "host",
        "--suite",
        f"{sys.executable} {hang}",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "verify pass" in process.stdout.readline()
    pid = tmp_path / "pid"
    wait_until(lambda: process.poll() is not None or (pid.exists() and pid.read_text()))
    assert process.poll() is None
    suite_process = psutil.Process(int(pid.read_text()))
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    suite_process.wait(0 if number == signal.SIGTERM else 30)  # a night that is told to end has ended it
    summary = json.loads((tmp_path / "nightly" / "summary.json").read_text())
    assert summary["boards"][0]["verdict"] == "error"
    verify, suite = summary["boards"][0]["parts"]
    assert verify["verdict"] == "pass"
    assert "cut off" in suite["reason"]


def test_a_history_of_an_earlier_version_is_taken_over(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: the first night reads the lines beside its folder, and leaves them."""
    line = '{"schema": "tinysine.history/1", "time_utc": "2025", "board": "edge", "kind": "x", "verdict": "pass"}'
    (here / "history.jsonl").write_text(line + "\n")
    night_that_found(PASS, monkeypatch)
    for _ in range(2):
        assert run_app(["nightly", "--boards", "host"]) == 0
    assert [run.board for run in kept_runs(here)] == ["edge", "host", "host"]
    assert (here / "history.jsonl").read_text() == line + "\n"


def test_a_night_with_an_engine_of_the_users_names_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the history, the summary, JUnit and the page; a relative folder is found from everywhere."""
    seen: list[Orders] = []

    def run(self: NightRun) -> None:
        seen.append(self._orders)
        for parts in self._parts.values():
            parts.append(Part("verify", PASS))

    monkeypatch.setattr(NightRun, "run", run)
    (here / "mine").mkdir()
    (here / "mine" / "engine.toml").write_text('name = "mine-1"\nsources = ["x.c"]\nreferences = ["tflm"]\n')
    (here / "mine" / "x.c").write_text("")
    assert run_app(["nightly", "--boards", "host", "--engine", "mine", "--reference", "tflm"]) == 0
    (orders,) = seen
    assert (orders.engine, orders.reference) == (str(here / "mine"), "tflm")
    (run,) = kept_runs(here)
    assert (run.engine, run.reference) == ("mine-1", "tflm")
    (board,) = json.loads((here / "nightly" / "summary.json").read_text())["boards"]
    assert (board["engine"], board["reference"]) == ("mine-1", "tflm")
    assert 'name="tinysine.engine" value="mine-1"' in (here / "nightly" / "junit.xml").read_text()
    assert "with the engine mine-1, reference tflm\n" in (here / "nightly" / "summary.md").read_text()
    # No board could answer as litert: nothing is begun.
    assert run_app(["nightly", "--boards", "host", "--engine", "mine", "--out", "other"]) == 2
    assert not (here / "other").exists()


def test_what_needs_earlier_nights_is_written_last(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a history does to the table, the night's own facts are kept, and the traceback in the log."""

    def broken(*_arguments: object, **_options: object) -> object:
        raise OverflowError("too large")

    night_that_found(PRODUCT, monkeypatch)
    monkeypatch.setattr("tinysine.bench.night_report.rows", broken)
    monkeypatch.setattr("platformdirs.user_log_path", lambda _name: here / "logs")
    run_app(["nightly", "--boards", "host"])
    assert "in broken\n" in (here / "logs" / "tinysine.log").read_text()
    assert f"the details are in {here / 'logs' / 'tinysine.log'}" in capsys.readouterr().err
    assert json.loads((here / "nightly" / "summary.json").read_text())["exit_code"] == 1
    assert (here / "nightly" / "junit.xml").exists()
    assert len(kept_runs(here)) == 1


def test_a_night_that_is_cut_off_after_a_product_failed_says_so(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, as of a whole night, with the failure in the report."""
    night_that_found(PRODUCT, monkeypatch, end=SystemExit(143))
    assert run_app(["nightly", "--boards", "host", "--suite", "true"]) == 1
    assert "cut off" in capsys.readouterr().err
    summary = json.loads((here / "nightly" / "summary.json").read_text())
    assert (summary["exit_code"], summary["boards"][0]["verdict"]) == (1, "fail")
    assert [run.verdict for run in kept_runs(here)] == ["fail"]


def full(*_arguments: object, **_options: object) -> None:
    """A disk on which there is no room."""
    raise ConfigError("no space left")


@pytest.mark.parametrize(
    "what",
    ["history.History.add", "bench.night_report.write_facts", "commands.report_kept.write_page"],
)
@pytest.mark.parametrize("ended", [(PRODUCT, 1), (PASS, 2), (BENCH, 2)])
def test_a_product_that_failed_counts_for_more_than_a_full_disk(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    ended: tuple[Cause, int],
) -> None:
    """A file that could not be written is named in any case, and the rest is written."""
    cause, code = ended
    night_that_found(cause, monkeypatch)
    monkeypatch.setattr(f"tinysine.{what}", full)
    assert run_app(["nightly", "--boards", "host"]) == code
    assert "no space left" in capsys.readouterr().err
    # The summary of before the night, in which all of it was cut off, stays where that of the night cannot be written.
    summary, page = here / "nightly" / "summary.json", here / "nightly" / "summary.md"
    written = [path for path in (summary, page) if path.exists() and "cut off" not in path.read_text()]
    assert len(written) + len(kept_runs(here)) == 2


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("", ["report.html", "index.html"]),
        ("reports.write_index", ["report.html"]),
        ("commands.night_run.write_night", ["index.html"]),
        ("history.History.add", ["report.html", "index.html"]),
    ],
)
def test_only_reports_that_were_written_are_named(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    told: list[str],
) -> None:
    """A disk that is full before the last file: nobody is sent to one that does not exist."""
    night_that_found(PASS, monkeypatch)
    if what:
        monkeypatch.setattr(f"tinysine.{what}", full)
    run_app(["nightly", "--boards", "host"])
    _, _, wrote = "".join(capsys.readouterr().out.splitlines()).partition("wrote ")
    assert [name for name in ("report.html", "index.html") if name in wrote] == told
    for name in told:
        assert list(here.rglob(name))


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize("history", ["/dev/full", "file/history.sqlite", "folder", "loop"])
def test_a_history_that_cannot_be_written_is_found_out_before_the_night(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], history: str
) -> None:
    """Not after hours of tests."""
    (here / "file").touch()
    (here / "folder").mkdir()
    (here / "loop").symlink_to("loop")
    begun: list[object] = []
    monkeypatch.setattr(NightRun, "run", begun.append)
    assert run_app(["nightly", "--boards", "host", "--history", history]) == 2
    assert "name another with --history" in capsys.readouterr().err
    assert begun == []
