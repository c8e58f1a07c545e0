"""A verdict in words: failures first, samples loudly, and whose integers judged."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.quantization import Rounding
from tinysine.verdicts import Difference, Finding, OutputsVerdict, Stage, judge_outputs
from tinysine.verdicts.wording import difference_in_words, failure_in_words, headline, numbers_in_words

CODES = np.arange(-128, 128, dtype=np.int8)[:, None]


def judged(inputs: np.ndarray, *, wrong: int = 0, rounding: Rounding = Rounding.LITERT) -> OutputsVerdict:
    """Judge a device that answers each input's first code, the first few of them wrongly."""
    right = inputs[:, :1]
    device = right.copy()
    device[:wrong] ^= 1
    name = {Rounding.LITERT: "litert", Rounding.TFLM: "integer-double"}[rounding]
    return judge_outputs(inputs=inputs, device=device, answers={name: right}, rounding=rounding)


@pytest.mark.parametrize(
    ("inputs", "wrong", "said"),
    [
        (CODES, 0, "256 of 256 outputs equal to litert"),
        (CODES, 3, "3 of 256 outputs differ from litert"),
        (CODES[:64], 0, "sampled: 64 of 256 inputs, all outputs equal to litert"),
        (np.tile(CODES, (1, 5)), 0, "sampled: 256 of 2^40 inputs, all outputs equal to litert"),
        (np.tile(CODES, (4, 2)), 0, "sampled: 1,024 of 65,536 inputs, all outputs equal to litert"),
        (np.tile(CODES, (1, 784)), 2, "2 of 256 outputs (sampled, of 2^6,272 inputs) differ from litert"),
    ],
)
def test_a_sample_is_called_one(inputs: np.ndarray, wrong: int, said: str) -> None:
    """Whoever reads "PASS" reads in the same line which part of all inputs was checked."""
    verdict = judged(inputs, wrong=wrong)
    assert headline(verdict, [verdict.finding] if verdict.finding else []) == said


def test_all_inputs_of_two_codes_are_all() -> None:
    """65,536 inputs can be enumerated, and are then no sample."""
    pairs = np.stack(np.meshgrid(CODES[:, 0], CODES[:, 0]), axis=-1).reshape(-1, 2)
    assert headline(judged(pairs), []) == "65,536 of 65,536 outputs equal to litert"
    assert headline(judged(pairs[:-1]), []).startswith("sampled: 65,535 of 65,536")


def test_integers_that_stand_in_for_tflm_are_said() -> None:
    """If the independent reference is not installed, the verdict says that another one judged."""
    verdict = judged(CODES, rounding=Rounding.TFLM)
    assert verdict.stands_in_for == "tflm"
    assert headline(verdict, []) == (
        "256 of 256 outputs equal to integer-double (tinysine's own integers: tflm is not installed)"
    )


@pytest.mark.parametrize("stage", [Stage.LATENCY, Stage.MEMORY, Stage.FIRMWARE, Stage.HARNESS])
def test_a_failure_comes_before_equal_outputs(stage: Stage) -> None:
    """Whatever is wrong is the headline, not how much was right."""
    finding = Finding(stage, "it is too much")
    for outputs in (judged(CODES), None):
        assert headline(outputs, [finding]) == f"{stage}: it is too much"


def test_a_failure_before_wrong_outputs_is_said_first() -> None:
    """A crash explains wrong outputs; the findings are in this order."""
    crash = Finding(Stage.FIRMWARE, "it faulted")
    verdict = judged(CODES, wrong=1)
    assert verdict.finding is not None
    assert headline(verdict, [crash, verdict.finding]) == "firmware: it faulted"


def test_a_failed_comparison_reads_as_verify_says_it() -> None:
    """Count, diagnosis, and the first wrong answers."""
    lines = failure_in_words(judged(CODES, wrong=7)).splitlines()
    assert lines[0] == "7 of 256 outputs differ from litert"
    assert lines[1].startswith("  broke  engine: 7 of 256 answers equal no reference")
    assert lines[2:] == [f"  wrong  input {n}: expected {n}, got {n ^ 1}" for n in range(-128, -123)]
    nothing = failure_in_words(judged(CODES[:0]))
    assert nothing == "harness: no input was checked, so nothing is shown"


def test_numbers_are_shown_as_they_differ() -> None:
    """Two float32 that differ look different; many numbers are cut, and counted."""
    one = float(np.float32(0.1))
    other = float(np.nextafter(np.float32(0.1), np.float32(1)))
    assert numbers_in_words([one, other, -0.0, 7]) == "0.1, 0.10000001, -0.0, 7"
    assert numbers_in_words(range(784)) == "0, 1, 2, 3, 4, 5, ... (784 in all)"


def test_a_wrong_answer_of_many_numbers_shows_one_that_differs() -> None:
    """The first few may all be right; the one that differs most is shown, and how many do."""
    expected = (*range(639), "NaN")
    got = (*range(600), 601, 603, *range(602, 639), "NaN")
    wrong = Difference(index=0, input=(1,) * 640, expected=expected, got=got)
    asked = "input 1, 1, 1, 1, 1, 1, ... (640 in all), output value"
    assert difference_in_words(wrong) == f"{asked} 601: expected 601, got 603 (2 of 640 differ)"
    lost = Difference(index=0, input=(1,) * 640, expected=expected, got=(*range(640),))
    assert difference_in_words(lost) == f"{asked} 639: expected NaN, got 639 (1 of 640 differs)"
