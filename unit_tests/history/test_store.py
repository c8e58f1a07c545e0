"""A history keeps every run that was added, whatever happens to those who write it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.errors import BenchError, ConfigError
from tinysine.history import Figure, History, HistoryRun, TestOutcome, store
from tinysine.history.schema import APPLICATION_ID, STEPS, VERSION

RUN = HistoryRun(
    started_utc="2026-01-02T03:04:05.000Z",
    command="nightly",
    board="nano33ble-sense",
    kind="emulated",
    verdict="pass",
    model_sha256="0" * 64,
    figures=(
        Figure("memory.flash_bytes", 7348, "bytes", better="lower"),
        Figure("latency.median", 326.5, "instructions", better="lower"),
        Figure("layers.rows.cost", 12, "instructions", "layer 0 (FULLY_CONNECTED)", "lower"),
    ),
    tests=(TestOutcome("test_outputs", "pass", 0.5), TestOutcome("test_pins", "fail", 0.25, "no edge")),
)


def _with(run: HistoryRun = RUN, **changes: object) -> HistoryRun:
    return HistoryRun(**{name: getattr(run, name) for name in run.__struct_fields__} | changes)  # type: ignore[arg-type]


def test_runs_come_back_as_they_were(tmp_path: Path) -> None:
    """Whole by their number, without lists when listed, the latest first, from a folder that did not exist."""
    path = tmp_path / "state" / "history.sqlite"
    other = _with(board="host", verdict="error", figures=(), tests=())
    with History(path) as history:
        assert history.add([RUN, other]) == [1, 2]
    with History(path, write=False) as history:
        first = history.run(1)
        assert first is not None
        assert first.run == RUN
        assert history.run(3) is None
        assert [kept.number for kept in history.runs()] == [2, 1]
        assert history.runs(most=1)[0].run == other
        assert [kept.number for kept in history.runs(board="nano33ble-sense", verdict="pass")] == [1]
        assert history.runs(before=2)[0].run == _with(figures=(), tests=())
        assert history.count() == 2


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    board=TEXTS,
    reason=TEXTS,
    value=st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_text_and_any_number_is_kept(tmp_path: Path, board: str, reason: str, value: int | float) -> None:
    """Texts from devices are data to SQL, and a figure keeps its value to the last bit."""
    run = _with(board=board, reason=reason, figures=(Figure(board, value, reason, reason),))
    with History(tmp_path / "h.sqlite") as history:
        (number,) = history.add([run])
        kept = history.run(number)
    assert kept is not None
    assert (kept.run.board, kept.run.reason) == (board, reason)
    assert [(figure.name, figure.value, figure.part) for figure in kept.run.figures] == [
        (board, value, reason)
    ]


def test_a_figure_is_followed_from_run_to_run(tmp_path: Path) -> None:
    """The latest first, of the board and in the unit that is asked for."""
    with History(tmp_path / "h.sqlite") as history:
        for value in (10, 11, 12):
            history.add([_with(figures=(Figure("a", value, "bytes"),)), _with(board="host")])
        found = history.series("a", most=2, board="nano33ble-sense")
        assert [(run.number, value) for run, value in found] == [(5, 12), (3, 11)]
        assert history.series("a", "bytes", like=_with(), after=1, before=5) == found[1:]
        for unit, where in (("kB", {}), ("", {}), (None, {"board": "host"})):
            assert history.series("a", unit, **where) == []


def test_old_runs_are_removed_with_all_that_is_theirs(tmp_path: Path) -> None:
    """Figures and tests go with their run; the others stay, and numbers are never used again."""
    path = tmp_path / "h.sqlite"
    with History(path) as history:
        history.add([RUN, _with(started_utc="2026-02-01T00:00:00.000Z"), RUN])
        assert history.remove(before_utc="2026-01-31") == 2
        assert [kept.number for kept in history.runs()] == [2]
        assert history.add([RUN]) == [4]
    assert _raw(path, "SELECT count(*) FROM figures") == 6
    assert _raw(path, "SELECT count(*) FROM tests") == 4


def test_half_of_several_runs_is_none_of_them(tmp_path: Path) -> None:
    """An error in the middle takes back all runs of the call."""

    def broken() -> Iterator[HistoryRun]:
        yield RUN
        raise RuntimeError("in the middle")

    with History(tmp_path / "h.sqlite") as history:
        with pytest.raises(RuntimeError, match="in the middle"):
            history.add(broken())
        assert history.count() == 0
        assert history.add([RUN]) == [1]


WRITER = """
import os, pathlib, random, signal, sys, time
from tinysine.history import Figure, History, HistoryRun, TestOutcome

def run(reason):
    return HistoryRun(
        started_utc="2026", command="verify", board="host", verdict="pass", reason=reason,
        figures=tuple(Figure(name, 1) for name in "abc"), tests=(TestOutcome("one", "pass"),),
    )

def write(path, count, reason, out):
    for _ in range(count):
        with History(path) as history:
            numbers = history.add([run(reason), run(reason)])
        os.write(out, (" ".join(map(str, numbers)) + chr(10)).encode())
"""
KILLED = """
moments = random.Random(5)
for number in range(40):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        write(pathlib.Path(sys.argv[1]), 10_000, f"round {number}", writing)
    os.close(writing)
    with open(reading, "rb") as told:
        for _ in range(moments.randrange(4)):  # so far it comes, on a busy computer, too
            print(told.readline().decode().strip())
        time.sleep(moments.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for line in told:
            if line.endswith(b"\\n"):
                print(line.decode().strip())
"""


def _started(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER + script, *arguments], stdout=subprocess.PIPE, text=True
    )


def _raw(path: Path, question: str) -> object:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return raw.execute(question).fetchone()[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.long
def test_a_writer_that_is_killed_loses_nothing_that_it_was_told_is_kept(tmp_path: Path) -> None:
    """Killed by -9 at 40 moments: what `add` returned for is there, runs are whole, and the file is sound."""
    path = tmp_path / "h.sqlite"
    with _started(KILLED, str(path)) as campaign:
        told = set(map(int, campaign.communicate()[0].split()))
    assert campaign.returncode == 0
    assert told, "no writer came so far as to add a run"
    with History(path) as history:
        kept = {run.number for run in history.runs()}
    assert told <= kept
    assert len(kept) % 2 == 0, "two are added together"
    assert _raw(path, "PRAGMA integrity_check") == "ok"
    assert _raw(path, "SELECT count(*) FROM figures") == 3 * len(kept)
    assert _raw(path, "SELECT count(*) FROM tests") == len(kept)


@pytest.mark.long
def test_two_writers_and_a_reader_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Both make the file at the same time, and all that both add is there."""
    path = tmp_path / "h.sqlite"
    script = "write(pathlib.Path(sys.argv[1]), 25, sys.argv[2], 1)"
    with _started(script, str(path), "first") as first, _started(script, str(path), "second") as second:
        while first.poll() is None or second.poll() is None:
            with contextlib.suppress(ConfigError), History(path, write=False) as history:
                assert history.count() % 2 == 0
        first.communicate()
        second.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    with History(path) as history:
        assert len(history.runs(reason="first")) == len(history.runs(reason="second")) == 50


def test_a_history_that_stays_locked_is_the_benchs_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who writes for ever is waited for until the deadline, and named as the cause."""
    path = tmp_path / "h.sqlite"
    History(path).close()
    monkeypatch.setattr(store, "WAIT_S", 0.05)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw, History(path) as history:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(BenchError, match="locked by another program"):
            history.add([RUN])
        raw.execute("ROLLBACK")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """No room for more is the bench's fault; the runs before are whole."""
    with History(tmp_path / "h.sqlite") as history:
        history.add([RUN])
        pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
        history._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(BenchError, match="cannot be written"):
            history.add([_with(reason="x" * 100_000)])
        assert history.count() == 1


def test_later_versions_are_refused_and_earlier_ones_brought_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step more is taken once, in place, with every run kept; the older program then refuses the file."""
    path = tmp_path / "h.sqlite"
    with History(path) as history:
        history.add([RUN])
    later = (*STEPS, "ALTER TABLE runs ADD COLUMN weather TEXT NOT NULL DEFAULT 'fair'")
    with monkeypatch.context() as patch:
        patch.setattr(store, "STEPS", later)
        patch.setattr(store, "VERSION", len(later))
        for _ in range(2):
            with History(path) as history:
                kept = history.run(1)
                assert kept is not None
                assert kept.run == RUN
    for write in (True, False):
        with pytest.raises(ConfigError, match=rf"version {len(later)}, and this tinysine knows {VERSION}"):
            History(path, write=write)
    assert _raw(path, "SELECT weather FROM runs") == "fair"


def test_a_file_of_an_earlier_version_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading brings nothing forward: what it lacks is empty; a writer brings it forward, and loses nothing."""
    path = tmp_path / "h.sqlite"
    columns = tuple(name for name in store.COLUMNS if name != "data_sha256")
    with monkeypatch.context() as patch:
        patch.setattr(store, "STEPS", STEPS[:1])
        patch.setattr(store, "VERSION", 1)
        patch.setattr(store, "COLUMNS", columns)
        patch.setattr(store, "_SELECTED", ", ".join(f'runs."{name}"' for name in ("number", *columns)))
        with History(path) as history:
            history.add([RUN])
    before = path.read_bytes()
    history = History(path, write=False)
    kept = history.run(1)
    assert kept is not None
    assert kept.run == RUN
    assert history.runs(like=RUN, data_sha256="")
    assert not history.runs(data_sha256="a" * 64)
    assert history.series("memory.flash_bytes", like=RUN)
    history.close()
    assert path.read_bytes() == before
    with History(path) as history:
        history.add([_with(data_sha256="a" * 64)])
        assert [kept.run.data_sha256 for kept in history.runs()] == ["a" * 64, ""]


def test_a_reader_of_a_folder_that_cannot_be_written_reads(tmp_path: Path) -> None:
    """As of a CI artifact: nothing beside the file is needed to read it."""
    path = tmp_path / "a ?#%20 name" / "h.sqlite"
    with History(path) as history:
        history.add([RUN])
    alone = tmp_path / "alone.sqlite"
    alone.write_bytes(path.read_bytes())
    alone.chmod(0o400)
    with History(alone, write=False) as history:
        assert history.count() == 1
    with History(path, write=False) as history:
        assert history.count() == 1


def _database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE cats (name TEXT)")


OTHERS = {
    "text": (lambda path: path.write_text("a diary\n"), "holds something else"),
    "a database": (_database, "a database of something else"),
    "lines": (lambda path: path.write_text('{"schema": "tinysine.history/1"}\n'), "history import"),
    "damaged": (
        lambda path: path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096),
        "cannot be used|damaged",
    ),
    "a folder": (lambda path: path.mkdir(), "cannot be read"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_history_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    """One line, exit code 2, and not a byte of it changes."""
    path = tmp_path / "h.sqlite"
    make, due = OTHERS[kind]
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    for write in (True, False):
        with pytest.raises(ConfigError) as caught:
            History(path, write=write)
        said = f"{caught.value.message}; {caught.value.hint}"
        assert any(part in said for part in due.split("|")), said
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_damaged_declaration_of_a_table_is_damage(tmp_path: Path) -> None:
    """SQLite quotes what it cannot read, in bytes that are no UTF-8."""
    path = tmp_path / "h.sqlite"
    History(path).close()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"CREATE TABLE runs", b"CREATE T\xffBLE runs", 1))
    for write in (True, False):
        with pytest.raises(ConfigError, match="cannot be used"):
            History(path, write=write)


def test_a_file_that_is_read_only_is_refused_before_the_work(tmp_path: Path) -> None:
    """SQLite would open it, and say so only when a night's runs are added."""
    path = tmp_path / "h.sqlite"
    History(path).close()
    path.chmod(0o444)
    opens = f"from tinysine.history import History; History(__import__('pathlib').Path({str(path)!r}))"
    # Root may write whatever a file's mode says, unless it lays that down.
    plainly = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*plainly, sys.executable, "-c", opens], capture_output=True, text=True, check=False
    )
    assert "h.sqlite is read-only" in done.stderr
    with History(path, write=False) as history:
        assert history.runs() == []


def test_a_name_of_sqlites_own_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ ":memory:" keeps nothing; a history of that name does."""
    monkeypatch.chdir(tmp_path)
    with History(Path(":memory:")) as history:
        history.add([RUN])
    with History(Path(":memory:"), write=False) as history:
        assert history.count() == 1


def test_a_text_that_no_utf8_has_is_escaped(tmp_path: Path) -> None:
    """Such as the name of a file."""
    run = _with(model_file="b\udcff.tflite", reason="\ud800")
    with History(tmp_path / "h.sqlite") as history:
        history.add([run])
        assert history.runs()[0].run.model_file == "b\\udcff.tflite"
        assert len(history.runs(like=run)) == len(history.runs(model_file=run.model_file)) == 1


DAMAGE = {
    "a figure that is text": ("UPDATE figures SET value = 'abc'", "'abc', no number"),
    "a figure without end": ("UPDATE figures SET value = 9e999", "inf, no number"),
    "a figure that is bytes": ("UPDATE figures SET value = x'00'", "no number"),
    "a name that is bytes": ("UPDATE series SET name = x'ff'", "run 1: "),
    "a direction that is none": ("UPDATE series SET better = 'up'", "run 1: "),
    "a time that is bytes": ("UPDATE runs SET started_utc = x'ff00'", "run 1: "),
    "a verdict that is none": ("UPDATE runs SET verdict = 'PASS'", "run 1: .*'PASS'"),
    "a board that is bytes": ("UPDATE runs SET board = x'05'", "run 1: "),
    "no board": ("UPDATE runs SET board = ''", "run 1: "),
    "a switch that is text": ("UPDATE runs SET flaky = 'x'", "run 1: "),
    "a switch of more than two": ("UPDATE runs SET prune = 5", "run 1: "),
    "a test that took text": ("UPDATE tests SET seconds = 'long'", "no number"),
    "a test without end": ("UPDATE tests SET seconds = 9e999", "no number"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_value_that_was_never_written_is_damage(tmp_path: Path, kind: str) -> None:
    """SQLite takes any value in any column: one line says what is there, whatever was asked."""
    path = tmp_path / "h.sqlite"
    with History(path) as history:
        history.add([_with(tests=(TestOutcome("boots", "pass", 1.5),))])
    statement, said = DAMAGE[kind]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(statement)
    with History(path, write=False) as history:
        with pytest.raises(ConfigError, match=f"is damaged: .*{said}"):
            history.run(1)
        if "runs" in statement:
            with pytest.raises(ConfigError, match=f"is damaged: .*{said}"):
                history.runs()
        if "figures" in statement:
            with pytest.raises(ConfigError, match=f"is damaged: .*{said}"):
                history.series("latency.median")


def test_a_missing_history_is_not_made_by_reading(tmp_path: Path) -> None:
    """Reading says that there is none."""
    with pytest.raises(ConfigError, match="there is no history"):
        History(tmp_path / "h.sqlite", write=False)
    assert list(tmp_path.iterdir()) == []


def test_the_columns_are_the_declared_facts(tmp_path: Path) -> None:
    """Every fact of a run has its column, in a file that says whose it is."""
    path = tmp_path / "h.sqlite"
    History(path).close()
    with contextlib.closing(sqlite3.connect(path)) as raw:
        columns = [row[1] for row in raw.execute("PRAGMA table_info(runs)")]
    assert _raw(path, "PRAGMA application_id") == APPLICATION_ID
    assert columns == ["number", *store.COLUMNS]


def test_every_question_is_answered_by_an_index(tmp_path: Path) -> None:
    """Among any number of figures: no question of a report reads them all. `python -m benchmarks.history` has times."""
    asked: list[str] = []
    with History(tmp_path / "h.sqlite") as history:
        history.add([RUN])
        history._connection.set_trace_callback(asked.append)
        history.runs(most=50)
        history.runs(night="", most=5)
        history.runs(like=RUN, most=1, verdict="pass")
        history.run(1)
        history.series("memory.flash_bytes", most=100, board="nano33ble-sense")
        history.series("memory.flash_bytes", "bytes", like=RUN, after=0, verdict="pass", model_sha256="")
        history._connection.set_trace_callback(None)
        assert len(asked) >= 7
        for question in asked:
            plan = [row[3] for row in history._connection.execute(f"EXPLAIN QUERY PLAN {question}")]
            assert plan
            scans = [step for step in plan if step.startswith("SCAN") and step != "SCAN runs"]
            assert not scans, (question, plan)
            # The runs are read from the last one backwards, until there are enough.
            assert "SCAN runs" not in plan or "LIMIT" in question, (question, plan)
