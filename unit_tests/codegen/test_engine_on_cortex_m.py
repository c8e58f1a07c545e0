"""The generated engine, compiled for its core by both compilers, on an emulated core: cases and figures.

Random networks of every kind on every core: test_engines_on_their_cores.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from tinysine.boards import load_board
from tinysine.codegen import generate
from tinysine.emulation.cycles import REFILL, estimated_tenths
from tinysine.emulation.elf import read_program
from tinysine.graph import Network, parse_network, read_network
from tinysine.image import BuildOptions, Image, build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.profiling import Trace, layer_costs, trace_call
from tinysine.quantization import Rounding
from tinysine.stimuli import all_inputs, sample_inputs
from trust.conformance import image
from trust.conformance.networks import Case, Variant, vectors
from trust.conformance.trial import try_cases
from trust.operators.dense_chain import random_network

CASES = Path(__file__).parents[1] / "cases"
CASES_WITH_ROUNDING = {
    "asm_3_24_8_1": Rounding.LITERT,
    "asm_n11": Rounding.TFLM,
    "asm_n109": Rounding.LITERT,
    "m7_64_16_10_f": Rounding.LITERT,
    "m4_1_15_3_8": Rounding.TFLM,
    "m4_14_2_1_u8": Rounding.TFLM,
    "m4_15_6_1": Rounding.TFLM,
    "m7_15_8_1_u8": Rounding.TFLM,
    "m7_16_2_1": Rounding.LITERT,
}
PROGRAMS = {"gcc": "arm-none-eabi-gcc", "zig": "ziglang"}


def check(
    model: Network,
    inputs: np.ndarray,
    toolchain: str,
    optimize: str,
    rounding: Rounding,
) -> list[int]:
    """Compare every output; give back the instructions of each inference."""
    board = load_board("nano33ble-sense")
    image = build_image(
        model, board, options=BuildOptions(rounding=rounding, optimize=optimize, toolchain=toolchain)
    )
    expected = integer_oracle(model, rounding).run(inputs)
    counts = []
    for codes, wanted in zip(inputs, expected, strict=True):
        trace = trace_call(image, inputs=(codes.tobytes(),), output_bytes=(wanted.nbytes,))
        np.testing.assert_array_equal(np.frombuffer(trace.outputs[0], wanted.dtype), wanted)
        counts.append(len(trace.addresses))
    return counts


@pytest.mark.parametrize(
    "toolchain", [pytest.param("gcc", marks=pytest.mark.needs("arm-none-eabi-gcc")), "zig"]
)
@pytest.mark.parametrize("core", ["cortex-m4", pytest.param("cortex-m7", marks=pytest.mark.long)])
def test_rows_keep_their_inputs(core: str, toolchain: str, require: Callable[[str], str]) -> None:
    """Networks on which a compiler put an input into a register that the row's assembly overwrites, or found none."""
    require(PROGRAMS[toolchain])
    models = [read_network(CASES / f"{name}.tflite") for name in CASES_WITH_ROUNDING]
    variant = Variant(core, toolchain, "speed")
    cases = [
        Case(number, variant, rounding, model, vectors(model, seed=0))
        for number, (model, rounding) in enumerate(zip(models, CASES_WITH_ROUNDING.values(), strict=True))
    ]
    assert [result.failure for result in try_cases(cases)] == [""] * len(cases)


@pytest.mark.parametrize(
    "toolchain",
    [
        pytest.param("gcc", marks=pytest.mark.needs("arm-none-eabi-gcc")),
        pytest.param("zig", marks=pytest.mark.long),
    ],
)
def test_no_call_comes_between_inputs_and_rows(
    toolchain: str, monkeypatch: pytest.MonkeyPatch, require: Callable[[str], str]
) -> None:
    """A sketch may be compiled without inlining: a call would overwrite what stands in r12 and lr."""
    require(PROGRAMS[toolchain])
    monkeypatch.setitem(image._APART, toolchain, (*image._APART[toolchain], "-Os", "-fno-inline"))
    model = read_network(CASES / "m4_15_6_1.tflite")
    case = Case(0, Variant("cortex-m4", toolchain, "speed"), Rounding.TFLM, model, vectors(model, seed=0))
    assert [result.failure for result in try_cases([case])] == [""]


@pytest.mark.parametrize(
    "toolchain", [pytest.param("gcc", marks=pytest.mark.needs("arm-none-eabi-gcc")), "zig"]
)
@pytest.mark.parametrize("rounding", [Rounding.LITERT, pytest.param(Rounding.TFLM, marks=pytest.mark.long)])
def test_reference_model_takes_few_instructions(toolchain: str, rounding: Rounding) -> None:
    """Outputs are right, each inference takes the same number of instructions, and at most 400."""
    model = read_network(REFERENCE_MODEL)
    counts = check(model, all_inputs(model).codes[::8], toolchain, "speed", rounding)
    assert len(set(counts)) == 1
    assert counts[0] <= 400


@pytest.mark.parametrize(
    "toolchain",
    [
        pytest.param("gcc", marks=pytest.mark.needs("arm-none-eabi-gcc")),
        pytest.param("zig", marks=pytest.mark.long),
    ],
)
def test_autoencoder_runs_in_loops(toolchain: str) -> None:
    """A network of the size of MLPerf Tiny's autoencoder is right, and its code does not grow with its widths."""
    widths = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    data = random_network(np.random.default_rng(1), widths=widths, activation="relu", style="trained")
    model = parse_network(data, file="autoencoder")
    inputs = sample_inputs(model, seed=0, count=1).codes[:1]
    counts = check(model, inputs, toolchain, "speed", Rounding.LITERT)
    macs = model.multiply_accumulates
    assert macs == 264_192
    assert counts[0] < 1.25 * macs  # row lanes: more instructions than two bytes a weight, and fewer cycles
    sizes = build_image(model, load_board("nano33ble-sense"), options=BuildOptions(toolchain=toolchain)).sizes
    assert sizes.engine_bytes - sizes.model_bytes < 3_000


def test_layers_share_out_what_an_inference_costs() -> None:
    """Instructions and estimated cycles of all layers are those of the trace; a core that is not estimated has none."""
    model, board = read_network(REFERENCE_MODEL), load_board("nano33ble-sense")
    image = build_image(model, board, options=BuildOptions(toolchain="zig"))
    engine = generate(model, rounding=Rounding.LITERT, optimize="speed", core=board.core)
    trace = trace_call(image, inputs=(bytes(1),), output_bytes=(1,))
    costs = layer_costs(model, engine, image)
    assert sum(cost.instructions for cost in costs) == len(trace.addresses) == len(trace.tenths)
    assert sum(cost.estimated_cycles or 0 for cost in costs) == pytest.approx(counted_again(image, trace))
    elsewhere = dataclasses.replace(image, board=structs.replace(board, core="cortex-m7"))
    assert {cost.estimated_cycles for cost in layer_costs(model, engine, elsewhere)} == {None}


def counted_again(image: Image, trace: Trace) -> float:
    """Estimated cycles of a trace, from one branch that was taken to the next."""
    (segment,) = (each for each in read_program(image.elf).segments if each.address <= trace.addresses[0])
    cycles, start = 0.0, 0
    for at, address in enumerate(trace.addresses):
        end = address + trace.sizes[address]
        if at + 1 == len(trace.addresses) or trace.addresses[at + 1] != end:
            first, last = (where - segment.address for where in (trace.addresses[start], end))
            cycles += (sum(estimated_tenths(segment.data[first:last])) + REFILL) / 10
            start = at + 1
    return cycles
