"""Whole commands against what people compare them with, each in a process of its own, all in one run.

`tinysine run`, nothing cached, against plain `model.fit` of the same settings alone; `tinysine verify` of a model that
is there already, against `import tensorflow`; `tinysine --help` against the 0.3 s that it may take on an idle computer.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.training import plain_fit
from tinysine.model import REFERENCE_MODEL
from tinysine.training import TrainingSettings, make_dataset

VERIFY_RUNS = 3
HELP_RUNS = 5
MOST_HELP_S = 0.3


def measure(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Time the commands.

    Args:
        quick: each once. The training stays whole: the promise is about all of it.
    Returns:
        By comparison: seconds of the command, seconds of what it is held against, and their ratio.
    """
    settings = TrainingSettings()
    runs = 1 if quick else VERIFY_RUNS
    fit = plain_fit(settings, make_dataset(settings)).seconds
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run = command_seconds(["run", "--out", str(work / "out")], work, "run")
        verify = statistics.median(
            command_seconds(["verify", str(REFERENCE_MODEL)], work, f"verify {number}")
            for number in range(runs)
        )
        imported = statistics.median(_python_seconds(["-c", "import tensorflow"]) for _ in range(runs))
    # The quickest: anything else that runs makes it later, and nothing makes it earlier.
    shown = min(_python_seconds(["-m", "tinysine", "--help"]) for _ in range(HELP_RUNS))
    rows = {
        "tinysine run, nothing cached, against plain model.fit": (run, fit),
        "tinysine verify, nothing cached, against import tensorflow": (verify, imported),
        "tinysine --help, against what it may take": (shown, MOST_HELP_S),
    }
    print("| | seconds | held against | ratio |\n|---|--:|--:|--:|")
    figures = {}
    for name, (ours, other) in rows.items():
        print(f"| {name} | {ours:.2f} | {other:.2f} | {ours / other:.3f} |", flush=True)
        figures[name] = {"seconds": ours, "held_against_s": other, "ratio": ours / other}
    return figures


def command_seconds(arguments: list[str], work: Path, cache: str) -> float:
    """Seconds of a tinysine command with an empty cache.

    Args:
        arguments: of it.
        work: a folder.
        cache: name of a folder in it that does not exist yet.
    """
    return _python_seconds(["-m", "tinysine", *arguments], XDG_CACHE_HOME=str(work / cache))


def _python_seconds(arguments: list[str], **environment: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, env={**os.environ, **environment}
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    measure(quick="--quick" in sys.argv)
