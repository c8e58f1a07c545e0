"""A model that does not fit the chosen board ends the session as bad usage does."""

from __future__ import annotations

from pathlib import Path

import pytest

CASE = Path(__file__).parents[1] / "cases" / "img32_u8.tflite"


def test_a_model_too_large_for_the_board_ends_the_session(pytester: pytest.Pytester) -> None:
    """One line with both figures, once, and pytest's exit code for usage errors."""
    pytester.makepyfile("def test_one(tinysine_image): pass\ndef test_two(tinysine_image): pass\n")
    ended = pytester.runpytest(
        "-p", "no:cacheprovider", "--tinysine-board=qemu:arduino-uno", f"--tinysine-model={CASE}"
    )
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    text = ended.stdout.str() + ended.stderr.str()
    assert text.count("1,050 more than qemu:arduino-uno has (2,048)") == 1
    assert "Traceback" not in text
