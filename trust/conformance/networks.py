"""The networks of the campaign: every number names one network and the build that it is tried in."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.codegen import GeneratedEngine, Room, generate
from tinysine.codegen.steps import DSP_CORES
from tinysine.graph import DenseChain, Network, parse_chain
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.settings import Optimize
from tinysine.stimuli import sample_inputs
from tinysine.tensor_values import Values
from trust.operators.dense_chain import random_network

ROW_WIDTHS = tuple(range(1, 17))  # what the kernel in registers takes
WIDE_WIDTHS = (17, 18, 19, 20, 31, 32, 33, 63, 64, 65)
# Kinds of networks, in turn: where layers are unrolled, and where all are loops.
UNROLLED = ("one input", "fold", "rows", "wide", "one input", "extreme", "fold", "rows", "wide")
LOOPS = ("one input", "any", "rows", "wide", "extreme", "any", "wide", "extreme", "rows")
VECTORS = 64
AMPLE = Room(1 << 30, 1 << 30)
_EXTREME_ROWS = 6  # outputs of the first layer whose accumulator is driven to both its ends


@dataclass(frozen=True)
class Variant:
    """One way to build: Board.core, the compiler's name and the profile."""

    core: str
    compiler: str
    profile: Optimize


CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7")
PROFILES: tuple[Optimize, ...] = ("speed", "size")
_EACH = tuple(itertools.starmap(Variant, itertools.product(CORES, ("gcc", "zig"), PROFILES)))
# Twice where the most kernels are: those in assembly.
VARIANTS = (*_EACH, *(each for each in _EACH if each.core in DSP_CORES and each.profile == "speed"))


@dataclass(frozen=True, eq=False)
class Case:
    """One network in one build.

    Attributes:
        number: names it; the same number is always the same case.
        variant: the build.
        rounding: which reference the answers equal.
        model: the network.
        inputs: what it is asked, as an oracle takes it.
        operator: what a graph was drawn for, a key of trust.operators.DRAWS; empty for a chain of dense layers.
        prune: as of `generate`; the answers are held against those of the whole model.
    """

    number: int
    variant: Variant
    rounding: Rounding
    model: Network
    inputs: Values
    operator: str = ""
    prune: bool = False

    @functools.cached_property
    def engine(self) -> GeneratedEngine:
        """The generated engine."""
        return generate(
            self.model,
            rounding=self.rounding,
            optimize=self.variant.profile,
            prune=self.prune,
            core=self.variant.core,
            room=AMPLE,
        )

    @property
    def source(self) -> str:
        """Its C."""
        return self.engine.source


def draw(number: int, variants: tuple[Variant, ...] = VARIANTS) -> Case:
    """Draw the network of a number. Neighbours differ in variant, then in kind, rounding and width."""
    turn, place = divmod(number, len(variants))
    variant = variants[place]
    kinds = UNROLLED if variant.core in DSP_CORES and variant.profile == "speed" else LOOPS
    round_, position = divmod(turn, len(kinds))
    kind = kinds[position]
    rng = np.random.default_rng([number, 0x7153])
    data = random_network(
        rng,
        # Each variant and position starts elsewhere in the row of widths, so that all of them come up early.
        widths=_widths(rng, kind, 7 * round_ + 5 * place + 4 * position),
        # Only codes that need no further limit are paired, or go straight into the next accumulator.
        activation="none" if rng.random() < (0.8 if kind in {"fold", "one input"} else 0.3) else None,
        input_type=None,
        output_type=None,
        style={"extreme": "extreme", "any": None}.get(kind, "trained"),
    )
    model = parse_chain(data, file=f"network {number}")
    return Case(
        number=number,
        variant=variant,
        rounding=_rounding(model, round_ + position + place // len(_EACH), turn),
        model=model,
        inputs=vectors(model, seed=number),
    )


def _rounding(model: DenseChain, at: int, turn: int) -> Rounding:
    """LiteRT's and TensorFlow Lite Micro's by turns; a third of the latter's as on a device, where that may differ."""
    rounding = INTERPRETED[at % len(INTERPRETED)]
    if rounding is Rounding.TFLM and turn % 3 == 0 and not all(layer.per_channel for layer in model.layers):
        return Rounding.TFLM_FLOAT32
    return rounding


def _widths(rng: np.random.Generator, kind: str, turn: int) -> list[int]:
    """The widths of the input and of each layer."""
    row, wide = ROW_WIDTHS[turn % len(ROW_WIDTHS)], WIDE_WIDTHS[turn % len(WIDE_WIDTHS)]
    small, hidden = int(rng.integers(1, 10)), int(rng.integers(1, 17))
    match kind:
        case "one input":
            return [1, row, *([hidden] if rng.random() < 0.5 else []), small if rng.random() < 0.5 else 1]
        case "fold":
            return [row, hidden, 1]
        case "rows":
            return [small, row, small]
        case "wide":
            return [wide, int(rng.choice(WIDE_WIDTHS)), small] if rng.random() < 0.5 else [wide, small]
        case "extreme":
            return [small, row, int(rng.integers(1, 5))]
    return [int(rng.choice(ROW_WIDTHS + WIDE_WIDTHS[:7])) for _ in range(rng.integers(2, 4))]


def vectors(model: DenseChain, *, seed: int) -> NDArray[Any]:
    """All 256 codes of a single input, else 64 vectors: corners, ends of the accumulators, and random ones."""
    asked: NDArray[Any] = sample_inputs(model, seed=seed, count=VECTORS).codes
    if model.input.count > 1:
        ends = _accumulator_ends(model)
        asked[len(asked) - len(ends) :] = ends
    elif model.input.dtype == np.float32:
        asked = np.concatenate([asked, _native(model, np.arange(-128, 128)[:, None])])
    return asked


def _accumulator_ends(model: DenseChain) -> NDArray[Any]:
    """Inputs that drive accumulators of the first layer to their least and to their greatest value."""
    positive = model.layers[0].weights[:_EXTREME_ROWS] > 0
    return _native(model, np.concatenate([np.where(positive, 127, -128), np.where(positive, -128, 127)]))


def _native(model: DenseChain, codes: NDArray[Any]) -> NDArray[Any]:
    """int8 codes as the model takes them at its input."""
    if model.input.dtype == np.float32:
        q = model.layers[0].input
        return ((codes - q.zero_point) * q.scale).astype(np.float32)
    return (codes if model.input.dtype == np.int8 else codes + 128).astype(model.input.dtype)
