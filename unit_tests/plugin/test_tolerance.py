"""`tinysine_assert_equal` with a tolerance: for foreign engines only, and for outputs that are computed in floats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.model import read_model
from tinysine.oracles import litert_oracle
from tinysine.testing import FakeDevice
from tinysine.testing.fake_terminal import PtyDevice

CASE = Path(__file__).parents[1] / "cases" / "dense_float32.tflite"


@pytest.fixture
def port() -> Iterator[str]:
    """A device that is off by nearly a thousandth in each answer."""
    model = read_model(CASE)
    oracle = litert_oracle(model)

    def answer(values: NDArray[Any]) -> NDArray[Any]:
        nearly: NDArray[Any] = oracle.run(values) + np.float32(2.0**-10)
        return nearly

    device = FakeDevice.of_model(model, answer)
    device.board_name, device.build_id, device.lacks = b"gadget", bytes(16), (4, 5, 6, 7, 8, 9)
    terminal = PtyDevice(device)
    yield terminal.port
    terminal.close()


def session(pytester: pytest.Pytester, port: str, *options: str) -> pytest.RunResult:
    """Run the tests that were made."""
    return pytester.runpytest(
        "-p", "no:cacheprovider",
        "--tinysine-firmware=foreign", f"--tinysine-port={port}", f"--tinysine-model={CASE}", *options,
    )  # fmt: skip


def test_floats_need_a_tolerance_of_their_own(pytester: pytest.Pytester, port: str) -> None:
    """Without one, and with one of codes, the line says what is wrong; one that is too small fails the test."""
    pytester.makepyfile("""
        import pytest
        from tinysine.errors import ConfigError

        @pytest.fixture
        def judged(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            answers = tinysine_device.infer(tinysine_inputs)
            return lambda **options: tinysine_assert_equal(tinysine_inputs, answers, **options)

        def test_enough(judged):
            verdict = judged(tolerance_abs=2e-3)
            assert verdict.tolerated == verdict.checked

        def test_none(judged):
            with pytest.raises(ConfigError, match="computed in float32"):
                judged()
            with pytest.raises(ConfigError, match="counts codes"):
                judged(tolerance=1)
            for codes in (True, 7.9, float("nan"), "1", None):
                with pytest.raises(ConfigError, match="tolerance is .*, which is none"):
                    judged(tolerance=codes, tolerance_abs=1.0)
            for far in (True, "1", None):
                with pytest.raises(ConfigError, match="tolerance_abs is .*, which is none"):
                    judged(tolerance_abs=far)

        def test_too_small(judged):
            judged(tolerance_abs=1e-4)
    """)
    ended = session(pytester, port)
    ended.assert_outcomes(passed=2, failed=1)
    ended.stdout.fnmatch_lines(["*differ from litert by more than 0.0001*"])
    ended.stdout.no_fnmatch_line("*outputs may differ*")


SUITE = """
    def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
        verdict = tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
        assert verdict.tolerated == verdict.checked
"""


@pytest.mark.parametrize("how", ["option", "variable", "file"])
def test_a_whole_session_has_the_tolerance_that_was_asked_for(
    pytester: pytest.Pytester, port: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A suite that names none is judged by it, and the last lines say so."""
    pytester.makepyfile(SUITE)
    options = ["--tinysine-tolerance-abs=2e-3"] if how == "option" else []
    if how == "variable":
        monkeypatch.setenv("TINYSINE_TOLERANCE_ABS", "2e-3")
    if how == "file":
        pytester.makeini("[pytest]\ntinysine_tolerance_abs = 2e-3\n")
    ended = session(pytester, port, *options)
    ended.assert_outcomes(passed=1)
    ended.stdout.fnmatch_lines(
        [
            "tinysine: *tolerance-abs 2e-3 (from *",
            "tinysine: outputs may differ by 0.002 in float32, as was asked for",
        ]
    )


def test_a_tolerance_of_a_session_that_is_too_small_fails(pytester: pytest.Pytester, port: str) -> None:
    """It is named where it was overstepped."""
    pytester.makepyfile(SUITE)
    ended = session(pytester, port, "--tinysine-tolerance-abs=1e-4")
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*differ from litert by more than 0.0001*"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--tinysine-tolerance=1", f"--tinysine-model={CASE}", "--tinysine-firmware=foreign"],
            "*counts codes*",
        ),
        (["--tinysine-tolerance=1"], "*a tolerance is for engines and firmware of others*"),
        (
            ["--tinysine-tolerance-abs=nan"],
            "*tolerance-abs 'nan' (from --tinysine-tolerance-abs) is not a number*",
        ),
        (
            ["--tinysine-tolerance=200", "--tinysine-engine=bakenn", "--tinysine-reference=tflm"],
            "*would let any answer pass*",
        ),
    ],
)
def test_a_tolerance_that_makes_no_sense_is_a_usage_error(
    pytester: pytest.Pytester, options: list[str], said: str
) -> None:
    """In one line, before any test."""
    pytester.makepyfile("def test_one(): pass")
    ended = pytester.runpytest("-p", "no:cacheprovider", "--tinysine-port=/dev/null", *options)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines([said])
    ended.stderr.no_fnmatch_line("*Traceback*")
