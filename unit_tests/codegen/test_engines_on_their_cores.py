"""A slice of `python -m trust conformance`: every kernel on every core by both compilers, and a bench that can fail."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from trust.conformance.campaign import BUILDS, GRAPHS, HOSTED, Kind, Tally, cover, run_further, run_networks
from trust.conformance.coverage import KERNELS, missed
from trust.conformance.graph_coverage import entries, missed_by_graphs
from trust.conformance.graphs import OPERATORS, VARIANTS, draw_graph
from trust.conformance.networks import draw
from trust.conformance.one_file import one_file

ROOT = Path(__file__).parents[2]
PROGRAMS = {"gcc": "arm-none-eabi-gcc", "zig": "ziglang"}


# Each compiler at once, on a core without and on one with the instructions for signals; the other pairs take longer.
AT_ONCE = (("cortex-m3", "zig"), ("cortex-m4", "gcc"))
ALL_BUILDS = [build if build in AT_ONCE else pytest.param(*build, marks=pytest.mark.long) for build in BUILDS]


def test_builds_at_once_are_some_of_all() -> None:
    """Every compiler is among those that are not left for later."""
    assert set(AT_ONCE) < set(BUILDS)
    assert {compiler for _, compiler in AT_ONCE} == {compiler for _, compiler in BUILDS}


@pytest.mark.needs("unicorn")
@pytest.mark.parametrize(("core", "compiler"), ALL_BUILDS)
def test_kernels_on_their_cores_equal_the_integer_oracle(
    core: str, compiler: str, require: Callable[[str], str]
) -> None:
    """Every kernel of the core gives the right answers, compiled as builds compile it."""
    require(PROGRAMS[compiler])
    tally = run_networks(cover(core, compiler, KERNELS), processes=1)
    assert tally.failures == []
    assert missed(tally.counts, 1, [(core, compiler)], among=KERNELS) == []


@pytest.mark.needs("unicorn")
@pytest.mark.parametrize(
    ("core", "compiler", "profile"),
    [
        ("cortex-m3", "zig", "size"),
        ("cortex-m4", "gcc", "speed"),
        *(pytest.param(*each, "speed", marks=pytest.mark.long) for each in BUILDS if each not in AT_ONCE),
    ],
)
def test_graphs_on_their_cores_equal_the_integer_oracle(
    core: str, compiler: str, profile: str, require: Callable[[str], str]
) -> None:
    """A graph of each operator gives the right answers, compiled as builds compile it."""
    require(PROGRAMS[compiler])
    tally = run_networks(_numbers(core, compiler, profile), kind=GRAPHS, processes=1)
    assert tally.failures == []
    assert all(
        tally.counts[f"models of {operator}, {profile}", core, compiler] == 1 for operator in OPERATORS
    )


def _numbers(core: str, compiler: str, profile: str) -> list[int]:
    """Number one graph of each operator in one build."""
    (place,) = (
        place
        for place, each in enumerate(VARIANTS)
        if (each.core, each.compiler, each.profile) == (core, compiler, profile)
    )
    return [turn * len(VARIANTS) + place for turn in range(len(OPERATORS))]


@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
@pytest.mark.parametrize("kind", [GRAPHS, HOSTED], ids=lambda kind: kind.name)
def test_a_wrong_kernel_of_a_graph_is_found(kind: Kind, tmp_path: Path) -> None:
    """With a sign changed, answers differ, and the line says how to see it again."""
    root = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", root)
    right, wrong = "scaled + layer->output_zero_point", "scaled - layer->output_zero_point"
    for name in ("conv.h", "conv_runs.h"):  # grouped convolutions, and all others
        file = root / "engine" / name
        assert right in file.read_text()
        file.write_text(file.read_text().replace(right, wrong))
    turns = [OPERATORS.index("CONV_2D") + round_ * len(OPERATORS) for round_ in range(4)]
    numbers = [turn * len(kind.variants) + 2 for turn in turns]  # the plain kernel, which every core has
    failures = run_networks(numbers, kind=kind, processes=1, root=root).failures
    assert failures
    assert "answers differ; input [" in failures[0]
    options = "--graphs 0 --hosted 1" if kind is HOSTED else "--graphs 1 --hosted 0"
    assert "python -m trust conformance --seed " in failures[0]
    assert f"--networks 0 {options}" in failures[0]


def test_an_operator_and_a_function_that_were_not_met_are_named() -> None:
    """A run without graphs lacks all operators and all functions of the engine's headers: one line for each."""
    lines = missed_by_graphs(run_networks([], kind=GRAPHS, processes=1).counts, 2, BUILDS)
    assert len(lines) == 2 * len(OPERATORS) * len(BUILDS) + len(entries())
    assert "models of CONV_2D, speed on cortex-m0 with gcc: reached 0 times, 2 demanded" in lines
    assert "ts_conv_s8: no engine calls it" in lines


def test_a_kernel_that_one_core_lacks_is_named() -> None:
    """A kernel of the Cortex-M4 must run on a Cortex-M7, too, but need not run on a Cortex-M0."""
    counts = Counter({("kernel ts_fast_s8", "cortex-m4", "gcc"): 5})
    lines = [line for line in missed_by_graphs(counts, 2, BUILDS) if line.startswith("kernel")]
    assert [line.partition(":")[0] for line in lines] == [
        "kernel ts_fast_s8 on cortex-m4 with zig",
        "kernel ts_fast_s8 on cortex-m7 with gcc",
        "kernel ts_fast_s8 on cortex-m7 with zig",
    ]


@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
def test_a_kernel_that_was_met_too_rarely_is_looked_for() -> None:
    """One graph more, of the operator that has the kernel, in the build that lacks it."""
    counts = Counter({("kernel ts_softmax_s8", *build): 1 for build in BUILDS})
    counts["kernel ts_softmax_s8", "cortex-m4", "gcc"] = 0
    counts["ts_softmax_s8 by SOFTMAX", "cortex-m0", "gcc"] = 1
    tally = run_further(Tally(networks=8, answers=0, counts=counts, failures=[]), 1, first=1000)
    assert (tally.networks, tally.failures) == (9, [])
    assert tally.answers > 0
    assert tally.counts["kernel ts_softmax_s8", "cortex-m4", "gcc"] == 1


@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("core", "header", "right", "wrong"),
    [
        pytest.param(*("cortex-m4", "rows.h", 'TS_MAC("r2", 1)', 'TS_MAC("r2", 0)'), marks=pytest.mark.long),
        pytest.param(
            *("cortex-m0", "plain.h", "acc * channel->high", "acc * channel->low"), marks=pytest.mark.long
        ),
        pytest.param(
            *("cortex-m7", "compact.h", "(uint32_t)multiplier & 0xFF", "(uint32_t)multiplier & 0x03"),
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_wrong_kernel_is_found(core: str, header: str, right: str, wrong: str, tmp_path: Path) -> None:
    """With one place of a kernel changed, answers differ, and the line says how to see it again."""
    root = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", root)
    file = root / "engine" / header
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    failures = run_networks(cover(core, "gcc", KERNELS), processes=1, root=root).failures
    assert failures
    assert "answers differ; input [" in failures[0]
    assert "python -m trust conformance --seed " in failures[0]


def test_a_kernel_that_was_not_met_is_named() -> None:
    """A run without networks lacks all kernels: one line for each."""
    lines = missed(run_networks([], processes=1).counts, 3, [("cortex-m4", "gcc")], among=KERNELS)
    assert len(lines) == len(KERNELS)
    assert lines[0] == "TS_ROW, TS_USAT on cortex-m4 with gcc: reached 0 times, 3 demanded"


def test_a_number_names_one_network() -> None:
    """The same number is the same model, inputs and build."""
    first, second = draw(123), draw(123)
    assert first.model.sha256 == second.model.sha256
    assert first.inputs.tobytes() == second.inputs.tobytes()
    assert (first.variant, first.rounding) == (second.variant, second.rounding)
    assert draw_graph(123).model.sha256 == draw_graph(123).model.sha256


def test_an_engine_of_another_form_is_refused() -> None:
    """Names are changed by what the generator writes: if that changes, the campaign must not go on silently."""
    with pytest.raises(ValueError, match="does not define ts_engine"):
        one_file([("e0", "int ts_engine_invoke(void);")])


@pytest.mark.long
@pytest.mark.needs("gcc")
def test_engines_that_cannot_stand_together_are_told(tmp_path: Path) -> None:
    """Each builds alone: two headers that define the same name are still a failure."""
    root = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", root)
    for name in ("conv_runs.h", "lanes.h", "softmax.h"):
        file = root / "engine" / name
        file.write_text(file.read_text() + "\nstruct ts_twice {\n    int x;\n};\n")
    operators = [OPERATORS.index(operator) for operator in ("CONV_2D", "SOFTMAX")]
    turns = [operator + round_ * len(OPERATORS) for operator in operators for round_ in range(3)]
    numbers = [turn * len(HOSTED.variants) for turn in turns]
    failures = run_networks(numbers, kind=HOSTED, processes=1, root=root).failures
    assert failures
    assert "is right alone, and not together with 5 others" in failures[0]
    assert "ts_twice" in failures[0]
