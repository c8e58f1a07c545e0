"""`tinysine_assert_equal` with a tolerance: for foreign engines only, and for outputs that are computed in floats."""

from __future__ import annotations

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


def test_floats_need_a_tolerance_of_their_own(pytester: pytest.Pytester) -> None:
    """Without one, and with one of codes, the line says what is wrong; one that is too small fails the test."""
    model = read_model(CASE)
    oracle = litert_oracle(model)

    def answer(values: NDArray[Any]) -> NDArray[Any]:
        nearly: NDArray[Any] = oracle.run(values) + np.float32(2.0**-10)
        return nearly

    device = FakeDevice.of_model(model, answer)
    device.board_name, device.build_id, device.lacks = b"gadget", bytes(16), (4, 5, 6, 7, 8, 9)
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

        def test_too_small(judged):
            judged(tolerance_abs=1e-4)
    """)
    terminal = PtyDevice(device)
    try:
        ended = pytester.runpytest(
            "-p", "no:cacheprovider",
            "--tinysine-firmware=foreign", f"--tinysine-port={terminal.port}", f"--tinysine-model={CASE}",
        )  # fmt: skip
    finally:
        terminal.close()
    ended.assert_outcomes(passed=2, failed=1)
    ended.stdout.fnmatch_lines(["*differ from litert by more than 0.0001*"])
