"""ADD and SUB as one linear form: found only where it equals the reference for every pair of codes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tinysine.codegen.kernels import KERNELS
from tinysine.codegen.linear_sum import BITS, linear_sum
from tinysine.codegen.steps import Target
from tinysine.graph import Graph, parse_network
from tinysine.graph.sums import Sum
from tinysine.oracles.integer.nodes import RUNNERS
from tinysine.quantization import Rounding
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators import DRAWS


def every_pair(scales: tuple[float, ...], zero_points: tuple[int, ...], operator: str, fused: int = 0) -> Sum:
    """Return the sum of two inputs of 65,536 codes."""
    graph, shape = GraphWriter(), (1, 1 << 16)
    tensors = [
        graph.tensor(name, "int8", shape, scale=scale, zero_point=zero_point)
        for name, scale, zero_point in zip(("one", "other", "last"), scales, zero_points, strict=True)
    ]
    options = {"ADD": "AddOptions", "SUB": "SubOptions"}[operator]
    graph.operator(operator, tensors[:2], tensors[2:], options, {"fusedActivationFunction": fused})
    network = parse_network(graph.finish(tensors[:2], tensors[2:]), file="m.tflite")
    assert isinstance(network, Graph)
    (node,) = network.nodes
    assert isinstance(node, Sum)
    return node


@pytest.mark.parametrize("operator", ["ADD", "SUB"])
@pytest.mark.parametrize("rounding", Rounding)
def test_the_form_equals_the_integers_for_all_pairs(operator: str, rounding: Rounding) -> None:
    """Random scales and zero points: most have such a form, and the form is right within int32."""
    rng, found = np.random.default_rng(5), 0
    first, second = (codes.ravel() for codes in np.meshgrid(*[np.arange(-128, 128, dtype=np.int8)] * 2))
    for _ in range(25):
        one, other = 10 ** rng.uniform(-3, 0, 2)
        result = max(one, other) * 10 ** rng.uniform(-0.5, 0.7)
        zero_points = tuple(int(n) for n in rng.integers(-128, 128, 3))
        node = every_pair((one, other, result), zero_points, operator, int(rng.integers(0, 4)))
        form = linear_sum(node, rounding)
        if form is None:
            continue
        found += 1
        products = [
            codes.astype(np.int64) * factor
            for codes, factor in zip((first, second), form.factors, strict=True)
        ]
        partial = form.bias + products[0]
        assert max(abs(partial).max(), abs(partial + products[1]).max(), abs(products[1]).max()) < 2**31
        codes = np.clip((partial + products[1]) >> BITS, node.clamp_min, node.clamp_max)
        expected = RUNNERS[operator](node, (first[None], second[None]), rounding)
        np.testing.assert_array_equal(codes, expected[0])
    assert found >= 20


def test_sums_beyond_the_form_are_computed_as_the_reference_does() -> None:
    """A result in a scale an eighth of the operands' leaves int32 in the form's units."""
    node = every_pair((1.0, 1.0, 0.1), (0, 0, 0), "ADD")
    assert linear_sum(node, Rounding.LITERT) is None
    for optimize, kernel in (("size", "ts_add_s8"), ("speed", "ts_add_tables_s8")):
        target = Target(core="cortex-m4", optimize=optimize, rounding=Rounding.LITERT)  # type: ignore[arg-type]
        assert KERNELS["ADD"](node, 0, target).kernel == kernel


def test_kernels_are_chosen_by_shape_limits_and_core() -> None:
    """Words where there are instructions for them, no limits and equal shapes; the others by what they need."""
    chosen: Counter[str] = Counter()
    for core, optimize, fused in (
        ("cortex-m4", "speed", 0),
        ("cortex-m0", "speed", 0),
        ("cortex-m4", "size", 0),
        ("cortex-m4", "speed", 3),
    ):
        target = Target(core=core, optimize=optimize, rounding=Rounding.LITERT)  # type: ignore[arg-type]
        step = KERNELS["ADD"](every_pair((0.1, 0.2, 0.3), (0, 0, 0), "ADD", fused), 0, target)
        chosen[step.kernel] += 1
    assert chosen == {"ts_add_words_s8": 1, "ts_add_linear_s8": 3}
    drawn: Counter[str] = Counter()
    for seed in range(60):
        network = parse_network(DRAWS["SUB"](np.random.default_rng(seed)), file="m.tflite")
        assert isinstance(network, Graph)
        drawn[KERNELS["SUB"](network.nodes[0], 0, Target("cortex-m4", "speed", Rounding.TFLM)).kernel] += 1
    assert len(drawn) == 6, "the draws reach every kernel"
