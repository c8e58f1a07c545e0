"""Long batches tell how far they are, and their answers are those of one batch."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.tensor_values import Values, inferences_of
from tinysine.verify.paced import Countdown, answers_in_parts


class Slow:
    """A reference that takes a hundredth of a second for each inference, by its own clock."""

    name, version = "litert", "0"

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked: list[int] = []
        self.detail: dict[str, object] = {}

    def run(self, inputs: Values) -> Values:
        """Answer, and let the time pass."""
        self.asked.append(inferences_of(inputs))
        self.now_s += self.asked[-1] / 100
        first, second = inputs
        return first * 2, second[:, :1] + 1


@pytest.mark.parametrize("count", [0, 1, 16, 1000])
def test_answers_in_parts_are_those_of_the_whole(count: int) -> None:
    """Every row once, in order, and the last that is told is the whole; parts do not grow beyond what is long."""
    oracle, told = Slow(), []
    inputs = (
        np.arange(count * 2, dtype=np.int16).reshape(count, 2),
        np.arange(count * 3, dtype=np.int16).reshape(count, 3),
    )
    answers = answers_in_parts(
        oracle,
        inputs,
        lambda steps, done, note: told.append((steps, done, note)),
        clock=lambda: oracle.now_s,
    )
    for got, due in zip(answers, Slow().run(inputs), strict=True):
        assert np.array_equal(got, due)
        assert got.dtype == due.dtype
    assert told[-1] == (count, count, f"{count:,} of {count:,} answers of litert")
    assert max(oracle.asked) <= 64
    if count == 1000:
        assert told[0] == (1000, 16, "16 of 1,000 answers of litert, about 10 s more")


def test_an_estimate_is_by_what_was_done_so_far() -> None:
    """A quarter in two seconds: six more; none at the beginning and none at the end."""
    now, told = [5.0], []
    countdown = Countdown(400, lambda _steps, _done, note: told.append(note), clock=lambda: now[0])
    countdown(0)
    now[0] += 2.0
    countdown(100)
    countdown(400)
    slow = Countdown(400, lambda _steps, _done, note: told.append(note), sampled=True, clock=lambda: now[0])
    now[0] += 20.0
    slow(100)
    assert told == [
        "0 of 400 answers",
        "100 of 400 answers, about 6 s more",
        "400 of 400 answers",
        "100 of 400 answers, about 60 s more (--inputs 64 is quicker)",
    ]
