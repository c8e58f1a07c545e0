"""Mutants of the kernels and of generated engines, judged by networks run on their core, then on this computer."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tinysine.errors import BuildError
from tinysine.graph import DenseChain
from tinysine.image.sources import firmware_root
from tinysine.image.toolchain import host_compiler
from tinysine.link.requests import DTYPES
from tinysine.quantization import Quantization
from tinysine.stimuli import sample_inputs
from trust.conformance.assembly import faults
from trust.conformance.calls import run_by
from trust.conformance.coverage import KERNELS, reached
from trust.conformance.host import build_host, run_host
from trust.conformance.image import build
from trust.conformance.machine import Machine
from trust.conformance.networks import VARIANTS, Case, Variant, draw, vectors
from trust.conformance.trial import difference
from trust.mutants.graphs import answers_of, functions_of, graph_cases, reaching

INVALID = "does not compile"
_VECTORS, _MORE_VECTORS, _MORE_BYTES = 1024, 32768, 1_000_000
_LONGEST_S = 20

# Where each file of the kernels is at work in chains of dense layers. Graphs judge every header, except those that only
# chains have.
ROWS = Variant("cortex-m4", "gcc", "speed")
PLAIN = Variant("cortex-m0", "gcc", "speed")
COMPACT = Variant("cortex-m4", "gcc", "size")
CORES = {
    "engine/rows.h": (ROWS,),
    "engine/wide.h": (ROWS,),
    "engine/bytes.h": (ROWS,),
    "engine/dense_lanes.h": (ROWS,),
    "engine/plain.h": (PLAIN,),
    "engine/compact.h": (COMPACT,),
    "engine/requantize.h": (ROWS, PLAIN, COMPACT),
    "include/tinysine/quantize.h": (ROWS, PLAIN),
}
OF_CHAINS = (
    "engine/rows.h",
    "engine/wide.h",
    "engine/plain.h",
    "engine/compact.h",
    "include/tinysine/quantize.h",
)
_EACH = 2  # networks that reach a thing
_FIRST = 4
_FURTHEST = 1500


@functools.cache
def cases(variant: Variant) -> tuple[Case, ...]:
    """Networks of one build that reach each kernel and detail twice, then each kernel in both roundings."""
    candidates = [case for case in _drawn_of(variant) if _differs(case)]
    first = reaching(candidates, _reached, each=_EACH)
    rest = [case for case in candidates if case not in first]
    return (
        *first,
        *reaching(
            rest,
            lambda case: {f"{each}, {case.rounding.kernels}" for each in _reached(case) & {*KERNELS}},
            each=_EACH,
        ),
    )


def _drawn_of(variant: Variant) -> list[Case]:
    return [draw(number) for number in range(VARIANTS.index(variant), _FURTHEST, len(VARIANTS))]


def _differs(case: Case) -> bool:
    """Tell whether its answers differ; one that is saturated would not notice much."""
    answers = np.asarray(answers_of(case))
    return len(np.unique(answers, axis=0)) >= len(answers) // 8


def _reached(case: Case) -> frozenset[str]:
    what = reached(case)
    return frozenset(each for each in what if not each.startswith("a layer"))


def judge_kernel(file: str, root: Path) -> str:
    """Name what notices a changed file of the kernels; empty if nothing does, INVALID if it does not compile.

    Args:
        file: below the firmware folder.
        root: the firmware folder with the change.
    """
    judges = judges_of(file)
    for own in judges:
        # Few notice most: the rest is compiled only where these do not.
        for chosen in (own[:_FIRST], own[_FIRST:]):
            if chosen and (
                found := _on_core({_prefix(case): case.source for case in chosen}, chosen, root=root)
            ):
                return found
    hosted = [case for own in judges for case in own]
    if found := _on_host({_prefix(case): case.source for case in hosted}, hosted, root=root):
        return found
    return "the look at the assembly" if faults(root) else ""


@functools.cache
def judges_of(file: str) -> tuple[tuple[Case, ...], ...]:
    """Choose the chains and graphs that judge a file of the kernels; those of one build after those of another."""
    chains = tuple(cases(variant) for variant in CORES.get(file, ()))
    if file in OF_CHAINS:
        return chains
    own = functions_of(file)
    running = (tuple(case for case in each if own & run_by(case.source)) for each in chains)
    return (*(each for each in running if each), *graph_cases(file))


def judge_generated(case: Case, source: str) -> str:
    """Name what notices a changed generated engine, as above."""
    sources = {f"e{case.number}": source}
    machine = _machine(sources, case.variant, None)
    if machine is None:
        return INVALID
    if found := _wrong(machine, [case]) or _on_host(sources, [case], root=None):
        return found
    if found := _misdescribed(case, source):
        return found
    if machine.arena_bytes(f"e{case.number}") != case.engine.arena_bytes:
        return "the planned arena"  # as `verify` holds it against what the device says
    bytes_each = case.inputs[0].nbytes + case.model.output.count * case.model.output.dtype.itemsize
    return _wrong(machine, [_asked(case, min(_MORE_VECTORS, _MORE_BYTES // (bytes_each + 8)))])


_DESCRIBE = """
#include <stdio.h>
#include "engine.c"
static void describe(const struct ts_tensor *tensor) {
    printf("%a %d %u", (double)tensor->scale, (int)tensor->zero_point, (unsigned)tensor->bytes);
    printf(" %u", (unsigned)tensor->dtype);
    for (uint8_t i = 0; i < tensor->rank; i++) {
        printf(" %u", (unsigned)tensor->dims[i]);
    }
    putchar('\\n');
}
int main(void) {
    describe(ts_engine.inputs);
    describe(ts_engine.outputs);
    return ts_engine.input_count != 1 || ts_engine.output_count != 1;
}
"""


def _misdescribed(case: Case, source: str) -> str:
    """Name DESCRIBE where it would not say what the file has of the ends, as `verify` holds them against each other."""
    with tempfile.TemporaryDirectory(prefix="tinysine-mutant-") as folder:
        work, root = Path(folder), firmware_root()
        (work / "engine.c").write_text(source, encoding="utf-8")
        (work / "describe.c").write_text(_DESCRIBE, encoding="utf-8")
        options = ["-std=gnu11", "-O0", "-w", f"-I{root}", f"-I{root / 'include'}", str(work / "describe.c")]
        command = [*host_compiler(), *options, "-o", str(work / "describe")]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return INVALID
        ran = subprocess.run(
            [work / "describe"], check=False, capture_output=True, text=True, timeout=_LONGEST_S
        )
    if ran.returncode:
        return "the number of tensors"
    codes = {kind: code for code, kind in DTYPES.items()}
    for line, tensor in zip(ran.stdout.splitlines(), (case.model.input, case.model.output), strict=True):
        scale, zero_point, size, dtype, *dims = line.split()
        q = tensor.quantization or Quantization(0.0, 0)
        said = (float.fromhex(scale), int(zero_point), int(size), int(dtype), tuple(map(int, dims)))
        if said != (
            float(np.float32(q.scale)),
            q.zero_point,
            tensor.nbytes,
            codes[tensor.dtype],
            tensor.shape,
        ):
            return "the description of a tensor"
    return ""


@functools.cache
def generated_cases(count: int) -> tuple[Case, ...]:
    """Cases whose generated C is changed: some of each build, asked more inputs than usual."""
    own = [case for variant in (ROWS, PLAIN, COMPACT) for case in cases(variant)[: count // 3]]
    return tuple(_asked(case, _VECTORS) for case in own)


@functools.cache
def _asked(case: Case, count: int) -> Case:
    assert isinstance(case.model, DenseChain)
    more = sample_inputs(case.model, seed=case.number, count=count).codes
    inputs = np.concatenate([vectors(case.model, seed=case.number), more])
    return Case(case.number, case.variant, case.rounding, case.model, inputs)


def _on_core(sources: Mapping[str, str], chosen: Sequence[Case], *, root: Path | None) -> str:
    machine = _machine(sources, chosen[0].variant, root)
    return INVALID if machine is None else _wrong(machine, chosen)


def _machine(sources: Mapping[str, str], variant: Variant, root: Path | None) -> Machine | None:
    """The core with the engines in its memory; None if they do not compile."""
    with tempfile.TemporaryDirectory(prefix="tinysine-mutant-") as folder:
        try:
            return Machine(
                build(sources, variant, Path(folder), root=root), variant.core, longest_s=_LONGEST_S
            )
        except BuildError:
            return None


def _wrong(machine: Machine, chosen: Sequence[Case]) -> str:
    for case in chosen:
        got = machine.run(_prefix(case), case.inputs, outputs=case.model.outputs)
        if isinstance(got, str) or difference(case.inputs, got, answers_of(case)):
            return f"{_named(case)} on {case.variant.core}"
    return ""


def _on_host(sources: Mapping[str, str], chosen: Sequence[Case], *, root: Path | None) -> str:
    with tempfile.TemporaryDirectory(prefix="tinysine-mutant-") as folder:
        try:
            program = build_host(sources, Path(folder), root=root)
        except BuildError:
            return INVALID
        try:
            answers = run_host(program, [(case.model, case.inputs) for case in chosen], timeout_s=_LONGEST_S)
        except subprocess.TimeoutExpired:
            return "does not end on this computer"
    if isinstance(answers, str):
        return "a sanitizer on this computer"
    for case, got in zip(chosen, answers, strict=True):
        if difference(case.inputs, got, answers_of(case)):
            return f"{_named(case)} on this computer"
    return ""


def _prefix(case: Case) -> str:
    return f"{'g' if case.operator else 'e'}{case.number}"


def _named(case: Case) -> str:
    return f"graph {case.number}, {case.operator}," if case.operator else f"network {case.number}"
