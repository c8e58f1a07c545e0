"""uint8 and float32 ends: converted in the arena and in place, so that no width of them takes stack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinysine.boards import load_board
from tinysine.codegen import generate
from tinysine.graph import Network, parse_network, read_network
from tinysine.image import build_image
from tinysine.oracles import integer_oracle
from tinysine.profiling.trace import trace_call
from tinysine.quantization import Rounding
from tinysine.stimuli import sample_inputs
from trust.operators.dense_chain import random_network

CASES = Path(__file__).parents[1] / "cases"
ENDS = ("int8", "uint8", "float32")
STACK_BYTES = 256  # of an inference, whatever its ends


def network(widths: tuple[int, ...], *, ends: tuple[Any, Any], seed: int = 4) -> Network:
    """A network with ends of these dtypes."""
    rng = np.random.default_rng(seed)
    data = random_network(rng, widths=widths, style="trained", input_type=ends[0], output_type=ends[1])
    return parse_network(data, file="ends")


@settings(max_examples=30)
@given(
    inputs=st.integers(1, 40),
    hidden=st.lists(st.integers(1, 40), max_size=3),
    dtype=st.sampled_from(ENDS),
    optimize=st.sampled_from(["speed", "size"]),
    core=st.sampled_from(["cortex-m0", "cortex-m4"]),
)
def test_codes_of_the_input_share_the_arena_with_what_is_not_yet_there(
    inputs: int, hidden: list[int], dtype: str, optimize: Any, core: str
) -> None:
    """They and the first layer's outputs lie apart and within the arena; int8 inputs need no codes."""
    model = network((inputs, *hidden, 3), ends=(dtype, "int8"))
    plan = generate(model, rounding=Rounding.LITERT, optimize=optimize, core=core).plan
    assert (plan.codes_offset is None) == (dtype == "int8" or inputs == 1)
    if plan.codes_offset is None:
        return
    codes = set(range(plan.codes_offset, plan.codes_offset + inputs))
    first = plan.layers[0]
    outputs = set() if first.offset is None else set(range(first.offset, first.offset + first.layer.outputs))
    assert not codes & outputs
    assert codes | outputs <= set(range(plan.arena_bytes))


@pytest.mark.parametrize("source", ENDS)
@pytest.mark.parametrize("target", ENDS)
def test_every_pair_of_ends_is_right(run_engine: Callable[..., Any], source: str, target: str) -> None:
    """Nothing is written over before it was read, nor beyond what the engine was given."""
    model = network((9, 5, 7), ends=(source, target))
    asked = sample_inputs(model, seed=1, count=64).codes
    got = run_engine(model, asked, rounding=Rounding.LITERT, core="cortex-m4")
    np.testing.assert_array_equal(got, integer_oracle(model, Rounding.LITERT).run(asked))


@pytest.mark.parametrize("wide", ["img32_u8", "float32 460 + 460"])
def test_wide_ends_take_no_stack_on_the_core(wide: str) -> None:
    """1,024 uint8 inputs, 460 float32 ones and as many outputs: right, and far from the end of the stack."""
    is_case = wide == "img32_u8"
    model = (
        read_network(CASES / f"{wide}.tflite")
        if is_case
        else network((460, 12, 460), ends=("float32", "float32"))
    )
    board = load_board("nano33ble-sense")
    image = build_image(model, board)
    assert image.stack_bound_bytes is not None
    assert image.stack_bound_bytes <= STACK_BYTES
    assert image.arena_bytes >= model.input.count
    inputs = sample_inputs(model, seed=0, count=16).codes[:3]
    for codes, wanted in zip(inputs, integer_oracle(model, Rounding.LITERT).run(inputs), strict=True):
        trace = trace_call(image, inputs=(codes.tobytes(),), output_bytes=(wanted.nbytes,))
        np.testing.assert_array_equal(np.frombuffer(trace.outputs[0], wanted.dtype), wanted)
