"""A slice of `python -m trust conformance`: every kernel on every core by both compilers, and a bench that can fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trust.conformance.campaign import BUILDS, cover, run_networks
from trust.conformance.coverage import KERNELS, missed
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


@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("core", "header", "right", "wrong"),
    [
        ("cortex-m4", "rows.h", 'TS_MAC("r2", 1)', 'TS_MAC("r2", 0)'),
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


def test_an_engine_of_another_form_is_refused() -> None:
    """Names are changed by what the generator writes: if that changes, the campaign must not go on silently."""
    with pytest.raises(ValueError, match="does not define ts_engine"):
        one_file([("e0", "int ts_engine_invoke(void);")])
