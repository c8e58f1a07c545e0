"""The board's suite is tested: each way of being wrong by the least amount makes it fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def sessions(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Exit code and output of the suite's outputs and identity on the firmware for this computer, for each mutant.

    Only the mutants of the tests that are run get a session.
    """
    wanted = [item.callspec.params["mutant"] for item in request.session.items if item.path == Path(__file__)]
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("TINYSINE_", "PYTEST_"))
    }
    out = tmp_path_factory.mktemp("mutants")
    done = subprocess.run(
        [sys.executable, str(HERE / "mutants.py"), str(out), *wanted],
        cwd=ROOT,
        env=clean | {"PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads((out / "sessions.json").read_text()))


@pytest.mark.long
@pytest.mark.parametrize("mutant", ["nothing", "convolution_is_right"])
def test_suite_passes_when_nothing_is_wrong(sessions: dict[str, dict[str, Any]], mutant: str) -> None:
    """The controls of this experiment: without a mutant the same command passes."""
    session = sessions[mutant]
    assert session["code"] == 0, session["output"]


@pytest.mark.parametrize(
    ("mutant", "summary"),
    [
        pytest.param(
            *("flipped_weight", r"FAILED .*test_outputs_equal_the_reference"), marks=pytest.mark.long
        ),
        pytest.param(
            *("wrong_rounding", r"IdentityMismatch: .* reports rounding tflm, not litert"),
            marks=pytest.mark.long,
        ),
        pytest.param(
            *("forged_rounding", r"FAILED .*test_outputs_equal_the_reference"), marks=pytest.mark.long
        ),
        pytest.param(
            *("oracle_off_by_one", r"FAILED .*test_outputs_equal_the_reference"), marks=pytest.mark.long
        ),
        *(
            pytest.param(
                f"convolution_{what}", r"FAILED .*test_outputs_equal_the_reference", marks=pytest.mark.long
            )
            for what in (
                *(
                    "bias",
                    "weight",
                    "padding",
                    "stride",
                    "multiplier",
                    "shift",
                    "input_channels",
                    "output_channels",
                ),
            )
        ),
    ],
)
def test_suite_fails_when_one_thing_is_wrong(
    sessions: dict[str, dict[str, Any]], mutant: str, summary: str
) -> None:
    """A flipped weight, the other rounding (told or untold), an oracle off by one, a convolution: each is caught."""
    session = sessions[mutant]
    assert session["code"] == pytest.ExitCode.TESTS_FAILED, session["output"]
    assert re.search(summary, session["output"]), session["output"]
