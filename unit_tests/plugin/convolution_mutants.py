"""A small convolution, and each way in which its firmware can be wrong by the least amount."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from tinysine import codegen, oracles, stimuli
from tinysine.graph import Graph
from tinysine.graph.convolution import Convolution
from tinysine.quantization import Quantization, Rounding
from tinysine.settings import SAMPLED_INPUTS
from tinysine.tflite.graph_writer import GraphWriter

FILE = "convolution.tflite"


def write_model(folder: Path) -> Path:
    """Write a convolution of 3 x 2 taps, two input channels and three output channels, with strides and padding."""
    rng, graph = np.random.default_rng(1), GraphWriter()
    source, result, scales = Quantization(0.05, 3), Quantization(0.6, -7), [0.01, 0.012, 0.009]
    weights, bias = rng.integers(-127, 128, (3, 3, 2, 2)), rng.integers(-4000, 4000, 3)
    tensors = [
        graph.tensor("input", "int8", (1, 6, 5, 2), scale=source.scale, zero_point=source.zero_point),
        graph.tensor("weights", "int8", weights.shape, scale=scales, dimension=0, data=weights),
        graph.tensor("bias", "int32", (3,), scale=np.multiply(source.scale, scales), data=bias),
    ]
    last = graph.tensor("output", "int8", (1, 3, 3, 3), scale=result.scale, zero_point=result.zero_point)
    options = {"padding": 0, "strideH": 2, "strideW": 2}
    graph.operator("CONV_2D", tensors, [last], "Conv2DOptions", options)
    file = folder / FILE
    file.write_bytes(graph.finish(tensors[:1], [last]))
    return file


def convolution_is_right() -> None:
    """The control: the suite passes on this model, too."""


def convolution_weight() -> None:
    """One bit of one weight."""
    _wrong(lambda node: (_with(node, weights=each) for each in _each_changed(node.weights, 1)))


def convolution_bias() -> None:
    """One bias, by as little as changes an answer."""
    _wrong(
        lambda node: (_with(node, bias=each) for bit in range(12) for each in _each_changed(node.bias, bit))
    )


def convolution_padding() -> None:
    """One row or column more of padding before the image."""
    _wrong(lambda node: _windows(node, "before", 1))


def convolution_stride() -> None:
    """One step less along rows or columns, from window to window."""
    _wrong(lambda node: _windows(node, "stride", -1))


def convolution_multiplier() -> None:
    """One multiplier, by as little as changes an answer."""
    _wrong(
        lambda node: (
            _with(node, multiplier=m) for bit in range(28) for m in _each_changed(node.multiplier, bit)
        )
    )


def convolution_shift() -> None:
    """One shift, by one."""
    _wrong(lambda node: (_with(node, shift=each) for each in _each_changed(node.shift, 0)))


def convolution_input_channels() -> None:
    """The two input channels in the other order."""
    _wrong(lambda node: iter([_with(node, weights=node.weights[..., ::-1])]))


def convolution_output_channels() -> None:
    """Two of the output channels in the other order."""
    _wrong(_swapped)


def _wrong(mutants: Callable[[Convolution], Iterable[Convolution]]) -> None:
    """Have the engine generated from the mutant that changes the fewest answers, but at least one."""
    real = codegen.generate

    def generate(model: Graph, *, rounding: Rounding, **options: Any) -> codegen.GeneratedEngine:
        return real(_least_harmful(model, mutants, rounding), rounding=rounding, **options)

    codegen.generate = generate


def _least_harmful(
    model: Graph, mutants: Callable[[Convolution], Iterable[Convolution]], rounding: Rounding
) -> Graph:
    codes = stimuli.sample_inputs(model, seed=0, count=SAMPLED_INPUTS).codes  # as the suite
    right = oracles.integer_oracle(model, rounding).run(codes)
    (node,) = model.nodes
    harm = {}
    for mutant in mutants(node):
        wrong = dataclasses.replace(model, nodes=(mutant,))
        answers = oracles.integer_oracle(wrong, rounding).run(codes)
        harm[int(np.count_nonzero(answers != right))] = wrong
    return harm[min(count for count in harm if count)]


def _each_changed(values: np.ndarray, bit: int) -> Iterator[np.ndarray]:
    """One bit of each value in turn."""
    for at in np.ndindex(values.shape):
        changed = values.copy()
        changed[at] ^= 1 << bit
        yield changed


def _windows(node: Convolution, name: str, by: int) -> Iterator[Convolution]:
    for axis in range(2):
        value = list(getattr(node.window, name))
        value[axis] += by
        yield _with(node, window=dataclasses.replace(node.window, **{name: tuple(value)}))


def _swapped(node: Convolution) -> Iterator[Convolution]:
    for one, other in combinations(range(node.outputs), 2):
        order = list(range(node.outputs))
        order[one], order[other] = other, one
        own = {name: getattr(node, name)[order] for name in ("weights", "bias", "multiplier", "shift")}
        yield _with(node, **own)


def _with(node: Convolution, **changed: Any) -> Convolution:
    return dataclasses.replace(node, **changed)


MUTANTS = (
    convolution_is_right,
    convolution_weight,
    convolution_bias,
    convolution_padding,
    convolution_stride,
    convolution_multiplier,
    convolution_shift,
    convolution_input_channels,
    convolution_output_channels,
)
