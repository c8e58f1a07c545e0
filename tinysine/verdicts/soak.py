"""A soak, as far as it came, and the first answer of it that was wrong."""

from __future__ import annotations

from typing import Annotated

from tinysine.record import Count, Inference, Positive, Record, Words, fact
from tinysine.verdicts.wording import answers_in_words, numbers_in_words


class WrongAnswer(Record):
    """The first answer of a soak that was wrong."""

    number: Annotated[Positive, fact("number of the inference in the soak, from 1")]
    since_reset: Annotated[Positive, fact("its number since the board was last reset, from 1")]
    input: Annotated[Inference, fact("all numbers that went in, tensor after tensor")]
    expected: Annotated[Inference, fact("the reference's numbers of the output that was wrong")]
    got: Annotated[Inference, fact("the device's")]
    output: Annotated[Words, fact("name of that output, where there are several")] = ""

    def __str__(self) -> str:
        output = f" in the output {self.output!r}" if self.output else ""
        where, expected, got = answers_in_words(self.expected, self.got)
        return (
            f"inference {self.number:,} of the soak ({self.since_reset:,} since a reset) was wrong{output}: "
            f"input {numbers_in_words(self.input)}{where}, expected {expected}, got {got}"
        )


class Soak(Record):
    """Further inferences whose answers are known."""

    wanted: Annotated[Positive, fact("inferences that were requested")]
    asked: Annotated[Count, fact("inferences that were run; fewer after a wrong answer")]
    frames: Annotated[Count, fact("requests that they took")]
    resets: Annotated[Count, fact("how often the board was reset, and proved its build again")]
    wrong: Annotated[WrongAnswer | None, fact("the first wrong answer, which ends a soak")] = None
