"""Rest of a machine in QEMU: an idle board does not occupy a core of this computer."""

from __future__ import annotations

import time
from collections.abc import Callable

_AWAKE_S = 0.2  # after the last byte, either way: most often another one follows
_ANSWER_S = 60.0  # that an answer may take; firmware that never answers rests, too


class Rest:
    """Decision whether a machine may rest: nobody talks to it, and nobody waits for its answer.

    An inference may take seconds without a byte on the line. A machine that rests meanwhile gets a fifth of its time,
    and on a busy computer next to none of it: the few milliseconds that it runs are those in which another program
    has the core.

    Args:
        clock: monotonic seconds; injectable.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._awake_until = 0.0
        self._answer_until = 0.0

    def wake(self) -> None:
        """Note that something happens to the machine."""
        self._awake_until = self._clock() + _AWAKE_S

    def asked(self) -> None:
        """Note that bytes go to the machine: an answer is due."""
        self.wake()
        self._answer_until = self._clock() + _ANSWER_S

    def answered(self) -> None:
        """Note that bytes came from the machine."""
        self.wake()
        self._answer_until = 0.0

    @property
    def owes_answer(self) -> bool:
        """True if nothing came back since the last bytes went to the machine, however long ago."""
        return self._answer_until > 0.0

    def is_due(self) -> bool:
        """Tell whether it may rest now."""
        return self._clock() >= max(self._awake_until, self._answer_until)
