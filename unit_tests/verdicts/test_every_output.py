"""Several outputs: each is held against its own reference, and a wrong one is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.model import Tensor
from tinysine.quantization import Quantization, Rounding
from tinysine.verdicts import OutputsVerdict, Stage, Tolerance, judge_every_output
from tinysine.verdicts.wording import difference_in_words, failure_in_words, how_in_words

COUNT = 20
RNG = np.random.default_rng(5)
INPUTS = (RNG.normal(size=(COUNT, 2)).astype(np.float32), RNG.integers(-128, 128, (COUNT, 3)).astype(np.int8))
LEVELS = RNG.normal(size=(COUNT, 2)).astype(np.float32)
CODES = RNG.integers(-100, 100, (COUNT, 3)).astype(np.int8)
TENSORS = (
    Tensor("levels", np.dtype(np.float32), (1, 2), None),
    Tensor("codes", np.dtype(np.int8), (1, 3), Quantization(0.5, 3)),
)


def judge(levels: NDArray[Any], codes: NDArray[Any], **options: Any) -> OutputsVerdict:
    """Judge a device with two outputs."""
    return judge_every_output(
        TENSORS,
        inputs=INPUTS,
        device=(levels, codes),
        answers={"litert": (LEVELS, CODES), "tflm": (LEVELS, CODES)},
        rounding=Rounding.LITERT,
        **options,
    )


def changed(array: NDArray[Any], row: int, by: float) -> NDArray[Any]:
    """A copy with one number changed."""
    other = array.copy()
    other[row, 1] += array.dtype.type(by)
    return other


def test_equal_outputs_pass_each_and_together() -> None:
    """Every output has a verdict of its own, with metrics."""
    verdict = judge(LEVELS, CODES)
    assert verdict.passed
    assert (verdict.checked, verdict.mismatches, verdict.max_abs_diff, verdict.finding) == (COUNT, 0, 0, None)
    assert verdict.domain_bits == 8 * (2 * 4 + 3)
    assert [(o.name, o.dtype, o.elements) for o in verdict.tensors] == [
        ("levels", "float32", 2),
        ("codes", "int8", 3),
    ]
    assert all(output.metrics is not None for output in verdict.tensors)


@pytest.mark.parametrize("wrong", [0, 1])
def test_the_wrong_output_is_named(wrong: int) -> None:
    """And no other."""
    outputs = [LEVELS, CODES]
    outputs[wrong] = changed(outputs[wrong], 7, 1)
    verdict = judge(*outputs)
    name, other = ("levels", "codes")[wrong], ("codes", "levels")[wrong]
    assert not verdict.passed
    assert verdict.mismatches == 1
    assert verdict.finding is not None
    assert verdict.finding.stage is Stage.ENGINE
    assert verdict.finding.reason.startswith(f"output {name!r}: 1 of {COUNT} answers")
    assert other not in verdict.finding.reason
    assert [output.mismatches for output in verdict.tensors] == [int(wrong == 0), int(wrong == 1)]
    (first,) = verdict.first_mismatches
    assert (first.index, first.output) == (7, name)
    assert first.input == (*INPUTS[0][7].tolist(), *INPUTS[1][7].tolist())
    assert difference_in_words(first).startswith(f"output {name!r} of input ")
    assert name in failure_in_words(verdict)


def test_an_inference_with_two_wrong_outputs_counts_once() -> None:
    """Both are named; the union is counted, not the sum."""
    verdict = judge(changed(changed(LEVELS, 3, 1), 4, 1), changed(CODES, 4, 9))
    assert verdict.mismatches == 2
    assert [output.mismatches for output in verdict.tensors] == [2, 1]
    assert [(name, row.mismatches) for name, row in verdict.against.items()] == [("litert", 2), ("tflm", 2)]
    assert verdict.finding is not None
    assert "output 'levels': " in verdict.finding.reason
    assert "output 'codes': " in verdict.finding.reason
    assert [(first.index, first.output) for first in verdict.first_mismatches] == [
        (3, "levels"),
        (4, "levels"),
        (4, "codes"),
    ]


def test_swapped_outputs_are_found() -> None:
    """Of one dtype and shape, the second where the first is due."""
    tensors = (TENSORS[1], replace(TENSORS[1], name="more"))
    more = CODES[:, ::-1].copy()
    verdict = judge_every_output(
        tensors,
        inputs=INPUTS,
        device=(more, CODES),
        answers={"litert": (CODES, more)},
        rounding=Rounding.LITERT,
    )
    assert all(output.mismatches for output in verdict.tensors)


def test_a_tolerance_goes_by_the_dtype() -> None:
    """Codes for the one, an absolute one for the other; the words name both, and by which output."""
    near = judge(changed(LEVELS, 1, 1e-4), changed(CODES, 2, 2), tolerance=Tolerance(2, 1e-3))
    assert near.passed
    assert (near.mismatches, near.tolerated) == (0, 2)
    assert how_in_words(near)[1] == (
        "within 0.001 in 'levels' and 2 codes in 'codes' of litert, as was asked for (2 not equal)"
    )
    assert not judge(changed(LEVELS, 1, 1e-4), CODES, tolerance=Tolerance(codes=2)).passed
    assert not judge(LEVELS, changed(CODES, 2, 2), tolerance=Tolerance(absolute=9.0)).passed


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ((LEVELS,), "gives 1 outputs, the model 2"),
        ((LEVELS, CODES[:-1]), "output 'codes': the device gave 19 answers to 20 inputs"),
        ((LEVELS, CODES.astype(np.int16)), "output 'codes': the device answers int16"),
    ],
)
def test_outputs_that_cannot_be_compared_fail(device: tuple[NDArray[Any], ...], said: str) -> None:
    """Nothing counts as checked then."""
    verdict = judge_every_output(
        TENSORS, inputs=INPUTS, device=device, answers={"litert": (LEVELS, CODES)}, rounding=Rounding.LITERT
    )
    assert not verdict.passed
    assert (verdict.checked, verdict.exhaustive) == (0, False)
    assert verdict.finding is not None
    assert said in verdict.finding.reason


def test_two_inputs_of_one_code_are_known_to_be_all() -> None:
    """Exhaustive by what was asked, over both tensors; one pair missing, and it is a sample."""
    codes = np.arange(-128, 128).astype(np.int8)
    first, second = (array.reshape(-1, 1) for array in np.meshgrid(codes, codes, indexing="ij"))

    def verdict(inputs: tuple[NDArray[Any], ...]) -> OutputsVerdict:
        answer = inputs[0]
        return judge_every_output(
            TENSORS[1:], inputs=inputs, device=answer, answers={"litert": answer}, rounding=Rounding.LITERT
        )

    assert verdict((first, second)).exhaustive
    again = second.copy()
    again[5] = again[6]
    assert not verdict((first, again)).exhaustive
