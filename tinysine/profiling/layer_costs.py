"""Costs of each layer: instructions and code from one traced inference, constants from the generator."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from tinysine.codegen import GeneratedEngine, layer_at_line
from tinysine.graph import Network
from tinysine.image import Image, read_lines
from tinysine.profiling.trace import trace_call

ENGINE_FILE = "engine.c"


@dataclass(frozen=True)
class LayerCost:
    """One layer, or what belongs to none.

    Attributes:
        name: for people.
        multiply_accumulates: of one inference.
        instructions: executed in one inference, measured.
        constant_bytes: in flash.
        code_bytes: of the instructions executed for this layer and for no other.
        scratch_bytes: in the arena, for its outputs.
        floor: instructions that dual multiply-accumulates and requantisations of two would take alone; None
            where there is no layer.
        estimated_cycles: of one inference on a Cortex-M4, as the emulator estimates them; None on another core.
    """

    name: str
    multiply_accumulates: int
    instructions: int
    constant_bytes: int
    code_bytes: int
    scratch_bytes: int
    floor: int | None
    estimated_cycles: float | None = None


def layer_costs(model: Network, engine: GeneratedEngine, image: Image) -> tuple[LayerCost, ...]:
    """Trace one inference of an image and share it out.

    Args:
        model: the network; its smallest input codes are inferred.
        engine: as generated for the image.
        image: built from that engine, for an Arm core.
    Returns:
        the layers in order, then what comes before and after them.
    """
    zeros = tuple(np.zeros(tensor.count, tensor.dtype).tobytes() for tensor in model.inputs)
    trace = trace_call(image, inputs=zeros, output_bytes=tuple(tensor.nbytes for tensor in model.outputs))
    lines = read_lines(image.elf)
    layer_of_line = layer_at_line(engine.source)
    # An instruction from a header belongs to the layer under way; one from engine.c says itself where it belongs.
    layers_at: dict[int, set[int | None]] = defaultdict(set)
    counts: Counter[int | None] = Counter()
    tenths: Counter[int | None] = Counter()
    current: int | None = None
    for address, cost in zip(trace.addresses, trace.tenths, strict=True):
        place = lines.place_of(address)
        if place is not None and place[0] == ENGINE_FILE:
            current = layer_of_line(place[1])
        counts[current] += 1
        tenths[current] += cost
        layers_at[address].add(current)
    code: Counter[int | None] = Counter()
    for address, layers in layers_at.items():
        if len(layers) == 1:
            (owner,) = layers
            code[owner] += trace.sizes[address]
    estimated = image.board.core == "cortex-m4"

    def cycles(layer: int | None) -> float | None:
        return tenths[layer] / 10 if estimated else None

    rows = [
        LayerCost(
            name=f"{number}: {layer.name}",
            multiply_accumulates=layer.multiply_accumulates,
            instructions=counts[number],
            constant_bytes=layer.constant_bytes,
            code_bytes=code[number],
            scratch_bytes=layer.scratch_bytes,
            floor=-(-layer.multiply_accumulates // 2) + 2 * layer.outputs,
            estimated_cycles=cycles(number),
        )
        for number, layer in enumerate(engine.layers)
    ]
    shared = sum(trace.sizes[address] for address, layers in layers_at.items() if len(layers) > 1)
    return (
        *rows,
        LayerCost("code of several layers", 0, 0, 0, shared, 0, None),
        LayerCost("call and ends", 0, counts[None], 0, code[None], 0, None, cycles(None)),
    )
