"""Outputs: equality with the matching oracle, and the stage that broke."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.quantization import Rounding
from tinysine.verdicts import OutputsVerdict, Stage, choose_reference, judge_outputs
from tinysine.verdicts.wording import difference_in_words

ALL = np.arange(-128, 128, dtype=np.int8)[:, None]


def single() -> NDArray[np.int8]:
    """Return the answers of a made-up network with one rounding."""
    return np.round(127 * np.sin((ALL.astype(float) + 128) * 2 * np.pi / 256)).astype(np.int8)


def double() -> NDArray[np.int8]:
    """The same network with two roundings: a few answers are one step away."""
    other = single()
    other[[3, 50, 200]] += 1
    return other


def references() -> dict[str, NDArray[Any]]:
    """All four oracles, consistent with each other."""
    return {"litert": single(), "tflm": double(), "integer-single": single(), "integer-double": double()}


def judge(
    device: NDArray[Any], rounding: Rounding = Rounding.LITERT, **answers: NDArray[Any]
) -> OutputsVerdict:
    """Judge a device on all inputs, some oracles replaced."""
    replaced = references() | {name.replace("_", "-"): answer for name, answer in answers.items()}
    return judge_outputs(inputs=ALL, device=device, answers=replaced, rounding=rounding)


def test_equal_answers_pass_and_the_other_rounding_is_explained() -> None:
    """Equality with the matching oracle passes; others are counted and explained."""
    verdict = judge(single())
    assert verdict.passed
    assert (verdict.checked, verdict.exhaustive, verdict.reference) == (256, True, "litert")
    assert (verdict.mismatches, verdict.max_abs_diff, verdict.finding) == (0, 0, None)
    rows = verdict.against
    assert rows["tflm"].mismatches == 3
    assert rows["tflm"].max_abs_diff == 1
    assert "rounding" in rows["tflm"].explanation
    assert rows["integer-single"].explanation == ""


@given(st.integers(0, 255), st.integers(1, 255))
def test_one_wrong_answer_fails(index: int, step: int) -> None:
    """Any single answer that is off by any amount fails, and is shown with input, expected and got."""
    device = single()
    device[index] = (device[index].astype(np.int16) + step + 128) % 256 - 128
    verdict = judge(device)
    assert not verdict.passed
    assert verdict.mismatches == 1
    first = verdict.first_mismatches[0]
    assert (first.index, first.input, first.got) == (index, (index - 128,), tuple(device[index].tolist()))
    assert first.expected == tuple(single()[index].tolist())
    assert verdict.max_abs_diff == abs(first.got[0] - first.expected[0])


def flipped_sign(answers: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the answers of a device that confuses int8 and uint8."""
    return (answers.view(np.uint8) ^ 0x80).view(np.int8)


BROKEN = {
    "other rounding": (double(), Stage.IMAGE, "rounds as tflm"),
    "constant": (np.zeros_like(ALL), Stage.ENGINE, "whatever it is asked"),
    "one behind": (np.roll(single(), 1, axis=0), Stage.LINK, "the input before"),
    "one ahead": (np.roll(single(), -1, axis=0), Stage.LINK, "the input after"),
    "sign": (flipped_sign(single()), Stage.ENGINE, "top bit"),
    "offset": (np.clip(single().astype(int), -120, 120).astype(np.int8), Stage.ENGINE, "equal no reference"),
    "reversed": (single()[::-1].copy(), Stage.ENGINE, "equal no reference"),
    "too few": (single()[:-1], Stage.LINK, "255 answers to 256 inputs"),
    "none": (single()[:0], Stage.LINK, "0 answers to 256 inputs"),
    "too many": (np.vstack([single(), single()]), Stage.LINK, "512 answers"),
    "other dtype": (single().astype(np.uint8), Stage.FIRMWARE, "uint8"),
    "other shape": (np.hstack([single(), single()]), Stage.FIRMWARE, "[256, 2]"),
}


@pytest.mark.parametrize(("device", "stage", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_the_stage_that_broke_is_named(device: NDArray[Any], stage: Stage, reason: str) -> None:
    """Each kind of wrong answers fails, at the stage it points at, with a reason."""
    verdict = judge(device)
    assert not verdict.passed
    assert verdict.finding is not None
    assert verdict.finding.stage is stage
    assert reason in verdict.finding.reason


def test_a_constant_offset_is_named() -> None:
    """Every answer off by the same amount points at the last layer."""
    answers = (single() // 2).astype(np.int8)
    verdict = judge(answers + np.int8(5), litert=answers, integer_single=answers)
    assert verdict.finding is not None
    assert "off by [5]" in verdict.finding.reason


def test_tflm_firmware_must_equal_tflm() -> None:
    """With the other rounding asked for, the roles are exchanged."""
    assert judge(double(), Rounding.TFLM).passed
    verdict = judge(single(), Rounding.TFLM)
    assert verdict.finding is not None
    assert verdict.finding.stage is Stage.IMAGE


@pytest.mark.parametrize("name", ["litert", "integer_single"])
def test_an_oracle_off_by_one_fails(name: str) -> None:
    """A reference that is wrong in one answer cannot hide behind one that is right."""
    wrong = single()
    wrong[17] += 1
    verdict = judge(single(), **{name: wrong})
    assert not verdict.passed
    assert verdict.finding is not None
    assert verdict.finding.stage is Stage.ORACLES


def test_a_difference_nobody_can_explain_stays_unexplained() -> None:
    """An oracle of the other rounding that is not what its integer twin says gets no explanation."""
    strange = double()
    strange[100] += 1
    rows = judge(single(), tflm=strange).against
    assert rows["tflm"].mismatches == 4
    assert rows["tflm"].explanation == ""


def test_nothing_checked_cannot_pass() -> None:
    """No inputs is a failure, not a vacuous success."""
    nothing = ALL[:0]
    verdict = judge_outputs(
        inputs=nothing, device=nothing, answers={"litert": nothing}, rounding=Rounding.LITERT
    )
    assert not verdict.passed
    assert verdict.finding is not None
    assert verdict.finding.stage is Stage.HARNESS


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_float_answer_that_is_not_finite_fails(bad: float) -> None:
    """NaN and infinity are wrong answers, on the device or in the reference."""
    x = np.linspace(0, 6, 9, dtype=np.float32)[:, None]
    right = np.sin(x)
    device = right.copy()
    device[4] = bad
    verdict = judge_outputs(inputs=x, device=device, answers={"litert": right}, rounding=Rounding.LITERT)
    assert not verdict.passed
    assert verdict.mismatches == 1
    assert verdict.max_abs_diff is None
    both = judge_outputs(inputs=x, device=device, answers={"litert": device}, rounding=Rounding.LITERT)
    assert not both.passed
    assert both.finding is not None
    assert both.finding.stage is Stage.ORACLES


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=300))
def test_exhaustive_is_a_fact_about_the_inputs(codes: list[int]) -> None:
    """Only all 256 codes of one 8-bit input count as exhaustive."""
    inputs = np.array(codes, np.int8)[:, None]
    verdict = judge_outputs(
        inputs=inputs, device=inputs, answers={"litert": inputs}, rounding=Rounding.LITERT
    )
    assert verdict.passed
    assert verdict.exhaustive == (len(set(codes)) == 256)


def test_reference_falls_back_to_the_integer_arithmetic_of_the_same_rounding() -> None:
    """Without the tflm wheel, integer-double is the reference; without either there is none."""
    assert choose_reference(("litert", "integer-single", "integer-double"), Rounding.TFLM) == "integer-double"
    assert choose_reference(("litert", "tflm", "integer-double"), Rounding.TFLM) == "tflm"
    with pytest.raises(ConfigError, match="no oracle"):
        choose_reference(("litert",), Rounding.TFLM)


@pytest.mark.parametrize(
    ("expected", "got", "reason"),
    [
        (0.0, -0.0, "-0.0 instead of 0.0 in 1 of 3 outputs"),
        (-0.0, 0.0, "0.0 instead of -0.0 in 1 of 3 outputs"),
        (0.1, np.nextafter(np.float32(0.1), np.float32(1)), "1 of 3 answers equal no reference"),
    ],
)
def test_floats_are_compared_bit_for_bit(expected: float, got: float, reason: str) -> None:
    """A zero of the other sign, and the least step of a float32, are wrong; the finding says which it is."""
    inputs = np.arange(3, dtype=np.float32)[:, None]
    right = np.array([[1.0], [expected], [2.0]], np.float32)
    device = right.copy()
    device[1] = got
    verdict = judge_outputs(inputs=inputs, device=device, answers={"litert": right}, rounding=Rounding.LITERT)
    assert not verdict.passed
    assert verdict.mismatches == 1
    assert verdict.finding is not None
    assert reason in verdict.finding.reason
    due, answered = difference_in_words(verdict.first_mismatches[0]).split("expected ")[1].split(", got ")
    assert due != answered


def test_a_nan_of_any_payload_is_wrong() -> None:
    """It is no number, whatever its bits."""
    right = np.zeros((2, 1), np.float32)
    for payload in (0x7FC00000, 0xFFC00001, 0x7F800001):
        device = right.copy()
        device.view(np.uint32)[1] = payload
        verdict = judge_outputs(
            inputs=right, device=device, answers={"litert": right}, rounding=Rounding.LITERT
        )
        assert (verdict.passed, verdict.mismatches) == (False, 1)
        assert "not finite" in str(verdict.finding)


def test_references_that_differ_in_the_sign_of_a_zero_disagree() -> None:
    """The references, like the device, are compared with the signs of their zeros."""
    right = np.zeros((4, 1), np.float32)
    verdict = judge_outputs(
        inputs=right,
        device=right,
        answers={"litert": right, "integer-single": -right},
        rounding=Rounding.LITERT,
    )
    assert verdict.finding is not None
    assert verdict.finding.stage is Stage.ORACLES
