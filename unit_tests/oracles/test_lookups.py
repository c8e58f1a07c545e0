"""Operators that make one code of one code: every code, on many quantisations, held against both references."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.errors import ModelError
from tinysine.graph import Graph, parse_network
from tinysine.graph.lookup import Lookup
from tinysine.oracles import integer_oracle, litert_oracle, tflm_oracle
from tinysine.quantization import Quantization, Rounding
from trust.operators import DRAWS, references_of
from trust.operators.lookups import draw_lookup

MODELS = 20
OPERATORS = (
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOGISTIC",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "TANH",
)


@pytest.mark.parametrize(
    ("operator", "rounding"), [(operator, each) for operator in OPERATORS for each in references_of(operator)]
)
def test_every_code_has_the_answer_of_the_reference(operator: str, rounding: Rounding) -> None:
    """All 256 answers of a table, of random quantisations, are those of the interpreter."""
    if rounding is Rounding.TFLM:
        pytest.importorskip("tflite_micro")
    for seed in range(MODELS):
        model = parse_network(DRAWS[operator](np.random.default_rng([seed, 11])), file=f"{operator} {seed}")
        assert isinstance(model, Graph)
        limits = np.iinfo(model.given[0].dtype)
        codes = np.arange(limits.min, limits.max + 1).astype(model.given[0].dtype)[None]
        reference = litert_oracle(model) if rounding is Rounding.LITERT else tflm_oracle(model)
        np.testing.assert_array_equal(
            integer_oracle(model, rounding).run(codes), reference.run(codes), err_msg=f"{operator} {seed}"
        )


def test_the_references_differ_on_relu6() -> None:
    """One rescales and clamps the result, the other clamps the source's codes: each is answered as it does."""
    data = draw_lookup(
        np.random.default_rng(1), "RELU6", source=Quantization(0.1, 0), result=Quantization(0.05, -128)
    )
    model = parse_network(data, file="relu6")
    codes = np.full((1, 256), 30, np.int8)
    assert set(integer_oracle(model, Rounding.LITERT).run(codes).flat) == {60 - 128}
    assert set(integer_oracle(model, Rounding.TFLM).run(codes).flat) == {30}


def test_an_operator_that_a_reference_has_not_is_refused_for_it() -> None:
    """The reference of a build decides; the other one is named."""
    data = DRAWS["RELU_N1_TO_1"](np.random.default_rng(1))
    model = parse_network(data, file="relu")
    integer_oracle(model, Rounding.LITERT)
    with pytest.raises(
        ModelError, match="RELU_N1_TO_1, which makes 'output', is an operator that"
    ) as refusal:
        integer_oracle(model, Rounding.TFLM)
    assert "--reference litert" in refusal.value.hint


def test_an_answer_that_a_c_library_decides_is_refused_for_litert() -> None:
    """A tangent that lies on a tie in float32: LiteRT's answer is not the same on every computer."""
    data = draw_lookup(
        np.random.default_rng(1),
        "TANH",
        source=Quantization(0.10393886268138885, 0),
        result=Quantization(1 / 128, 0),
    )
    model = parse_network(data, file="tanh")
    assert isinstance(model, Graph)
    (node,) = model.nodes
    assert isinstance(node, Lookup)
    node.with_rounding(Rounding.TFLM)
    with pytest.raises(ModelError, match="a tie in float32") as refusal:
        node.with_rounding(Rounding.LITERT)
    assert "--reference tflm" in refusal.value.hint
