"""A program that is run under guard ends with whoever runs it, however that one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tinysine.process_guard import Guard
from tinysine.processes import GRACE_S, run_program
from unit_tests.waiting import wait_until

# It starts a program of its own, in another session, and neither ends at SIGTERM.
STUBBORN = """
import json, os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(json.dumps([os.getpid(), child.pid]), file=open(sys.argv[1] + ".new", "w"), flush=True)
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""
RUNS_IT = """
import sys
import threading
from tinysine.process_guard import Guard
from tinysine.processes import run_program
with Guard() as guard:
    run_program([sys.executable, "-c", "pass"], timeout_s=600, beside=guard.over)
    for said in sys.argv[2:]:
        command = [sys.executable, "-c", sys.argv[1], said]
        threading.Thread(target=run_program, args=(command,), kwargs={"timeout_s": 600, "beside": guard.over}).start()
    threading.Event().wait()
"""


def _guards_of(pid: int) -> list[psutil.Process]:
    children = psutil.Process(pid).children()
    return [child for child in children if "tinysine.process_guard" in child.cmdline()]


def test_programs_end_with_who_was_killed(tmp_path: Path) -> None:
    """And what they have started, by force where it does not heed a request; one guard is enough for all of them."""
    said = [tmp_path / "pids", tmp_path / "others"]
    runner = subprocess.Popen([sys.executable, "-c", RUNS_IT, STUBBORN, *map(str, said)])
    wait_until(lambda: runner.poll() is not None or all(file.exists() for file in said))
    assert runner.poll() is None
    family = [psutil.Process(pid) for file in said for pid in json.loads(file.read_text())]
    assert len(_guards_of(runner.pid)) == 1
    runner.send_signal(signal.SIGKILL)
    runner.wait(10)
    _gone, alive = psutil.wait_procs(family, timeout=30 + 2 * GRACE_S)
    assert alive == []


def test_nothing_is_ended_or_left_of_a_program_that_has_ended() -> None:
    """The program's output and exit code are as without a guard, and the guard is gone."""
    with Guard() as guard:
        done = run_program(
            [sys.executable, "-c", "print('well'); raise SystemExit(4)"], timeout_s=30, beside=guard.over
        )
    assert (done.exit_code, done.output) == (4, "well\n")
    assert _guards_of(os.getpid()) == []


def test_a_guard_that_was_killed_is_replaced() -> None:
    """The next program has a new one, which watches over those that still run, too."""
    with (
        Guard() as guard,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as program,
    ):
        with guard.over(program.pid):
            (first,) = _guards_of(os.getpid())
            first.kill()
            first.wait(10)
            done = run_program([sys.executable, "-c", "pass"], timeout_s=30, beside=guard.over)
            (second,) = _guards_of(os.getpid())
            assert (done.exit_code, first.pid != second.pid) == (0, True)
        program.communicate(b"\n")
    assert _guards_of(os.getpid()) == []


def test_a_program_without_its_guard_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the guard cannot be started, the error is raised, and no program stays alive."""
    began: list[int] = []

    def no_guard(pid: int) -> object:
        began.append(pid)
        raise OSError("too many processes")

    monkeypatch.setattr("tinysine.processes.GRACE_S", 10.0)
    with pytest.raises(OSError, match="too many"):
        run_program([sys.executable, "-c", "import time; time.sleep(600)"], timeout_s=60, beside=no_guard)  # type: ignore[arg-type]
    assert not psutil.pid_exists(began[0])
