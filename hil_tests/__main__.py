"""Run the suite on several boards, one for every two cores of this computer at once.

`python -m hil_tests [--boards NAME,NAME] [PYTEST OPTIONS]`. Each board is a pytest run of its own, whose output is
shown when it ends. A board in QEMU is skipped where QEMU or its compiler is not installed. The exit code is the
worst of all runs: 1 if tests failed or had errors, else what kept a run from its end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

# It dims its LED in software, on the computer's clock: its twin needs a core of the computer for itself.
ALONE = ("stm32f746g-disco",)
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
    codes: dict[str, int] = {}
    began = time.monotonic()
    boards = options.boards.split(",")
    groups = [[board] for board in boards if board in ALONE] + [[b for b in boards if b not in ALONE]]
    # A board is two processes, pytest and the twin, and the twin goes by the computer's clock.
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2)) as pool:
        for group in groups:
            runs = {pool.submit(run_board, board, options.junit, pytest_options): board for board in group}
            for run in as_completed(runs):
                board = runs[run]
                codes[board], output = run.result()
                print(f"\n===== {board}: exit code {codes[board]}\n{output}", flush=True)
    print(f"\n{len(codes)} boards in {time.monotonic() - began:.0f} s")
    failed = {board: code for board, code in codes.items() if code}
    for board, code in failed.items():
        print(f"failed: {board}, exit code {code}")
    return worst(codes)


def worst(codes: dict[str, int]) -> int:
    """Return 1 if a run ended with pytest's "tests failed", errors of the bench included, else what is worse than 0.

    A run that a signal ended has a negative code; 3 says that it is the computer that is in trouble.
    """
    if 1 in codes.values():
        return 1
    return max((3 if code < 0 else code for code in codes.values()), default=0)


def run_board(board: str, junit: Path | None, pytest_options: list[str]) -> tuple[int, str]:
    """Run the suite on one board; return pytest's exit code and its output."""
    # -P: the installed package is tested, not the folder that this is started in.
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        str(FOLDER),
        f"--tinysine-board={board}",
        "--skip-missing",
    ]
    if junit is not None:
        command.append(f"--junitxml={junit / board.replace(':', '-')}.xml")
    done = subprocess.run(
        [*command, *pytest_options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
