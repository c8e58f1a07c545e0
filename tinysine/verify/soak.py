"""Many further inferences of known answer: repeated, permuted, in frames of one and of many, over resets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinysine.tensor_values import Values, arrays_of, inferences_of, numbers_of, rows_of
from tinysine.verdicts import EQUAL, Soak, Tolerance, WrongAnswer, wrong_rows

if TYPE_CHECKING:
    from tinysine.device import Device

BLOCK = 250
# Between two resets, so that a fault that comes late has the time to come.
RESET_EVERY = 10_000
# A block in so many goes in frames as large as they may be, the others one inference a frame.
FULL_FRAMES_EVERY = 4


def soak(
    device: Device,
    inputs: Values,
    expected: Values,
    *,
    count: int,
    seed: int,
    reset: Callable[[], Device] | None,
    names: Sequence[str] = (),
    tolerance: Tolerance = EQUAL,
    on_progress: Callable[[int, int], None] = lambda _done, _resets: None,
) -> Soak:
    """Ask for known answers until one is wrong, or `count` were right.

    Args:
        device: connected, its identity proved.
        inputs: [n, input.count] in the model's input dtype; a tuple of these for several inputs.
        expected: [n, output.count], the reference's answers to them; a tuple of these for several outputs.
        count: inferences, 1 or more.
        seed: decides their order.
        reset: resets the board and proves what it runs; returns the device to go on with. None: it is never reset.
        names: of several outputs, for the wrong answer.
        tolerance: as for `judge_every_output`.
        on_progress: called with the inferences done and the resets so far.
    Raises:
        BenchError, ProtocolError, DeviceError: as the device and `reset` raise them.
    """
    asked = frames = resets = since = 0
    for number, chosen in enumerate(_blocks(inferences_of(inputs), count, seed)):
        if reset is not None and since >= _reset_every(count):
            device, resets, since = reset(), resets + 1, 0
        full = number % FULL_FRAMES_EVERY == FULL_FRAMES_EVERY - 1
        per_frame = device.inferences_per_frame if full else 1
        answers = device.infer(rows_of(inputs, chosen), per_frame=per_frame)
        frames += -(-len(chosen) // per_frame)
        differs = np.flatnonzero(wrong_rows(answers, rows_of(expected, chosen), tolerance))
        if len(differs):
            at = int(differs[0])
            row = int(chosen[at])
            output, due, got = next(
                (index, due[row], got[at])
                for index, (got, due) in enumerate(zip(arrays_of(answers), arrays_of(expected), strict=True))
                if wrong_rows(got[at : at + 1], due[row : row + 1], tolerance)[0]
            )
            wrong = WrongAnswer(
                asked + at + 1,
                since + at + 1,
                numbers_of(inputs, row),
                tuple(due.tolist()),
                tuple(got.tolist()),
                names[output] if len(names) > 1 else "",
            )
            return Soak(count, asked + len(chosen), frames, resets, wrong)
        asked += len(chosen)
        since += len(chosen)
        on_progress(asked, resets)
    return Soak(count, asked, frames, resets)


def _reset_every(count: int) -> int:
    """Return the number of inferences between resets: a short soak has at least one, in its middle."""
    return min(RESET_EVERY, max(-(-count // 2), 1))


def _blocks(inputs: int, count: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """Rows to ask for, block after block: permutations of all, and after each a block of one input repeated."""
    rng = np.random.default_rng(seed)
    left = count
    while left:
        order = rng.permutation(inputs)
        blocks = [order[start : start + BLOCK] for start in range(0, inputs, BLOCK)]
        for block in (*blocks, np.full(min(BLOCK, inputs), rng.integers(inputs))):
            if not left:
                return
            part = block[:left]
            left -= len(part)
            yield part
