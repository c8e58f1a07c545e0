"""A mean whose addresses GCC 12 writes as 0 plus an offset: it took 0 for no address, and dropped the call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinysine.codegen import generate
from tinysine.graph import parse_network
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tflite.graph_writer import GraphWriter
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import AMPLE, Variant
from trust.conformance.trial import difference


@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4"])
def test_a_mean_of_two_channels_is_computed(core: str, tmp_path: Path) -> None:
    """Half of the sum of two neighbours: one loop is left, over both buffers, which lie side by side."""
    graph = GraphWriter()
    codes = graph.tensor("input", "int8", [1, 8, 7, 2], scale=0.01, zero_point=0)
    axes = graph.tensor("axes", "int32", [2], data=[0, 3])
    mean = graph.tensor("output", "int8", [8, 7], scale=0.01, zero_point=99)
    graph.operator("MEAN", [codes, axes], [mean], "ReducerOptions", {"keepDims": 0})
    model = parse_network(graph.finish([codes], [mean]), file="mean")
    asked = sample_inputs(model, seed=0, count=16).codes
    variant = Variant(core, "gcc", "speed")
    source = generate(model, rounding=Rounding.TFLM, core=core, room=AMPLE).source
    machine = Machine(build({"mean": source}, variant, tmp_path), core)
    got = machine.run("mean", asked, outputs=model.outputs)
    assert not isinstance(got, str), got
    assert difference(asked, got, integer_oracle(model, Rounding.TFLM).run(asked)) == ""
