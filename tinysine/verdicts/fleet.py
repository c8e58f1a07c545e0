"""Boards with the same model and reference answer the same bytes; one that does not is named."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

MOST_NAMED = 8
MOST_INPUTS = 2048  # of each board that are held against the others'
MOST_SHOWN = 8  # numbers of an input or an answer


@dataclass(frozen=True)
class Answered:
    """One inference.

    Attributes:
        asked: the input, in words.
        output: the answer; equal for equal bytes.
        answer: the answer, in words.
    """

    asked: str
    output: str
    answer: str


@dataclass(frozen=True)
class Outlier:
    """A board that answers otherwise than the others.

    Attributes:
        board: its id.
        others: ids of those that it differs from at the first input; more than one if they are in the majority.
        first: what it answered there.
        expected: what they answered there.
        differing: inputs at which it differs from most.
        shared: inputs that other boards were asked, too.
    """

    board: str
    others: tuple[str, ...]
    first: Answered
    expected: Answered
    differing: int
    shared: int

    def __str__(self) -> str:
        named = ", ".join(self.others[:MOST_NAMED]) + ", ..." * (len(self.others) > MOST_NAMED)
        is_most = len(self.others) > 1
        return (
            f"{self.board} answers {self.first.answer} to input {self.first.asked}, and "
            f"{f'{len(self.others)} others ({named}) answer' if is_most else f'{named} answers'} "
            f"{self.expected.answer}: {self.differing:,} of {self.shared:,} shared inputs differ"
            + ("" if is_most else "; which of the two is right, their tests say")
        )


def find_outliers(fleet: Mapping[str, Mapping[str, Answered]]) -> tuple[Outlier, ...]:
    """Find the boards that answer otherwise than most.

    Args:
        fleet: by the id of each board, what it answered to each input; all with one model and one reference.
    Returns:
        Those in the minority, in the order of `fleet`. Where there is none, as of two boards, the first board is held
        against the second.
    """
    keys = dict.fromkeys(key for told in fleet.values() for key in told)
    wrong: dict[str, list[tuple[Answered, Answered, tuple[str, ...]]]] = {}
    shared: Counter[str] = Counter()
    for key in keys:
        told = {board: answers[key] for board, answers in fleet.items() if key in answers}
        if len(told) < 2:
            continue
        shared.update([*told])
        ((most, count), *rest) = Counter(answer.output for answer in told.values()).most_common()
        if not rest:
            continue
        if rest[0][1] == count:  # nobody is in the majority: the last board's answer stands for the others
            most = told[next(reversed(told))].output
        right = tuple(board for board, answer in told.items() if answer.output == most)
        for board, answer in told.items():
            if answer.output != most:
                wrong.setdefault(board, []).append((answer, told[right[0]], right))
    return tuple(
        Outlier(board, wrong[board][0][2], *wrong[board][0][:2], len(wrong[board]), shared[board])
        for board in fleet
        if board in wrong
    )


def shared_inputs(fleet: Mapping[str, Mapping[str, Answered]]) -> int:
    """Count the inputs that at least two boards were asked."""
    counts = Counter(key for answers in fleet.values() for key in answers)
    return sum(count > 1 for count in counts.values())


def answers_of(inputs: Sequence[NDArray[Any]], outputs: Sequence[NDArray[Any]]) -> dict[str, Answered]:
    """Return what a board answered to each of its first inputs, by the input's digest.

    Args:
        inputs: of each input tensor [n, elements].
        outputs: of each output tensor [n, elements].
    """
    told: dict[str, Answered] = {}
    for number in range(min(MOST_INPUTS, *(len(values) for values in (*inputs, *outputs)))):
        asked, output = ([values[number] for values in ends] for ends in (inputs, outputs))
        told.setdefault(digest(asked), Answered(in_words(asked), digest(output), in_words(output)))
    return told


def digest(values: Sequence[NDArray[Any]]) -> str:
    """Return a digest of the bytes of some arrays; equal for equal bytes."""
    return hashlib.blake2b(b"".join(array.tobytes() for array in values), digest_size=12).hexdigest()


def in_words(values: Sequence[NDArray[Any]]) -> str:
    """Return the first numbers of one input or answer of several tensors."""
    return " and ".join(map(_shown, values))


def _shown(values: NDArray[Any]) -> str:
    numbers = [f"{value:g}" for value in values.ravel()[:MOST_SHOWN].tolist()]
    more = ", ..." * (values.size > MOST_SHOWN)
    return numbers[0] if values.size == 1 else f"[{', '.join(numbers)}{more}]"
