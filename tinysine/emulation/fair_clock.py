"""A clock for deadlines that an emulated board has to keep on a busy computer."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from pathlib import Path

from tinysine.processes import descendants

_LOOK_EVERY_S = 0.25
_NANOSECOND_S = 1e-9


class FairClock:
    """Seconds, monotonic, which stand while the emulator is ready to run and has no processor.

    A deadline that goes on meanwhile would blame the board for what other programs do. Only Linux tells how long a
    thread had to wait (schedstat in its Documentation/scheduler); elsewhere this is the plain clock.

    Args:
        waits: seconds that each thread of the emulator has waited for a processor so far, by any name.
        clock: seconds, monotonic; injectable.
    """

    def __init__(
        self, waits: Callable[[], dict[Hashable, float]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._waits, self._clock = waits, clock
        self._stood_s = 0.0
        self._now_s = self._looked_s = clock()
        self._waited = waits()

    @classmethod
    def of(cls, pid: int) -> FairClock:
        """The clock of an emulator's process, with the programs that it has started."""
        return cls(_Threads(pid))

    def __call__(self) -> float:
        """The seconds; never fewer than before."""
        now = self._clock()
        if now - self._looked_s >= _LOOK_EVERY_S:
            self._look(now)
        self._now_s = max(self._now_s, now - self._stood_s)
        return self._now_s

    def _look(self, now: float) -> None:
        waited = self._waits()
        more = (
            seconds - self._waited[thread] for thread, seconds in waited.items() if thread in self._waited
        )
        # An answer passes from thread to thread, and each may have to wait. Those that wait at once are counted twice,
        # which is on the patient side; together they cannot have waited longer than there was time.
        self._stood_s += min(sum(more), now - self._looked_s)
        self._waited, self._looked_s = waited, now


class _Threads:
    """Reads what the threads of a process, and of those that it has started, have waited."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __call__(self) -> dict[Hashable, float]:
        waited: dict[Hashable, float] = {}
        for pid in (self._pid, *descendants(self._pid)):
            for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    waited[pid, file.parent.name] = int(file.read_text().split()[1]) * _NANOSECOND_S
                except (OSError, IndexError, ValueError):
                    continue  # the thread has ended meanwhile
        return waited
