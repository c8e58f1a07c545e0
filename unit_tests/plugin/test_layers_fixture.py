"""`tinysine_layers`: what `tinysine verify --layers` finds, for a test to judge."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tinysine.model import REFERENCE_MODEL
from unit_tests.plugin.conftest import FAKE_BOARD

DENSE = Path(__file__).parents[1] / "cases" / "engines" / "dense"
BUILDS_THAT_WRITE = """
import tinysine.verify

vars(IMAGE).update(engine="dense", optimize="speed", prune=False, toolchain=SimpleNamespace(name="cc"))


def verify_layers(*_arguments, **_options):
    with open("model.tflite", "ab") as file:
        file.write(b" ")
    return "a verdict", None


@pytest.fixture(scope="session", autouse=True)
def layers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tinysine.verify, "verify_layers", verify_layers)
        yield


@pytest.fixture(scope="session")
def tinysine_reference():
    return SimpleNamespace(run=lambda codes: codes)
"""


@pytest.mark.long
def test_layers_are_judged_and_the_board_is_whole_again(pytester: pytest.Pytester) -> None:
    """The device that other tests have runs the image before and after."""
    pytester.makepyfile("""
        import numpy as np

        def test_before(tinysine_device, tinysine_image):
            assert tinysine_device.identify().build_id == tinysine_image.build_id

        def test_layers(tinysine_layers, tinysine_device, tinysine_image):
            assert tinysine_layers.passed, tinysine_layers.finding
            assert [row.checked for row in tinysine_layers.rows] == [256, 256, 256]
            assert tinysine_device.identify().build_id == tinysine_image.build_id

        def test_after(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
    """)
    ended = pytester.runpytest("-p", "no:cacheprovider", "--tinysine-board=host")
    ended.assert_outcomes(passed=3)
    assert "flaky" not in ended.stdout.str()


def test_a_model_that_was_changed_by_the_builds_is_bad_input(fake: pytest.Pytester) -> None:
    """A command that generates the engine of each cut model may write where it likes; `verify` looks, too."""
    shutil.copy(REFERENCE_MODEL, fake.path / "model.tflite")
    fake.makeconftest(f"{FAKE_BOARD}\n{BUILDS_THAT_WRITE}")
    fake.makepyfile("def test_one(tinysine_layers): pass")
    ended = fake.runpytest_inprocess(
        "-p", "no:cacheprovider", f"--tinysine-engine={DENSE}", "--tinysine-model=model.tflite"
    )
    ended.assert_outcomes(errors=1)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stdout.fnmatch_lines(["ConfigError: *model.tflite was changed while the engine dense was built: *"])
