"""Bad input that only a build brings to light ends the session as bad usage does."""

from __future__ import annotations

from pathlib import Path

import pytest

CASE = Path(__file__).parents[1] / "cases" / "img32_u8.tflite"


@pytest.mark.needs("avr-gcc", "qemu-system-avr")
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.long)])
def test_a_model_too_large_for_the_board_ends_the_session(pytester: pytest.Pytester, workers: int) -> None:
    """One line with both figures, and pytest's exit code for usage errors, with workers of xdist as without."""
    pytester.makepyfile("def test_one(tinysine_image): pass\ndef test_two(tinysine_image): pass\n")
    ended = pytester.runpytest(
        "-p",
        "no:cacheprovider",
        "--tinysine-board=qemu:arduino-uno",
        f"--tinysine-model={CASE}",
        f"-n{workers}",
    )
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    text = ended.stdout.str() + ended.stderr.str()
    said = [line for line in text.splitlines() if "1,050 more than qemu:arduino-uno has (2,048)" in line]
    assert said
    assert "the input was bad; nothing was learned against the product" in text
    assert "Traceback" not in text
