"""Random graphs of three to eight operators: branches that are joined again, values that are read several times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tinysine.quantization import Quantization
from tinysine.tflite.graph_writer import GraphWriter
from trust.operators import separable
from trust.operators.drawing import ACTIVATIONS, activation, draw_quantization

MOST_CODES = 1500  # of one value


@dataclass(frozen=True)
class _Codes:
    """A value so far: its tensor, shape and quantisation."""

    tensor: int
    shape: tuple[int, ...]
    q: Quantization


@dataclass
class _Sketch:
    """A graph under construction."""

    rng: np.random.Generator
    graph: GraphWriter
    qs: list[Quantization]
    values: list[_Codes] = field(default_factory=list)

    def pick(self, *, rank: int | None = None) -> _Codes | None:
        """One of the values, the last ones more often."""
        fitting = [value for value in self.values if rank in {None, len(value.shape)}]
        if not fitting:
            return None
        return fitting[-1 - min(int(self.rng.geometric(0.4)) - 1, len(fitting) - 1)]

    def add(self, shape: tuple[int, ...], q: Quantization) -> _Codes:
        """A new value."""
        value = _Codes(activation(self.graph, f"value{len(self.values)}", shape, q), shape, q)
        self.values.append(value)
        return value

    def any_q(self) -> Quantization:
        """One of the few quantisations of the graph, so that values can be joined."""
        return self.qs[int(self.rng.integers(len(self.qs)))]


def draw(rng: np.random.Generator) -> bytes:
    """Draw one model, of one to three inputs and outputs; often one of convolutions that work together."""
    aside = rng.spawn(1)[0]
    if aside.random() < 0.7:
        return separable.draw(aside)
    q = draw_quantization(rng)
    near = Quantization(
        float(np.float32(q.scale * 10 ** rng.uniform(-0.5, 0.5))),
        # Often as after relu, whose codes begin at the least: kernels have short ways for it.
        int(rng.choice([-128, draw_quantization(rng).zero_point])),
    )
    sketch = _Sketch(rng, GraphWriter(), [q, near])
    shape = (
        *(1, int(rng.integers(1, 7)), int(rng.integers(1, 7))),
        int(rng.choice([3, 8, int(rng.integers(1, 6))])),
    )
    inputs = [sketch.add(shape, sketch.any_q()) for _ in range(int(rng.choice([1, 1, 2, 3])))]
    steps = int(rng.integers(3, 9))
    while steps:
        steps -= bool(_STEPS[int(rng.integers(len(_STEPS)))](sketch))
    made = [value.tensor for value in sketch.values[len(inputs) :]]
    outputs = [made[-1]]
    # Others than the last are read by other operators, too, or by nobody.
    outputs += [int(rng.choice(made)) for _ in range(int(rng.choice([0, 0, 1, 2])))]
    return sketch.graph.finish([value.tensor for value in inputs], outputs)


def _convolve(sketch: _Sketch) -> bool:
    source = sketch.pick(rank=4)
    if source is None:
        return False
    rng, channels = sketch.rng, source.shape[3]
    depthwise = bool(rng.random() < 0.4)
    outputs = channels if depthwise else int(rng.choice([4, 8, int(rng.integers(1, 6))]))
    # One tap and 3 x 3 have kernels of their own.
    kernel = ([1, 1], [3, 3], [int(n) for n in rng.choice([1, 3], 2)])[int(rng.integers(3))]
    stride = int(rng.choice([1, 1, 2]))
    shape = (source.shape[0], -(-source.shape[1] // stride), -(-source.shape[2] // stride), outputs)
    if np.prod(shape) > MOST_CODES:
        return False
    weights = rng.integers(-127, 128, (1, *kernel, channels) if depthwise else (outputs, *kernel, channels))
    q = sketch.any_q()
    # About as many codes as there are, and some beyond.
    reach = 127 * 64 * np.sqrt(weights.size / outputs)
    scales = q.scale * 128 / (reach * source.q.scale) * 10 ** rng.uniform(-0.5, 0.3, outputs)
    tensors = [
        source.tensor,
        sketch.graph.tensor(
            f"weights{len(sketch.values)}",
            "int8",
            weights.shape,
            scale=scales,
            dimension=3 if depthwise else 0,
            data=weights,
        ),
        sketch.graph.tensor(
            f"bias{len(sketch.values)}",
            "int32",
            [outputs],
            scale=source.q.scale * scales,
            data=rng.integers(-int(reach), int(reach) + 1, outputs),
        ),
    ]
    result = sketch.add(shape, q)
    fields = {
        "padding": 0,
        "strideH": stride,
        "strideW": stride,
        "fusedActivationFunction": int(rng.choice([1, *ACTIVATIONS])),
    }
    if depthwise:
        fields["depthMultiplier"] = 1
    names = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
    sketch.graph.operator(names[0], tensors, [result.tensor], names[1], fields)
    return True


def _pool(sketch: _Sketch) -> bool:
    source = sketch.pick(rank=4)
    if source is None:
        return False
    rng = sketch.rng
    taps, stride = [int(n) for n in rng.integers(1, 4, 2)], int(rng.integers(1, 3))
    shape = (
        source.shape[0],
        -(-source.shape[1] // stride),
        -(-source.shape[2] // stride),
        source.shape[3],
    )
    result = sketch.add(shape, source.q)
    fields = {
        "padding": 0,
        "strideH": stride,
        "strideW": stride,
        "filterHeight": taps[0],
        "filterWidth": taps[1],
        "fusedActivationFunction": int(rng.choice(ACTIVATIONS)),
    }
    operator = str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    sketch.graph.operator(operator, [source.tensor], [result.tensor], "Pool2DOptions", fields)
    return True


def _join(sketch: _Sketch) -> bool:
    """ADD, SUB or MUL of two values, or of one with itself."""
    one, other = sketch.pick(), sketch.pick()
    assert one is not None
    assert other is not None
    try:
        shape = np.broadcast_shapes(one.shape, other.shape)
    except ValueError:
        return False
    if np.prod(shape) > MOST_CODES:
        return False
    operator, options = (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"))[
        int(sketch.rng.choice([0, 0, 0, 1, 2]))
    ]
    q = sketch.any_q()
    if operator == "MUL":
        q = Quantization(float(np.float32(one.q.scale * other.q.scale * 60)), q.zero_point)
    result = sketch.add(shape, q)
    fields = {"fusedActivationFunction": int(sketch.rng.choice(ACTIVATIONS))}
    sketch.graph.operator(operator, [one.tensor, other.tensor], [result.tensor], options, fields)
    return True


def _concatenate(sketch: _Sketch) -> bool:
    one = sketch.pick()
    assert one is not None
    axis = int(sketch.rng.integers(len(one.shape)))

    def rest(value: _Codes) -> tuple[object, ...]:
        return (*value.shape[:axis], *value.shape[axis + 1 :], len(value.shape), value.q)

    fitting = [value for value in sketch.values if rest(value) == rest(one)]
    others = [fitting[int(sketch.rng.integers(len(fitting)))] for _ in range(int(sketch.rng.integers(1, 3)))]
    parts = [one, *others]
    shape = (*one.shape[:axis], sum(value.shape[axis] for value in parts), *one.shape[axis + 1 :])
    if np.prod(shape) > MOST_CODES:
        return False
    result = sketch.add(shape, one.q)
    tensors = [value.tensor for value in parts]
    sketch.graph.operator("CONCATENATION", tensors, [result.tensor], "ConcatenationOptions", {"axis": axis})
    return True


def _reshape(sketch: _Sketch) -> bool:
    source = sketch.pick()
    assert source is not None
    count = int(np.prod(source.shape))
    square = tuple(source.shape[at] for at in (0, 2, 1, 3)) if len(source.shape) == 4 else (1, 1, 1, count)
    shape = ((1, count), square)[int(sketch.rng.integers(2))]
    result = sketch.add(shape, source.q)
    wanted = sketch.graph.tensor(f"shape{result.tensor}", "int32", [len(shape)], data=np.array(shape))
    sketch.graph.operator(
        "RESHAPE", [source.tensor, wanted], [result.tensor], "ReshapeOptions", {"newShape": list(shape)}
    )
    return True


def _pad(sketch: _Sketch) -> bool:
    source = sketch.pick()
    assert source is not None
    margins = sketch.rng.integers(0, 2, (len(source.shape), 2))
    margins[0] = 0
    shape = tuple(int(n) for n in margins.sum(axis=1) + source.shape)
    if np.prod(shape) > MOST_CODES:
        return False
    paddings = sketch.graph.tensor(f"paddings{len(sketch.values)}", "int32", margins.shape, data=margins)
    result = sketch.add(shape, source.q)
    sketch.graph.operator("PAD", [source.tensor, paddings], [result.tensor], "PadOptions")
    return True


_STEPS: tuple[Callable[[_Sketch], bool], ...] = (
    _convolve,
    _convolve,
    _convolve,
    _pool,
    _join,
    _join,
    _join,
    _concatenate,
    _concatenate,
    _reshape,
    _pad,
)
