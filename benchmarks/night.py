"""Overhead of a night: five twins, each verified and put through a small suite, by `tinysine nightly` and by hand.

By hand the same commands run one after the other, and nothing else. The night runs one board at a time, so that both
do the same work in the same order: the difference is the harness (plan, history, reports, the watch over each part).
The seconds mean something on an idle computer only; the processor time of the night's own process means it always, and
is what the limit is for.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tinysine.model import REFERENCE_MODEL
from tinysine.settings import BOARD, MODEL, PORT

BOARDS = 5
TYPE = "nano33ble-sense"
ROUNDS = 3
MOST_S = 1.0
# The command, and the processor time of its own process when it has ended.
COUNTED = """
import pathlib, resource
from tinysine.cli import main
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pathlib.Path("used").write_text(str(used.ru_utime + used.ru_stime))
"""
SUITE = """
def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
    tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
"""


def measure(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Time nights and the same commands by hand, in turns.

    Args:
        quick: one of each.
    Returns:
        Seconds of a night, of its boards by hand, and of the harness: the median of the differences; what a night takes
        beyond the seconds that it counts for its own parts; and processor time of its own process.
    Raises:
        RuntimeError: the harness takes more than it may.
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "test_suite.py").write_text(SUITE, encoding="utf-8")
        (work / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        rows = "".join(f'[[board]]\nid = "b{n}"\nname = "{TYPE}"\nport = "twin"\n' for n in range(BOARDS))
        (work / "tinysine-bench.toml").write_text(rows, encoding="utf-8")
        _by_hand(work)  # fills the cache of images
        rounds = [(_night(work, number), _by_hand(work)) for number in range(1 if quick else ROUNDS)]
    figures = {
        "night_s": statistics.median(night for (night, _, _), _ in rounds),
        "by_hand_s": statistics.median(alone for _, alone in rounds),
        "harness_s": statistics.median(night - alone for (night, _, _), alone in rounds),
        "beyond_its_parts_s": statistics.median(night - parts for (night, parts, _), _ in rounds),
        "own_cpu_s": statistics.median(own for (_, _, own), _ in rounds),
    }
    print("| of five boards | seconds |\n|---|--:|")
    for figure, value in figures.items():
        print(f"| {figure.removesuffix('_s').replace('_', ' ')} | {value:.2f} |")
    if figures["own_cpu_s"] > MOST_S:
        raise RuntimeError(f"the harness takes {figures['own_cpu_s']:.2f} s of CPU, more than {MOST_S:g}")
    return {f"{BOARDS} twins": figures}


def _suite(report: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py", *report.split()]


def _night(work: Path, number: int) -> tuple[float, float, float]:
    """Seconds of a night, those that it counts for its parts, and the processor time of its own process."""
    out = work / f"night-{number}"
    command = [sys.executable, "-c", COUNTED, "nightly", "--out", str(out), "--jobs", "1"]
    seconds = _seconds([*command, "--suite", shlex.join(_suite(""))], work)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    own = float((work / "used").read_text(encoding="utf-8"))
    return seconds, sum(part["seconds"] for board in summary["boards"] for part in board["parts"]), own


def _by_hand(work: Path) -> float:
    """Seconds of the commands of the night, one after the other."""
    verify = [sys.executable, "-m", "tinysine", "verify", str(REFERENCE_MODEL), "--board", TYPE, "--quiet"]
    told = {BOARD.variable: TYPE, PORT.variable: "twin", MODEL.variable: str(REFERENCE_MODEL)}
    return sum(
        _seconds([*verify, "--place", f"b{number}", "--json", str(work / "evidence.json")], work)
        + _seconds(_suite("--junitxml=suite.xml"), work, **told)
        for number in range(BOARDS)
    )


def _seconds(command: list[str], folder: Path, **variables: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env={**os.environ, **variables})
    return time.perf_counter() - began


if __name__ == "__main__":
    measure(quick="--quick" in sys.argv)
