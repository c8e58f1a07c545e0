"""A dead board is left alone for a while, and never forgotten."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from tinysine.bench import quarantine
from tinysine.bench.night import BoardNight, Job, Part, Plan, exit_code_of_night
from tinysine.bench.quarantine import leave_out, read_quarantine, write_quarantine
from tinysine.errors import BENCH, PASS, PRODUCT, ConfigError

NOW = datetime(2026, 11, 29, 1, 0, tzinfo=UTC)
DEAD, GOOD, WRONG = (Job(label, "host", "/dev/x", place=label) for label in ("dead", "good", "wrong"))


def test_a_dead_board_is_left_out_until_its_time(tmp_path: Path) -> None:
    """It fails the bench meanwhile; a product that failed, and a board that passed, are tested each night."""
    file = tmp_path / "quarantine.json"
    nights = [
        BoardNight(DEAD, "unknown", (Part("verify", BENCH, "no answer"),)),
        BoardNight(GOOD, "hardware", (Part("verify", PASS),)),
        BoardNight(WRONG, "hardware", (Part("verify", PRODUCT), Part("suite", BENCH, "killed"))),
    ]
    write_quarantine(file, nights, now=NOW, hours=48)
    plan = Plan((DEAD, GOOD, WRONG), ())
    next_night = leave_out(plan, read_quarantine(file), NOW + timedelta(hours=24))
    assert next_night.jobs == (GOOD, WRONG)
    (out,) = next_night.missing
    assert out.parts[0].reason == "quarantined until 2026-12-01 01:00 UTC: verify: no answer"
    assert (out.verdict, exit_code_of_night([out])) == ("error", 3)
    write_quarantine(file, [out], now=NOW + timedelta(hours=24), hours=48)  # it does not begin anew by itself
    assert leave_out(plan, read_quarantine(file), NOW + timedelta(hours=48)) == plan
    write_quarantine(file, [], now=NOW + timedelta(hours=48), hours=48)
    assert read_quarantine(file) == {}


def test_two_nights_that_end_at_the_same_time_lose_no_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one reads the list when the first one has written it."""
    file = tmp_path / "quarantine.json"
    dead = (Part("verify", BENCH, "no answer"),)
    jobs = [Job(f"board-{number}", "host", "/dev/x", place=f"board-{number}") for number in range(8)]
    read = quarantine.read_quarantine
    barrier = threading.Barrier(len(jobs))

    def slowly(path: Path) -> dict[str, tuple[datetime, str]]:
        found = read(path)
        threading.Event().wait(0.01)  # long enough for every other thread to read the same
        return found

    def night(job: Job) -> None:
        barrier.wait()
        write_quarantine(file, [BoardNight(job, "unknown", dead)], now=NOW, hours=48)

    monkeypatch.setattr(quarantine, "read_quarantine", slowly)
    with ThreadPoolExecutor(len(jobs)) as threads:
        list(threads.map(night, jobs))
    assert sorted(read(file)) == [job.place for job in jobs]


def test_a_list_that_stays_locked_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs the list, and not the night."""
    file = tmp_path / "quarantine.json"
    monkeypatch.setattr(quarantine, "LOCK_S", 0.05)
    with FileLock(f"{file}.lock"), pytest.raises(ConfigError, match="locked by another process"):
        write_quarantine(file, [], now=NOW, hours=1)


def test_a_twin_does_not_pay_for_a_real_board(tmp_path: Path) -> None:
    """A board that is unplugged has its twin tested under the same label: that one is not dead."""
    file, real, twin = tmp_path / "quarantine.json", Job("host", "host", "/dev/x"), Job("host", "host", None)
    dead = (Part("verify", BENCH, "no answer"),)
    write_quarantine(file, [BoardNight(real, "unknown", dead)], now=NOW, hours=48)
    assert leave_out(Plan((real,), ()), read_quarantine(file), NOW).jobs == ()
    assert leave_out(Plan((twin,), ()), read_quarantine(file), NOW).jobs == (twin,)
    file.unlink()
    write_quarantine(file, [BoardNight(twin, "host", dead)], now=NOW, hours=48)
    assert read_quarantine(file) == {}


def test_a_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    """People edit the file."""
    file = tmp_path / "quarantine.json"
    file.write_text(
        '{"schema": "tinysine.quarantine/1", "boards": {"dead": {"until_utc": "2026-11-29T02:00:00", "reason": "x"}}}'
    )
    assert leave_out(Plan((DEAD, GOOD), ()), read_quarantine(file), NOW).jobs == (GOOD,)


@pytest.mark.parametrize(
    "text", ["a diary", "[]", '{"schema": "x"}', '{"schema": "tinysine.quarantine/1", "boards": 5}']
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """Before the night, with what to do."""
    file = tmp_path / "quarantine.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="no list of quarantined boards") as caught:
        read_quarantine(file)
    assert "delete it" in caught.value.hint
