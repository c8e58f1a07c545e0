"""A clock for deadlines that a program, such as an emulator, has to keep on a busy computer."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import NamedTuple

from tinysine.processes import descendants

_LOOK_EVERY_S = 0.25
_NANOSECOND_S = 1e-9


class Thread(NamedTuple):
    """Times of a thread, as the system reports them. Units: seconds since the thread began.

    Attributes:
        ran_s: on a processor.
        waited_s: for a processor, up to when it got one the last time.
        ready: it runs, or waits for a processor.
    """

    ran_s: float
    waited_s: float
    ready: bool


class FairClock:
    """Seconds, monotonic, which stand while a program is ready to run and has no processor.

    A deadline that goes on meanwhile would blame the program, or the board that it is, for what others do. Only Linux
    tells how long a thread had to wait (schedstat in its Documentation/scheduler); elsewhere this is the plain clock.

    Args:
        threads: of the program, by any name.
        clock: seconds, monotonic; injectable.
    """

    def __init__(
        self,
        threads: Callable[[], Mapping[Hashable, Thread]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threads, self._clock = threads, clock
        self._stood_s = 0.0
        self._now_s = self._looked_s = clock()
        self._seen = threads()

    @classmethod
    def of(cls, pid: int) -> FairClock:
        """The clock of a process, with the programs that it has started."""
        return cls(lambda: _threads_of(pid))

    def __call__(self) -> float:
        """The seconds; never fewer than before."""
        now = self._clock()
        if now - self._looked_s >= _LOOK_EVERY_S:
            self._look(now)
        self._now_s = max(self._now_s, now - self._stood_s)
        return self._now_s

    def _look(self, now: float) -> None:
        passed_s, seen = now - self._looked_s, self._threads()
        waited_s = (
            _waited_since(self._seen[name], thread, passed_s)
            for name, thread in seen.items()
            if name in self._seen
        )
        # An answer passes from thread to thread, and each may have to wait. Those that wait at once are counted twice,
        # which is on the patient side; together they cannot have waited longer than there was time.
        self._stood_s += min(sum(waited_s), passed_s)
        self._seen, self._looked_s = seen, now


def _waited_since(before: Thread, now: Thread, passed_s: float) -> float:
    # A wait is told when it is over. One that goes on is what a thread that is ready did not run.
    goes_on_s = passed_s - (now.ran_s - before.ran_s) if now.ready else 0.0
    return max(now.waited_s - before.waited_s, goes_on_s)


def _threads_of(pid: int) -> dict[Hashable, Thread]:
    """The threads of a process and of all below it.

    Linux lists the children of a thread where it was built to; else each process of the computer is asked for its
    parent, which takes ten times as long.
    """
    found: dict[Hashable, Thread] = {}
    lists_children = Path(f"/proc/{pid}/task/{pid}/children").exists()
    family = [pid] if lists_children else [pid, *descendants(pid)]
    for each in family:  # which grows
        for folder in Path(f"/proc/{each}/task").glob("*"):
            try:
                ran, waited, _ = map(int, (folder / "schedstat").read_text().split())
                state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                children = (folder / "children").read_text() if lists_children else ""
            except (OSError, IndexError, ValueError):
                continue  # the thread has ended meanwhile, or this system does not tell
            found[each, folder.name] = Thread(ran * _NANOSECOND_S, waited * _NANOSECOND_S, state == "R")
            family += map(int, children.split())
    return found
