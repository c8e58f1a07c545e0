"""Deadlines do not go on while the program that they are for has no processor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Hashable
from itertools import pairwise
from pathlib import Path

import pytest

from tinysine import fair_clock
from tinysine.fair_clock import FairClock, Thread
from tinysine.processes import descendants

SPIN = "import sys\nprint(flush=True)\nwhile True: pass"


class World:
    """A computer whose time and whose threads' waits are set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.threads: dict[Hashable, Thread] = {
            "a": Thread(1.0, 1.0, ready=False),
            "b": Thread(1.0, 2.0, ready=False),
        }

    def fair_clock(self) -> FairClock:
        """A clock of this computer's."""
        return FairClock(lambda: dict(self.threads), clock=lambda: self.now)

    def pass_time(self, seconds: float, **waits: float) -> None:
        """Let time pass, of which each thread has waited so much, and sleeps again."""
        self.now += seconds
        new = Thread(0.0, 0.0, ready=False)
        self.threads = {
            name: Thread(0.0, self.threads.get(name, new).waited_s + wait, ready=False)
            for name, wait in waits.items()
        }


def test_it_is_a_clock_where_nobody_waits() -> None:
    """Waiting time before the clock was made does not count."""
    world = World()
    clock = world.fair_clock()
    world.pass_time(3.0, a=0.0, b=0.0)
    assert clock() == 103.0


def test_it_stands_while_a_thread_waits() -> None:
    """One may wait behind the other; nobody can wait longer than time has passed."""
    world = World()
    clock = world.fair_clock()
    world.pass_time(3.0, a=1.5, b=0.5)
    assert clock() == 101.0
    world.pass_time(1.0, a=9.0, b=0.0)
    assert clock() == 101.0
    world.pass_time(1.0, a=0.0, b=0.0)
    assert clock() == 102.0


def test_threads_come_and_go() -> None:
    """A new one's earlier waits are not known to have been in this time; of one that has ended nothing is known."""
    world = World()
    clock = world.fair_clock()
    world.pass_time(2.0, a=0.5, c=50.0)
    assert clock() == 101.5
    world.threads = {}
    world.now += 1.0
    assert clock() == 102.5


def test_a_wait_that_goes_on_counts() -> None:
    """It is told only when it is over; until then, a thread that is ready and does not run waits."""
    world = World()
    clock = world.fair_clock()
    world.now += 4.0
    world.threads["a"] = Thread(1.5, 1.0, ready=True)
    assert clock() == 100.5
    world.now += 1.0
    world.threads["a"] = Thread(1.6, 5.4, ready=False)
    assert clock() == 100.5
    world.now += 1.0
    assert clock() == 101.5


def test_it_never_goes_back() -> None:
    """Between two looks it goes on as the plain clock does."""
    world = World()
    clock = world.fair_clock()
    seen = [clock()]
    for _ in range(20):
        world.pass_time(0.1, a=0.09, b=0.0)
        seen.append(clock())
    assert all(one <= other for one, other in pairwise(seen))
    assert 100.2 <= seen[-1] <= 100.5


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux tells who waited")
def test_a_process_that_shares_a_processor_is_seen_to_wait() -> None:
    """Two that want all of one processor: each waits for about half of the time."""
    only = {min(os.sched_getaffinity(0))}
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", SPIN],
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, only),  # noqa: PLW1509
        )
        for _ in range(2)
    ]
    try:
        for process in pair:
            assert process.stdout is not None
            process.stdout.readline()
        clock = FairClock.of(pair[0].pid)
        began = clock()
        with pytest.raises(subprocess.TimeoutExpired):
            pair[0].wait(1.2)
        assert clock() - began < 1.1
    finally:
        for process in pair:
            process.kill()
            process.communicate()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux tells who waited")
@pytest.mark.parametrize("lists_children", [True, False])
def test_what_a_program_has_started_counts(lists_children: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children and theirs, whether or not this Linux lists the children of a thread."""
    if not lists_children:
        monkeypatch.setattr(Path, "exists", lambda _: False)
    shell = 'sh -c "sleep 60 & echo; wait" & wait'
    with subprocess.Popen(["sh", "-c", shell], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            below = descendants(process.pid)
            seen = fair_clock._threads_of(process.pid)
        finally:
            os.killpg(process.pid, 9)
    assert len(below) == 2
    assert {(each, str(each)) for each in (process.pid, *below)} == seen.keys()
