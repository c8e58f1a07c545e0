"""Random chains of dense layers: from what a converter makes to the corners that no training reaches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.graph.reader import parse_chain
from tinysine.graph.requantization import with_rounding
from tinysine.quantization import INT32_MAX, INTERPRETED, Quantization
from tinysine.tflite.tflite_file import Activation
from tinysine.tflite.writer import EndType, LayerSpec, write_model

Style = Literal["trained", "extreme", "wide"]


def random_network(
    rng: np.random.Generator,
    *,
    layers: int | None = None,
    widths: Sequence[int] | None = None,
    max_width: int = 64,
    inputs: int | None = None,
    outputs: int | None = None,
    per_channel: bool | None = None,
    activation: Activation | None = None,
    input_type: EndType | None = "int8",
    output_type: EndType | None = "int8",
    style: Style | None = None,
) -> bytes:
    """Draw a network and write it as a .tflite file. Whatever is None is drawn, too.

    Integers can equal the references on every network returned (`with_rounding` takes it, either way); those
    on which they cannot are drawn again.

    Args:
        rng: the only source of chance: same state, same bytes.
        layers: 1 to 5 when drawn.
        widths: of the input and of each layer, layers + 1 numbers; replaces layers, inputs and outputs.
        max_width: of the widths drawn; small widths, 1 among them, are favoured.
        inputs, outputs: of the whole network.
        per_channel: one weight scale per output.
        activation: of every layer; drawn for each one separately.
        input_type, output_type: dtype of the ends.
        style: of every layer; drawn for each one separately. "trained": activations fill the int8 range,
            shifts around -8. "extreme": shifts from -33 to +8, scales from 1e-6 to 1e6, weights of one step.
            "wide": biases that take the accumulators to the edge of int32.
    """
    if widths is None:
        count = layers or int(rng.integers(1, 6))
        drawn = [_width(rng, max_width) for _ in range(count + 1)]
        drawn[0] = inputs or drawn[0]
        drawn[-1] = outputs or drawn[-1]
        widths = drawn
    ends = [end or _choose(rng, "int8", "uint8", "float32") for end in (input_type, output_type)]
    while True:
        first = current = Quantization(_float32(10 ** rng.uniform(-3, 1)), _zero_point(rng))
        specs = []
        for n_in, n_out in itertools.pairwise(widths):
            kind = style or _choose(rng, "trained", "trained", "extreme", "wide")
            channels = n_out if (rng.random() < 0.5 if per_channel is None else per_channel) else 1
            fused = activation or _choose(rng, "none", "relu", "relu6")
            spec = _layer(rng, n_in, n_out, channels=channels, source=current, fused=fused, kind=kind)
            specs.append(spec)
            current = spec.output
        data = write_model(
            specs, input=first, input_type=cast(EndType, ends[0]), output_type=cast(EndType, ends[1])
        )
        if _is_exact(data):
            return data


def _is_exact(data: bytes) -> bool:
    model = parse_chain(data, file="random network")
    try:
        for rounding in INTERPRETED:
            with_rounding(model, rounding)
    except ModelError:
        return False
    return True


def _layer(
    rng: np.random.Generator,
    n_in: int,
    n_out: int,
    *,
    channels: int,
    source: Quantization,
    fused: str,
    kind: str,
) -> LayerSpec:
    weights = _weights(rng, n_in, n_out, kind)
    bias: NDArray[np.int32] | None = None
    # Room that any order of summation, with and without the zero point folded in, leaves for the bias.
    reach = np.abs(weights.astype(np.int64)).sum(axis=1) * 255
    if kind == "wide":
        edge = (INT32_MAX - 256 - 2 * reach) * rng.choice([-1, 1], n_out)
        bias = (edge * rng.choice([1.0, 0.999, 0.5], n_out)).astype(np.int32)
        spread = float(np.abs(bias).max())
    else:
        spread = float(1 + np.sqrt(n_in) * 80 * np.abs(weights.astype(np.float64)).mean())
        if rng.random() < 0.8:
            bias = (rng.normal(size=n_out) * spread).astype(np.int32)
    if kind == "extreme":
        multiplier = 2.0 ** rng.uniform(-33, min(8, 29 - np.log2(reach.max() + spread * 8 + 1)))
    else:
        multiplier = 60 / spread * 2.0 ** rng.uniform(-2, 2)
    output_scale = _float32(10 ** rng.uniform(-3, 1) if kind != "extreme" else 10 ** rng.uniform(-6, 6))
    scales = multiplier * output_scale / source.scale * 2.0 ** rng.uniform(-1, 1, channels)
    return LayerSpec(
        weights=weights,
        bias=bias,
        weight_scales=np.clip(scales, 1e-37, 1e37).astype(np.float32),
        output=Quantization(output_scale, _zero_point(rng)),
        activation=cast(Activation, fused),
    )


def _weights(rng: np.random.Generator, n_in: int, n_out: int, kind: str) -> NDArray[np.int8]:
    limit = 127 if kind != "extreme" else int(rng.choice([1, 2, 16, 127]))
    weights = rng.integers(-limit, limit + 1, (n_out, n_in)).astype(np.int8)
    if rng.random() < 0.1:
        weights[
            rng.random(weights.shape) < 0.1
        ] = -128  # out of the specification's range, not of the kernels'
    if rng.random() < 0.1:
        weights[rng.integers(n_out)] = 0
    return weights


def _width(rng: np.random.Generator, max_width: int) -> int:
    return int(rng.integers(1, (1, min(max_width, 9), max_width)[rng.integers(3)] + 1))


def _zero_point(rng: np.random.Generator) -> int:
    return (-128, 0, 127, int(rng.integers(-128, 128)))[rng.integers(4)]


def _choose(rng: np.random.Generator, *options: str) -> str:
    return options[rng.integers(len(options))]


def _float32(value: float) -> float:
    return float(np.float32(value))
