"""Guess of the stage that most likely failed, from the shape of the differences alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.bits import bits_of, differing, same_bits
from tinysine.oracles import TFLM_FLOAT32, integer_oracle_name, rounding_of
from tinysine.quantization import Rounding
from tinysine.verdicts.stages import Finding, Stage


def attribute(
    *, device: NDArray[Any], answers: Mapping[str, NDArray[Any]], reference: str, rounding: Rounding
) -> Finding | None:
    """Name the stage that broke.

    Args:
        device: [n, outputs].
        answers: by oracle name, each [n, outputs].
        reference: the oracle that had to be equalled.
        rounding: which the firmware was built with.
    Returns:
        None when the device equals the reference and the references of this rounding agree.
    """
    expected = answers[reference]
    for check in (_references, _float32_product, _other_rounding):
        if finding := check(device, answers, reference, rounding):
            return finding
    wrong = differing(device, expected)
    if not wrong.any():
        return None
    return (
        _not_finite(device)
        or _zero_sign(device, expected)
        or _constant(device, expected)
        or _shifted(device, expected)
        or _sign_bit(device, expected)
        or _offset(device, expected)
        or Finding(
            Stage.ENGINE,
            f"{np.count_nonzero(wrong)} of {len(wrong)} answers equal no reference: "
            "the engine's arithmetic, or the weights in the image",
        )
    )


def _references(
    device: NDArray[Any], answers: Mapping[str, NDArray[Any]], reference: str, rounding: Rounding
) -> Finding | None:
    if rounding is Rounding.TFLM_FLOAT32:
        # Our integers judge alone; an interpreter can show that they are right in all but the product.
        reference, rounding = integer_oracle_name(Rounding.TFLM), Rounding.TFLM
        if reference not in answers:
            return None
    for name, answer in answers.items():
        if rounding_of(name) is not rounding or same_bits(answer, answers[reference]):
            continue
        side = "equals the first" if same_bits(device, answers[reference]) else "equals neither"
        if same_bits(device, answer):
            side = "equals the second"
        return Finding(
            Stage.ORACLES,
            f"{reference} and {name} round alike and must agree, but do not; the device {side}",
        )
    return None


def _other_rounding(
    device: NDArray[Any], answers: Mapping[str, NDArray[Any]], reference: str, rounding: Rounding
) -> Finding | None:
    if same_bits(device, answers[reference]):
        return None
    for name, answer in answers.items():
        other = rounding_of(name)
        if other not in (None, rounding) and same_bits(device, answer):
            return Finding(
                Stage.IMAGE,
                f"every answer equals {name}: the firmware rounds as {other} does, {rounding} was asked for",
            )
    return None


def _float32_product(
    device: NDArray[Any], answers: Mapping[str, NDArray[Any]], reference: str, _rounding: Rounding
) -> Finding | None:
    answer = answers.get(TFLM_FLOAT32)
    if answer is None or same_bits(device, answers[reference]) or not same_bits(device, answer):
        return None
    return Finding(
        Stage.ENGINE,
        f"every answer equals {TFLM_FLOAT32}: the engine multiplies the scales of a dense layer's input and weights in "
        f"float32, as TensorFlow Lite Micro does on a device, and {reference} in float64; --reference {TFLM_FLOAT32} "
        "asks for that",
    )


def _not_finite(device: NDArray[Any]) -> Finding | None:
    count = int(np.count_nonzero(~np.isfinite(device)))
    return Finding(Stage.ENGINE, f"{count} outputs are not finite numbers") if count else None


def _zero_sign(device: NDArray[Any], expected: NDArray[Any]) -> Finding | None:
    if not np.array_equal(device, expected):
        return None
    other = bits_of(device) != bits_of(expected)
    at = tuple(np.argwhere(other)[0])
    return Finding(
        Stage.ENGINE,
        f"{device[at]} instead of {expected[at]} in {np.count_nonzero(other)} of {other.size} outputs: equal as "
        "numbers, but not bit for bit; only the sign of a zero differs",
    )


def _is_constant(answers: NDArray[Any]) -> bool:
    return bool(np.all(bits_of(answers) == bits_of(answers[:1])))


def _constant(device: NDArray[Any], expected: NDArray[Any]) -> Finding | None:
    if len(device) > 1 and _is_constant(device) and not _is_constant(expected):
        return Finding(
            Stage.ENGINE, f"it answers {device[0].tolist()} whatever it is asked: the input is not used"
        )
    return None


def _shifted(device: NDArray[Any], expected: NDArray[Any]) -> Finding | None:
    if len(device) < 4 or _is_constant(expected):
        return None
    for which, got, due in (("before", device[1:], expected[:-1]), ("after", device[:-1], expected[1:])):
        if same_bits(got, due):
            return Finding(
                Stage.LINK, f"each answer belongs to the input {which}: inputs and answers are out of step"
            )
    return None


def _sign_bit(device: NDArray[Any], expected: NDArray[Any]) -> Finding | None:
    if device.dtype.itemsize == 1 and np.array_equal(device.view(np.uint8) ^ 0x80, expected.view(np.uint8)):
        return Finding(
            Stage.ENGINE, "every answer has its top bit flipped: signed and unsigned output are confused"
        )
    return None


def _offset(device: NDArray[Any], expected: NDArray[Any]) -> Finding | None:
    if not np.issubdtype(device.dtype, np.integer):
        return None
    difference = device.astype(np.int64) - expected.astype(np.int64)
    if len(device) > 1 and np.all(difference == difference[0]):
        return Finding(
            Stage.ENGINE,
            f"every answer is off by {difference[0].tolist()}: the last layer's bias or zero point",
        )
    return None
