"""The fixtures on a device whose model has two inputs and two outputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tinysine.model import read_model
from tinysine.oracles import litert_oracle
from tinysine.testing import FakeDevice
from tinysine.testing.fake_terminal import PtyDevice

CASE = Path(__file__).parents[1] / "cases" / "two_ends.tflite"


@pytest.fixture
def port() -> Iterator[str]:
    """Foreign firmware that answers as LiteRT does."""
    model = read_model(CASE)
    oracle = litert_oracle(model)
    device = FakeDevice.of_model(model, lambda *inputs: oracle.run(inputs))
    device.board_name, device.build_id = b"gadget", bytes(16)
    device.lacks = (4, 5, 6, 7, 8, 9)
    terminal = PtyDevice(device)
    yield terminal.port
    terminal.close()


def test_answers_are_tuples_and_each_output_is_judged(pytester: pytest.Pytester, port: str) -> None:
    """Right ones pass; a wrong one fails with its tensor's name; a missing one is no answer at all."""
    pytester.makepyfile("""
        import numpy as np
        import pytest

        def test_right(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            motion, sound = tinysine_inputs
            levels, left = tinysine_device.infer((motion, sound))
            assert (levels.dtype, levels.shape[1], left.dtype, left.shape[1]) == (np.float32, 2, np.int8, 3)
            assert tinysine_assert_equal(tinysine_inputs, (levels, left)).checked == len(motion)

        def test_lists(tinysine_device, tinysine_assert_equal):
            asked = ([[0.5, -1.0]], [[1, 2, 3, 4]])
            tinysine_assert_equal(asked, tinysine_device.infer(asked))

        def test_refused(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            levels, left = tinysine_device.infer(tinysine_inputs)
            for answers in ((levels,), levels, (left, levels), (levels, left[:-1])):
                with pytest.raises(ValueError):
                    tinysine_assert_equal(tinysine_inputs, answers)

        def test_wrong(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            levels, left = tinysine_device.infer(tinysine_inputs)
            left[5, 1] ^= 1
            tinysine_assert_equal(tinysine_inputs, (levels, left))
    """)
    ended = pytester.runpytest(
        "-p", "no:cacheprovider",
        "--tinysine-firmware=foreign", f"--tinysine-port={port}", f"--tinysine-model={CASE}",
    )  # fmt: skip
    ended.assert_outcomes(passed=3, failed=1)
    ended.stdout.fnmatch_lines(["*broke  engine: output 'left': 1 of *", "*wrong  output 'left' of input *"])


@pytest.mark.long
def test_an_engine_of_ones_own_is_judged_by_the_same_test(pytester: pytest.Pytester) -> None:
    """A model that the generated engine cannot run, on firmware for this computer."""
    pytester.makepyfile("""
        def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
    """)
    ended = pytester.runpytest(
        "-p", "no:cacheprovider", "--tinysine-board=host", f"--tinysine-model={CASE}",
        f"--tinysine-engine={CASE.parent / 'engines' / 'graph'}",
    )  # fmt: skip
    ended.assert_outcomes(passed=1)
