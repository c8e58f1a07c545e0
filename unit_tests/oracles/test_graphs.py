"""Files from converters that are no chains of dense layers: their integers equal both references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinysine.graph import Graph, read_network
from tinysine.oracles import integer_oracle, litert_oracle, tflm_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import arrays_of

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("name", ["batch8", "dense_on_3d", "flatten_first"])
@pytest.mark.parametrize("rounding", Rounding)
def test_a_converters_graph_equals_its_reference(name: str, rounding: Rounding) -> None:
    """A fixed batch, a dense layer on several rows, a RESHAPE before the first layer."""
    if rounding is Rounding.TFLM:
        pytest.importorskip("tflite_micro")
    model = read_network(CASES / f"{name}.tflite")
    assert isinstance(model, Graph)
    inputs = sample_inputs(model, seed=1, count=64).codes
    reference = litert_oracle(model) if rounding is Rounding.LITERT else tflm_oracle(model)
    wanted, got = reference.run(inputs), integer_oracle(model, rounding).run(inputs)
    for one, other in zip(arrays_of(wanted), arrays_of(got), strict=True):
        np.testing.assert_array_equal(one, other)
