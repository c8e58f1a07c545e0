"""The board's suite is tested: each way of being wrong by the least amount makes it fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def run_suite(mutant: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the suite's outputs and identity on the firmware for this computer, with one thing wrong."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("TINYSINE_", "PYTEST_"))
    }
    return subprocess.run(
        [
            sys.executable,
            # It ends at the first failure, which is all that a mutant is asked for.
            *("-m", "pytest", "-x", "hil_tests/test_outputs.py", "hil_tests/test_identity.py"),
            *("-p", "mutants", "--tinysine-board=host", "-p", "no:cacheprovider", "-q"),
            *("--basetemp", str(tmp_path / "pytest")),
        ],
        cwd=ROOT,
        env=clean | {"MUTANT": mutant, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def test_suite_passes_when_nothing_is_wrong(tmp_path: Path) -> None:
    """The control of this experiment: without a mutant the same command passes."""
    result = run_suite("nothing", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("mutant", "summary"),
    [
        ("flipped_weight", r"FAILED .*test_outputs_equal_the_reference"),
        ("wrong_rounding", r"IdentityMismatch: .* reports rounding tflm, not litert"),
        ("forged_rounding", r"FAILED .*test_outputs_equal_the_reference"),
        ("oracle_off_by_one", r"FAILED .*test_outputs_equal_the_reference"),
    ],
)
def test_suite_fails_when_one_thing_is_wrong(mutant: str, summary: str, tmp_path: Path) -> None:
    """A flipped weight, the other rounding (told or untold), an oracle off by one: each is caught."""
    result = run_suite(mutant, tmp_path)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout + result.stderr
    assert re.search(summary, result.stdout), result.stdout
