"""Operators and kernels that a graph's engine tries, and how often each must be met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tinysine.codegen.steps import DSP_CORES
from trust.conformance.calls import CALLED, functions, headers_of, run_by
from trust.conformance.graphs import OPERATORS
from trust.conformance.networks import PROFILES, Case

HOST = ("host", "sanitizers")  # stands for core and compiler where engines run on this computer
# Headers of the kernels that chains have, too: coverage.py counts those.
_OF_CHAINS = ("rows.h", "compact.h", "dense_lanes.h", "plain.h", "wide.h")


def reached_by_graph(case: Case) -> frozenset[str]:
    """Tell what a case tries: its operator in its profile, its kernels, the functions and headers at work."""
    ends = {f"input {tensor.dtype}" for tensor in case.model.inputs}
    ends |= {f"output {tensor.dtype}" for tensor in case.model.outputs}
    return frozenset(
        {
            f"models of {case.operator}, {case.variant.profile}",
            f"rounding {case.rounding}",
            *(f"kernel {layer.kernel}" for layer in case.engine.layers if layer.kernel),
            *(f"{layer.kernel} by {case.operator}" for layer in case.engine.layers if layer.kernel),
            *(f"call of {name}" for name in CALLED.findall(case.source)),
            *(f"header {name}" for name in headers_of(run_by(case.source)) - {*_OF_CHAINS}),
            *ends,
        }
    )


def missed_by_graphs(
    counts: Counter[tuple[str, str, str]],
    floor: int,
    builds: Sequence[tuple[str, str]],
    *,
    root: Path | None = None,
) -> list[str]:
    """Return one line for each operator, header and kernel that was met fewer than `floor` times where it can occur.

    A kernel or header that one core has, every core with the same instructions has. A function of the engine's headers
    that no engine calls, and no other function of them, is missed, too.

    Args:
        counts: of (what, core, compiler).
        floor: how often each is demanded.
        builds: (core, compiler) pairs.
        root: the firmware folder.
    """
    lines = [
        f"{what} on {core} with {compiler}: reached {counts[what, core, compiler]} times, {floor} demanded"
        for core, compiler in builds
        for what in (*_models(), *_parts(counts, alike(core, builds)))
        if counts[what, core, compiler] < floor
    ]
    called = {what.removeprefix("call of ") for what, _, _ in counts}
    return lines + [f"{name}: no engine calls it" for name in entries(root) if name not in called]


def lacking_kernels(
    counts: Counter[tuple[str, str, str]], floor: int, builds: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str, str, int]]:
    """Yield (kernel, core, compiler, how many are lacking) for each that was met fewer than `floor` times."""
    for core, compiler in builds:
        for what in _parts(counts, alike(core, builds), kinds=("kernel ",)):
            if (met := counts[what, core, compiler]) < floor:
                yield what.removeprefix("kernel "), core, compiler, floor - met


def operators_of(kernel: str, counts: Counter[tuple[str, str, str]]) -> set[str]:
    """Name the operators whose models have met a kernel."""
    return {what.removeprefix(f"{kernel} by ") for what, _, _ in counts if what.startswith(f"{kernel} by ")}


def alike(core: str, builds: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the builds whose core has the same instructions for kernels."""
    return [build for build in builds if (build[0] in DSP_CORES) == (core in DSP_CORES)]


def entries(root: Path | None = None) -> list[str]:
    """Name the functions of the engine's headers that none of them calls: generated code has to."""
    known = functions(root)
    named = {name for function in known.values() for name in function.named}
    return [
        name for name, function in known.items() if name not in named and not function.header & {*_OF_CHAINS}
    ]


def graph_table(counts: Counter[tuple[str, str, str]], builds: Sequence[tuple[str, str]]) -> str:
    """Markdown: how many graphs reached what, on each core with each compiler."""
    head = ["| reached by graphs |", *(f" {core} {compiler} |" for core, compiler in builds)]
    lines = ["".join(head), f"|---|{'---:|' * len(builds)}"]
    others = sorted({what for what, _, _ in counts if what.startswith(("input ", "output ", "rounding "))})
    for what in (*_models(), *_parts(counts, builds), *others):
        cells = (
            f"{counts[what, core, compiler]:,}"
            if any(counts[what, *each] for each in alike(core, builds))
            else "-"
            for core, compiler in builds
        )
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _models() -> list[str]:
    return [f"models of {operator}, {profile}" for operator in OPERATORS for profile in PROFILES]


def _parts(
    counts: Counter[tuple[str, str, str]],
    builds: Iterable[tuple[str, str]],
    *,
    kinds: tuple[str, ...] = ("header ", "kernel "),
) -> list[str]:
    """Name the headers and kernels that were met in one of these builds."""
    met = {(core, compiler) for core, compiler in builds}
    return sorted(
        {
            what
            for (what, core, compiler), count in counts.items()
            if what.startswith(kinds) and (core, compiler) in met and count
        }
    )
