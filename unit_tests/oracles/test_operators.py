"""Each operator in integers, held against both references on random models of that operator."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from tinysine.graph import parse_network
from tinysine.oracles import integer_oracle, litert_oracle, tflm_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import arrays_of
from trust.operators import DRAWS

MODELS, INPUTS = 25, 12
# What a reference answers otherwise than the other: the model names its reference.
ONLY: dict[str, Rounding] = {}


@pytest.mark.parametrize("operator", DRAWS)
@pytest.mark.parametrize("rounding", Rounding)
def test_an_operator_equals_its_reference(operator: str, rounding: Rounding) -> None:
    """All outputs of random models equal those of LiteRT's BUILTIN_REF, or of TensorFlow Lite Micro."""
    if rounding is Rounding.TFLM:
        pytest.importorskip("tflite_micro")
    for seed in range(MODELS):
        model = parse_network(
            DRAWS[operator](np.random.default_rng([seed, zlib.crc32(operator.encode())])),
            file=f"{operator} {seed}",
        )
        inputs = sample_inputs(model, seed=seed, count=INPUTS).codes
        reference = litert_oracle(model) if rounding is Rounding.LITERT else tflm_oracle(model)
        wanted, got = reference.run(inputs), integer_oracle(model, rounding).run(inputs)
        for one, other in zip(arrays_of(wanted), arrays_of(got), strict=True):
            np.testing.assert_array_equal(one, other, err_msg=f"{operator} {seed}")
