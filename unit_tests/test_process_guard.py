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

from tinysine.process_guard import guarded
from tinysine.processes import GRACE_S, run_program

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
from tinysine.process_guard import guarded
from tinysine.processes import run_program
run_program([sys.executable, "-c", sys.argv[1], sys.argv[2]], timeout_s=600, beside=guarded)
"""


def test_a_program_ends_with_who_was_killed(tmp_path: Path) -> None:
    """And what it has started, by force where it does not heed a request."""
    said = tmp_path / "pids"
    runner = subprocess.Popen([sys.executable, "-c", RUNS_IT, STUBBORN, str(said)])
    while not said.exists():
        assert runner.poll() is None
    family = [psutil.Process(pid) for pid in json.loads(said.read_text())]
    runner.send_signal(signal.SIGKILL)
    runner.wait(10)
    _gone, alive = psutil.wait_procs(family, timeout=30 + 2 * GRACE_S)
    assert alive == []


def test_nothing_is_ended_or_left_of_a_program_that_has_ended() -> None:
    """The program's output and exit code are as without a guard, and the guard is gone."""
    done = run_program(
        [sys.executable, "-c", "print('well'); raise SystemExit(4)"], timeout_s=30, beside=guarded
    )
    assert (done.exit_code, done.output) == (4, "well\n")
    commands = [child.cmdline() for child in psutil.Process(os.getpid()).children()]
    assert not [command for command in commands if "tinysine.process_guard" in command]


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
