"""Kernels that a generated engine uses, read from its C, and how often each must be met."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from tinysine.codegen.steps import DSP_CORES
from tinysine.graph import DenseChain
from tinysine.quantization import Rounding
from trust.conformance.graph_coverage import reached_by_graph
from trust.conformance.networks import ROW_WIDTHS, WIDE_WIDTHS, Case

_ROW = re.compile(r"\b(TS_ROW(?:_FOLD)?)\((\d), (TS_\w+), (TS_\w+),")
_OTHER_ROW = re.compile(r"\b(TS_ROW_(?:X|PAIR|FINISH))\((?:a\d, )?(TS_\w+), (TS_\w+),")
_LOOP = re.compile(r"\bts_((?:dense_lanes|wide|plain_split|plain_long)_[su]8)\(&")
_COMPACT = re.compile(r"#define TS_COMPACT_(BIAS|LIMITS|PACKED) +(\w+)")
_LIMIT = re.compile(r"\bts_(?:least|greatest)\(")

_ON_DSP = (
    *(f"TS_ROW, {pairs} pairs" for pairs in range(1, 9)),
    *(f"TS_ROW_FOLD, {pairs} pairs" for pairs in range(1, 9)),
    *("TS_ROW, TS_SINGLE", "TS_ROW, TS_DOUBLE", "TS_ROW, TS_DOUBLE_SIGNED"),
    *("TS_ROW, TS_USAT", "TS_ROW, TS_SSAT"),
    *("TS_ROW_FOLD, TS_USAT", "TS_ROW_X, TS_USAT", "TS_ROW_PAIR, TS_USAT", "TS_ROW_FINISH, TS_SSAT"),
    *("TS_ROW_FOLD, TS_SINGLE", "TS_ROW_FOLD, TS_DOUBLE", "TS_ROW_FOLD, TS_DOUBLE_SIGNED"),
    *("TS_ROW_X, TS_SINGLE", "TS_ROW_X, TS_DOUBLE", "TS_ROW_X, TS_DOUBLE_SIGNED"),
    *("TS_ROW_PAIR, TS_SINGLE", "TS_ROW_PAIR, TS_DOUBLE", "TS_ROW_PAIR, TS_DOUBLE_SIGNED"),
    *("TS_ROW_FINISH, TS_SINGLE", "TS_ROW_FINISH, TS_DOUBLE_SIGNED"),
    *("rows, a limit beside the saturation", "wide_s8", "wide_u8"),
    *("dense_lanes_s8", "dense_lanes_u8", "dense_lanes, single", "dense_lanes, double"),
)
_EVERYWHERE = (
    *("plain_split_s8", "plain_split_u8", "plain_long_s8", "plain_long_u8"),
    *("compact, bias int16_t", "compact, bias int32_t", "compact, limits 0", "compact, limits 1"),
    *("compact, packed 0", "compact, packed 1"),
    *(f"{end} {dtype}" for end in ("input", "output") for dtype in ("int8", "uint8", "float32")),
    *("one weight scale", "a weight scale for each output"),
    *("rounding litert", "rounding tflm", "rounding tflm-float32"),
    *(f"a layer of {width} inputs" for width in (*ROW_WIDTHS, *WIDE_WIDTHS)),
)


def expected(core: str) -> tuple[str, ...]:
    """Kernels that networks can reach on a core, in the order of the table."""
    return (*_ON_DSP, *_EVERYWHERE) if core in DSP_CORES else _EVERYWHERE


ALL = (*_ON_DSP, *_EVERYWHERE)


def reached(case: Case) -> frozenset[str]:
    """Read from a generated engine and its model what the case tries."""
    return reached_by_graph(case) if case.operator else _reached_by_chain(case)


def _reached_by_chain(case: Case) -> frozenset[str]:
    source, model = case.source, case.model
    assert isinstance(model, DenseChain)
    found = set(_LOOP.findall(source))
    for name, pairs, scale, clamp in _ROW.findall(source):
        found |= {f"{name}, {pairs} pairs", f"{name}, {scale}", f"{name}, {clamp}"}
    for name, scale, clamp in _OTHER_ROW.findall(source):
        found |= {f"{name}, {scale}", f"{name}, {clamp}"}
    if "ts_dense_lanes_" in source:
        found.add(f"dense_lanes, {'single' if case.rounding is Rounding.LITERT else 'double'}")
    if _LIMIT.search(source):
        found.add("rows, a limit beside the saturation")
    found |= {f"compact, {name.lower()} {value}" for name, value in _COMPACT.findall(source)}
    found |= {f"input {model.input.dtype}", f"output {model.output.dtype}", f"rounding {case.rounding}"}
    found |= {f"a layer of {layer.inputs} inputs" for layer in model.layers}
    channels = any(
        len(layer.weight_scales) > 1 and len(set(layer.weight_scales)) > 1 for layer in model.layers
    )
    found.add("a weight scale for each output" if channels else "one weight scale")
    return frozenset(found)


# One of each, for a run too small for all of them.
KERNELS = (
    *(
        "TS_ROW, TS_USAT",
        "TS_ROW, TS_SSAT",
        "TS_ROW_FOLD, TS_USAT",
        "TS_ROW_X, TS_USAT",
        "TS_ROW_PAIR, TS_USAT",
    ),
    *("TS_ROW_FINISH, TS_SSAT", "wide_s8", "wide_u8", "dense_lanes_s8", "dense_lanes_u8"),
    *("plain_split_s8", "plain_split_u8", "plain_long_s8", "plain_long_u8"),
    *("compact, packed 0", "compact, packed 1", "rounding litert", "rounding tflm"),
)


def missed(
    counts: Counter[tuple[str, str, str]],
    floor: int,
    builds: Iterable[tuple[str, str]],
    *,
    among: Collection[str] = ALL,
) -> list[str]:
    """One line for each thing that was reached fewer than `floor` times where it can occur.

    Args:
        counts: of (what, core, compiler).
        floor: how often each is demanded.
        builds: (core, compiler) pairs.
        among: what is looked at.
    """
    return [
        f"{what} on {core} with {compiler}: reached {counts[what, core, compiler]} times, {floor} demanded"
        for core, compiler in builds
        for what in expected(core)
        if what in among and counts[what, core, compiler] < floor
    ]


def table(counts: Counter[tuple[str, str, str]], builds: list[tuple[str, str]]) -> str:
    """Markdown: how many networks reached what, on each core with each compiler."""
    head = ["| reached by networks |", *(f" {core} {compiler} |" for core, compiler in builds)]
    lines = ["".join(head), f"|---|{'---:|' * len(builds)}"]
    for what in ALL:
        cells = (
            f"{counts[what, core, compiler]:,}" if what in expected(core) else "-"
            for core, compiler in builds
        )
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)
