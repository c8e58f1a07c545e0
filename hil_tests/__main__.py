"""Run the suite on several boards, for every two cores of this computer one that needs a core and two others at once.

`python -m hil_tests [--boards NAME,NAME] [PYTEST OPTIONS]`. Each board is a pytest run of its own, whose output is
shown when it ends. A board in QEMU is skipped where QEMU or its compiler is not installed. The exit code is that of
the worst run: 1 if the product failed, 2 for bad input, 3 if the bench failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tinysine.bench.suite_report import SuiteReport, read_suite
from tinysine.errors import BENCH, CAUSES, PASS, PRODUCT, Cause, worst

# It dims its LED in software, and its twin takes a core of the computer while that is watched, as QEMU does.
DIMS_IN_SOFTWARE = "stm32f746g-disco"
# The slowest first, so that the last one to end does not run alone for long.
BOARDS = (
    "stm32f746g-disco",
    "qemu:microbit",
    "qemu:arduino-uno",
    "sparkfun-edge",
    "qemu:mps2-an386",
    "nano33ble-sense",
    "qemu:lm3s6965evb",
    "host",
)
FOLDER = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Run the suite on each board and say how each ended; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m hil_tests", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--boards", default=",".join(BOARDS), help="names, with commas between (%(default)s)")
    parser.add_argument("--junit", type=Path, help="folder for each board's JUnit file")
    options, pytest_options = parser.parse_known_args(arguments)
    causes: dict[str, Cause] = {}
    began = time.monotonic()
    boards = options.boards.split(",")
    # The other twins and their tests wait most of the time.
    at_once = max(1, (os.cpu_count() or 1) // 2)
    with (
        TemporaryDirectory() as folder,
        ThreadPoolExecutor(at_once) as busy,
        ThreadPoolExecutor(3 * at_once) as others,
    ):
        junit = options.junit or Path(folder)
        runs = {}
        for board in boards:
            pool = busy if board.startswith("qemu:") or board == DIMS_IN_SOFTWARE else others
            runs[pool.submit(run_board, board, junit, pytest_options)] = board
        for run in as_completed(runs):
            board = runs[run]
            causes[board], output = run.result()
            print(f"\n===== {board}: {causes[board].words}\n{output}", flush=True)
    print(f"\n{len(causes)} boards in {time.monotonic() - began:.0f} s")
    for board, cause in causes.items():
        if cause is not PASS:
            print(f"{board}: {cause.sentence}")
    return worst(causes.values()).exit_code


def cause_of_run(exit_code: int, report: SuiteReport) -> Cause:
    """Say why a run ended as it did: by what tinysine's plugin wrote into its report, else by pytest's exit code.

    Args:
        exit_code: of pytest; negative for a signal that ended it.
        report: that the run left; an empty one where it left none.
    """
    said = next((cause for cause in CAUSES if cause.words == report.verdict), PASS)
    if exit_code == 0 or said is not PASS:
        return said
    return PRODUCT if exit_code == pytest.ExitCode.TESTS_FAILED else BENCH


def run_board(board: str, junit: Path, pytest_options: list[str]) -> tuple[Cause, str]:
    """Run the suite on one board; return why it ended as it did, and its output."""
    report = junit / f"{board.replace(':', '-')}.xml"
    # -P: the installed package is tested, not the folder that this is started in.
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        str(FOLDER),
        f"--tinysine-board={board}",
        "--skip-missing",
        f"--junitxml={report}",
    ]
    report.unlink(missing_ok=True)
    done = subprocess.run(
        [*command, *pytest_options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return cause_of_run(done.returncode, read_suite(report)), done.stdout


if __name__ == "__main__":
    sys.exit(main())
