"""Tables of all answers: every entry on its core, any number of outputs, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.codegen import generate, has_few_answers
from tinysine.errors import ConfigError
from tinysine.graph import Network, parse_chain, parse_network, read_network
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.quantization import INTERPRETED, Quantization, Rounding
from tinysine.tensor_values import arrays_of
from tinysine.tflite.graph_writer import GraphWriter
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import Variant
from trust.operators.dense_chain import random_network
from trust.operators.drawing import activation

VARIANTS = [
    Variant("cortex-m4", "gcc", "table"),
    *(
        pytest.param(Variant(core, compiler, "table"), marks=pytest.mark.long)
        for core, compiler in (("cortex-m0", "gcc"), ("cortex-m3", "zig"), ("cortex-m7", "zig"))
    ),
]


def of_two_outputs() -> Network:
    """One input; its tanh, and three values of a dense layer."""
    graph, q = GraphWriter(), Quantization(1 / 64, 3)
    first = activation(graph, "input", (1, 1), q)
    bent = activation(graph, "bent", (1, 1), Quantization(1 / 128, 0))
    graph.operator("TANH", [first], [bent])
    weights = graph.tensor("w", "int8", (3, 1), scale=0.01, data=np.array([[-127], [3], [90]], np.int8))
    last = activation(graph, "dense", (1, 3), Quantization(1 / 90, -7))
    graph.operator("FULLY_CONNECTED", [bent, weights, -1], [last], "FullyConnectedOptions", {})
    return parse_network(graph.finish([first], [last, bent]), file="two outputs")


def models() -> dict[str, Network]:
    """With one output, with several values of each dtype, and with several outputs."""
    found: dict[str, Network] = {"sine": read_network(REFERENCE_MODEL), "two": of_two_outputs()}
    for number, (source, result) in enumerate(
        (source, result) for source in ("int8", "uint8") for result in ("int8", "uint8", "float32")
    ):
        data = random_network(
            np.random.default_rng([number, 0x7AB1E]),
            widths=[1, 6, 1 + number],
            input_type=source,  # type: ignore[arg-type]
            output_type=result,  # type: ignore[arg-type]
        )
        found[f"e{number}"] = parse_chain(data, file=f"table {number}")
    return found


@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: f"{variant.core}-{variant.compiler}")
def test_every_entry_is_the_references(variant: Variant, tmp_path: Path) -> None:
    """On an emulated core: all 256 inputs of each model, as the integers of either reference answer them."""
    cases = {
        f"{name}_{rounding}": (model, rounding)
        for name, model in models().items()
        for rounding in INTERPRETED
    }
    engines = {
        name: generate(model, rounding=rounding, optimize="table", core=variant.core)
        for name, (model, rounding) in cases.items()
    }
    assert all(engine.arena_bytes == 0 for engine in engines.values())
    machine = Machine(build({name: e.source for name, e in engines.items()}, variant, tmp_path), variant.core)
    for name, (model, rounding) in cases.items():
        assert has_few_answers(model)
        inputs = np.arange(256, dtype=np.uint8).view(model.inputs[0].dtype)[::-1].reshape(-1, 1).copy()
        got: Any = machine.run(name, inputs, outputs=model.outputs)
        assert not isinstance(got, str), got
        wanted = arrays_of(integer_oracle(model, rounding).run(inputs))
        assert len(wanted) == len(model.outputs)
        for have, due in zip(arrays_of(got), wanted, strict=True):
            np.testing.assert_array_equal(have, due, err_msg=name)
        values = sum(end.count * end.dtype.itemsize for end in model.outputs)
        assert engines[name].constant_bytes == (256 * values,)


@pytest.mark.parametrize(
    ("input_type", "widths", "what"),
    [("int8", [2, 3], "2 values"), ("float32", [1, 3], "one float32"), ("uint8", [640, 2], "640 values")],
)
def test_other_models_are_refused(input_type: str, widths: list[int], what: str) -> None:
    """With what their input is."""
    data = random_network(np.random.default_rng(3), widths=widths, input_type=input_type)  # type: ignore[arg-type]
    model = parse_chain(data, file="x")
    assert not has_few_answers(model)
    with pytest.raises(ConfigError, match=f"the input of the model is {what}, not one of 8 bits"):
        generate(model, rounding=Rounding.LITERT, optimize="table", core="cortex-m4")


def test_a_table_is_pruned_of_nothing() -> None:
    """Both together are a mistake."""
    with pytest.raises(ConfigError, match="no neurons to prune"):
        generate(
            read_network(REFERENCE_MODEL), rounding=Rounding.LITERT, optimize="table", prune=True, core="host"
        )
