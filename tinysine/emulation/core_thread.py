"""Work for the core's own thread, asked for by others."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tinysine.errors import BenchError
from tinysine.fair_clock import FairClock

_PATIENCE_S = 10.0
# For an idle moment: an inference may take a thousand million instructions.
_IDLE_PATIENCE_S = 30.0
_INTERRUPT_EVERY_S = 0.002
_SHORT_S = 0.5  # in which most tasks are done, before anybody looks at a clock that costs more


@dataclass(eq=False)
class _Task:
    action: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


class CoreThread:
    """The queue between everybody and the thread that runs the core.

    Args:
        board: for messages.
        wake: ends the sleep of an idle core.
        interrupt: asks a running core to stop; does nothing if it does not run.
        start_clock: a clock, in seconds, that stands while this process is kept from running; injectable.
    """

    def __init__(
        self,
        board: str,
        *,
        wake: Callable[[], None],
        interrupt: Callable[[], None],
        start_clock: Callable[[], Callable[[], float]] = lambda: FairClock.of(os.getpid()),
    ) -> None:
        self._start_clock = start_clock
        self._board = board
        self._wake = wake
        self._interrupt = interrupt
        self._tasks: deque[_Task] = deque()
        self._changed = threading.Condition()

    # For the core's thread

    def work(self) -> None:
        """Do all that was asked for. The core must stand still.

        What is asked for meanwhile waits for the next time: who has just seen the board start, and now wants to look at
        it, shall see it when its firmware has run.
        """
        with self._changed:
            waiting = len(self._tasks)
        for _ in range(waiting):
            with self._changed:
                if not self._tasks:
                    return
                task = self._tasks.popleft()
            try:
                task.result = task.action()
            except BaseException as error:
                task.error = error
            task.done.set()

    def pause_if_asked(self) -> None:
        """The firmware polls an empty receiver: the one access to memory that may be cut in two and repeated, so that
        the core can stop here and go on later.
        """
        if self._tasks:
            self._interrupt()

    def sleep(self, timeout_s: float) -> None:
        """Until something is asked for, `nudge` is called, or the time is over."""
        with self._changed:
            if not self._tasks:
                self._changed.wait(timeout_s)

    # For everybody else

    def do(self, action: Callable[[], Any], *, gentle: bool) -> Any:
        """Have `action` done by the core's thread, and return what it returns: gently, at the firmware's next idle
        moment, or by stopping it anywhere, which only something that ends in a reset may do (see Core.interrupt).

        Raises:
            BenchError: the core's thread did not come to it.
        """
        task = _Task(action)
        with self._changed:
            self._tasks.append(task)
            self._changed.notify()
        self._wake()
        patience_s = _IDLE_PATIENCE_S if gentle else _PATIENCE_S
        began, clock, until = time.monotonic(), None, 0.0
        while not task.done.wait(_INTERRUPT_EVERY_S):
            if not gentle:
                with self._changed:
                    # Once it was taken, the core may be running again, and must not be stopped just anywhere.
                    if task in self._tasks:
                        self._interrupt()
            if clock is None and time.monotonic() - began >= _SHORT_S:
                clock = self._start_clock()
                until = clock() + patience_s
            if clock is not None and clock() > until:
                self._withdraw(task, patience_s)
                break
        if task.error is not None:
            raise task.error
        return task.result

    def nudge(self) -> None:
        """End a `sleep`."""
        with self._changed:
            self._changed.notify()
        self._wake()

    def _withdraw(self, task: _Task, patience_s: float) -> None:
        with self._changed:
            taken = task not in self._tasks
            if not taken:
                self._tasks.remove(task)
        if taken and task.done.wait(_PATIENCE_S):
            return  # at the last moment
        raise BenchError(
            f"the emulated board did not become idle within {patience_s:.0f} s",
            hint="reset it: its firmware hangs or computes",
            board=self._board,
        )
