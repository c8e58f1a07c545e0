"""A soak: known answers over resets, and the first wrong one named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.device import Device
from tinysine.verify.soak import RESET_EVERY, Soak, WrongAnswer, soak

INPUTS = np.arange(-128, 128, dtype=np.int8).reshape(-1, 1)


def answer(codes: NDArray[Any]) -> NDArray[Any]:
    """The right answer."""
    return cast("NDArray[Any]", -codes - 1)


class Soaked:
    """A device that counts the inferences and frames since it was reset."""

    inferences_per_frame = 16

    def __init__(
        self, lie: Callable[[Soaked, NDArray[Any], NDArray[Any]], NDArray[Any]] | None = None
    ) -> None:
        self.lie, self.frames, self.resets = lie, 0, 0
        self.asked: list[int] = []

    def infer(self, codes: NDArray[Any], *, per_frame: int) -> NDArray[Any]:
        """Answer frame by frame."""
        answers = []
        for start in range(0, len(codes), per_frame):
            part = codes[start : start + per_frame]
            self.frames += 1
            right = answer(part)
            answers.append(self.lie(self, part, right) if self.lie else right)
            self.asked += part[:, 0].tolist()
        return np.concatenate(answers)

    def reset(self) -> Device:
        """Start anew."""
        self.frames, self.resets = 0, self.resets + 1
        return cast("Device", self)


def soaked(device: Soaked, count: int) -> Soak:
    """Soak it."""
    return soak(cast("Device", device), INPUTS, answer(INPUTS), count=count, seed=1, reset=device.reset)


@pytest.mark.parametrize(("count", "resets"), [(1, 0), (2, 0), (600, 1), (5000, 1), (3 * RESET_EVERY, 2)])
def test_a_right_device_is_asked_all_of_it(count: int, resets: int) -> None:
    """Exactly as many as were ordered, in frames of one and of many, over resets."""
    device = Soaked()
    done = soaked(device, count)
    assert (done.wanted, done.asked, done.wrong, done.resets) == (count, count, None, device.resets)
    assert done.resets in (resets, resets + 1)
    assert len(device.asked) == count
    assert count < 2000 or count / 2 < done.frames < count
    if count >= 5000:
        assert set(device.asked) == set(INPUTS[:, 0].tolist())
        repeated = any(len(set(device.asked[i : i + 100])) == 1 for i in range(count - 100))
        assert repeated


def test_the_first_wrong_answer_is_named() -> None:
    """A firmware that is right for 2,000 frames: which inference, its input, what was due, what came."""
    device = Soaked(lambda me, _codes, right: right ^ 1 if me.frames > 2000 else right)
    wrong = soaked(device, 10_000).wrong
    assert wrong is not None
    assert 2000 < wrong.since_reset <= wrong.number < 5000
    assert wrong.expected == (-wrong.input[0] - 1,)
    assert wrong.got == (int(wrong.expected[0]) ^ 1,)
    assert f"inference {wrong.number:,} of the soak" in str(wrong)


def test_late_faults_after_a_reset_are_found() -> None:
    """A firmware that is right until it was reset once."""
    device = Soaked(lambda me, _codes, right: right ^ 1 if me.resets else right)
    wrong = soaked(device, 1000).wrong
    assert wrong is not None
    assert wrong.since_reset == 1


def test_neighbours_are_told_apart() -> None:
    """Two float32 that differ in their last bit are shown with the digits that tell them apart."""
    one = float(np.float32(0.1))
    next_one = float(np.nextafter(np.float32(0.1), np.float32(1)))
    shown = str(WrongAnswer(1, 1, (0.0,), (one,), (next_one,)))
    assert "expected 0.1, got 0.10000001" in shown


def test_zeros_of_another_sign_are_wrong() -> None:
    """Answers are compared bit for bit."""
    inputs = np.ones((3, 1), np.float32)
    device: Any = Soaked()
    device.infer = lambda codes, per_frame: np.full(codes.shape, -0.0, np.float32)  # noqa: ARG005
    done = soak(device, inputs, np.zeros((3, 1), np.float32), count=3, seed=0, reset=device.reset)
    assert done.wrong is not None


def test_of_several_outputs_the_wrong_one_is_named() -> None:
    """Its numbers, and no others; the inputs are told all, tensor after tensor."""

    class Two(Soaked):
        def infer(self, codes: Any, *, per_frame: int) -> Any:  # noqa: ARG002 - the device's
            first, second = codes
            self.frames += 1
            right = second.astype(np.float32) / 2
            return answer(first), right + (self.frames > 20)

    device = Two()
    inputs = (INPUTS, INPUTS[::-1].repeat(2, axis=1))
    expected = (answer(INPUTS), inputs[1].astype(np.float32) / 2)
    names = ("codes", "levels")
    done = soak(
        cast("Device", device), inputs, expected, count=9_000, seed=1, reset=device.reset, names=names
    )
    assert done.wrong is not None
    assert done.wrong.output == "levels"
    first, second, _ = done.wrong.input
    assert first == -1 - second
    assert done.wrong.expected == (second / 2, second / 2)
    assert done.wrong.got == (second / 2 + 1, second / 2 + 1)
    assert "was wrong in the output 'levels': input" in str(done.wrong)
