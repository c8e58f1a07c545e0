"""Long batches that tell how far they are, and how long the rest may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from tinysine.oracles import Oracle
from tinysine.tensor_values import Values, inferences_of, joined, rows_of

_FIRST, _LONG_S = 16, 0.5  # inferences of the first part; seconds of a part that is long enough
_FEW, _MUCH_S = 64, 30.0  # inputs that are asked quickly; seconds left that are much


class Countdown:
    """Tells how many of a batch are done, with an estimate of the rest.

    Args:
        whole: inferences in all.
        tell: called with the inferences in all, those that are done, and a note in words.
        who: answers them, for the note.
        sampled: whether fewer inputs could be asked for, which the note says where much is left.
        clock: seconds, monotonic; injectable.
    """

    def __init__(
        self,
        whole: int,
        tell: Callable[[int, int, str], None],
        *,
        who: str = "",
        sampled: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._whole, self._tell, self._who, self._clock = whole, tell, who, clock
        self._began_s, self._sampled = clock(), sampled and whole > _FEW

    def __call__(self, done: int) -> None:
        """Tell that so many are done."""
        note = f"{done:,} of {self._whole:,} answers" + f" of {self._who}" * bool(self._who)
        if 0 < done < self._whole:
            rest_s = (self._clock() - self._began_s) / done * (self._whole - done)
            note += f", about {rest_s:,.0f} s more"
            if self._sampled and rest_s > _MUCH_S:
                note += f" (--inputs {_FEW} is quicker)"
        self._tell(self._whole, done, note)


def answers_in_parts(
    oracle: Oracle,
    inputs: Values,
    tell: Callable[[int, int, str], None],
    *,
    sampled: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Values:
    """Ask a reference for a batch in parts, each twice as long as the last until one takes half a second.

    Args:
        oracle: who is asked.
        inputs: as for `Oracle.run`.
        tell, sampled, clock: as for `Countdown`.
    Returns:
        The answers to the whole batch, as `Oracle.run` gives them.
    """
    whole, start, size = inferences_of(inputs), 0, _FIRST
    told = Countdown(whole, tell, who=oracle.name, sampled=sampled, clock=clock)
    parts: list[Values] = []
    while start < whole or not parts:
        began_s = clock()
        parts.append(oracle.run(rows_of(inputs, slice(start, start + size))))
        start = min(start + size, whole)
        told(start)
        if clock() - began_s < _LONG_S:
            size *= 2
    return joined(parts)
