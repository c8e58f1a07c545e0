"""The model that ships with the package is what its provenance says."""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources
from typing import Any

import numpy as np
import pytest


def _file(name: str) -> bytes:
    return (resources.files("tinysine.model") / "reference" / name).read_bytes()


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """The provenance that ships beside the model."""
    provenance: dict[str, Any] = json.loads(_file("sine_int8.json"))
    return provenance


def test_files_have_the_recorded_hashes(told: dict[str, Any]) -> None:
    """Both files are byte for byte the ones that were recorded."""
    assert set(told["sha256"]) == {"sine_int8.tflite", "sine_float.tflite"}
    for name, digest in told["sha256"].items():
        assert hashlib.sha256(_file(name)).hexdigest() == digest


def test_int8_error_against_the_sine_is_as_recorded(told: dict[str, Any]) -> None:
    """Over all 256 inputs, mean and largest error against math.sin are the recorded numbers."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=_file("sine_int8.tflite"), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    (first,), (last,) = interpreter.get_input_details(), interpreter.get_output_details()
    errors = []
    for code in range(-128, 128):
        interpreter.set_tensor(first["index"], np.array([[code]], np.int8))
        interpreter.invoke()
        scale, zero_point = last["quantization"]
        output = (int(interpreter.get_tensor(last["index"])[0, 0]) - zero_point) * scale
        scale, zero_point = first["quantization"]
        errors.append(abs(output - math.sin((code - zero_point) * scale)))
    assert np.mean(errors) == pytest.approx(told["int8_mae_vs_sine"], rel=1e-6)
    assert max(errors) == pytest.approx(told["int8_max_error_vs_sine"], rel=1e-6)
    assert np.mean(errors) < 0.03
