"""A person with a plain serial terminal gets a short readable answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.device import Device
from tinysine.graph import Network
from tinysine.oracles import Oracle
from tinysine.quantization import dequantize, quantize
from tinysine.verdicts import OutputsVerdict

AssertEqual = Callable[[NDArray[Any], NDArray[Any]], OutputsVerdict]


@pytest.fixture
def one_number(tinysine_model: Network) -> Network:
    """The model, if a person can type its input."""
    if tinysine_model.input.count != 1 or tinysine_model.output.count != 1:
        pytest.skip("a line holds one number, and this model takes or gives more")
    return tinysine_model


@pytest.mark.parametrize("line", ["1.5708", "0", "-1", "+3.1416", "6.2", ".5", "4.", "100000", "-0.25"])
def test_number_typed_is_inferred(
    tinysine_device: Device, one_number: Network, tinysine_reference: Oracle, line: str
) -> None:
    """The answer holds what the reference infers from the number, as a real and as a code."""
    answer = tinysine_device.text(line)
    numbers = [float(number) for number in re.findall(r"[-+]?\d+(?:\.\d+)?(?:e\d+)?", answer)]
    x = np.array([[float(line)]], np.float32)
    quantization = one_number.input.quantization
    asked = x if quantization is None else quantize(x, quantization, one_number.input.dtype)
    code = tinysine_reference.run(asked)
    out = one_number.output.quantization
    real = float((code if out is None else dequantize(code, out))[0, 0])
    assert any(number == pytest.approx(real, abs=1e-4) for number in numbers), answer
    if out is not None:
        assert int(code[0, 0]) in numbers, answer


@pytest.mark.parametrize("line", ["hello", "1.2.3", "nan", "inf", "--1", "1e3", "-", "9" * 40])
def test_line_that_is_no_number_gets_an_explanation(tinysine_device: Device, line: str) -> None:
    """Anything that is no plain number, or none that float32 can hold, is answered in words, in one line."""
    answer = tinysine_device.text(line)
    assert re.search("[A-Za-z]{3}", answer)
    assert len(answer.splitlines()) == 1


def test_question_mark_tells_what_can_be_typed(tinysine_device: Device) -> None:
    """`?` is answered with help."""
    assert "tinysine" in tinysine_device.text("?")


def test_text_and_frames_do_not_disturb_each_other(
    tinysine_device: Device, one_number: Network, tinysine_assert_equal: AssertEqual
) -> None:
    """Lines between frames change no answer, and are counted as text."""
    lines = tinysine_device.counters().text_lines
    codes = np.zeros((3, 1), one_number.input.dtype)
    for _ in range(3):
        tinysine_device.text("1")
        tinysine_assert_equal(codes, tinysine_device.infer(codes))
    assert tinysine_device.counters().text_lines == lines + 3
