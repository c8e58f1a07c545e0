"""`tinysine verify` of the sine now, against an earlier commit of this repository: both in turns, in one run.

`python -m benchmarks.verify_before [--quick] [COMMIT]`. The default is the last commit that judged nothing but its own
engine: the harness was opened for any model, engine and firmware since, and is to be no slower for it. Wall time is
what a person waits, and is what the limit is for; the processor time of all processes is shown beside it.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tinysine.model import REFERENCE_MODEL

COMMIT = "55c82c17c2e622fb798d2d0001e390ee2106e540"
ROUNDS = 15
MOST = 1.05  # so much may be noise
ROOT = Path(__file__).parents[1]


def measure(*, quick: bool = False, commit: str = COMMIT) -> dict[str, dict[str, float]]:
    """Time both versions.

    Args:
        quick: two rounds, which are too few to call a version slower.
        commit: the other version.
    Returns:
        With the caches filled and with none: medians of wall and processor seconds of both, and the median of each
        round's ratio. The two of a round run one after the other: a computer is not equally fast all the time.
    Raises:
        RuntimeError: the commit is not in this repository, a command failed, or this version is slower.
    """
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        trees = {"now": ROOT, "before": _tree(commit, work / "before")}
        print("| verify of the sine | now | before | ratio |\n|---|--:|--:|--:|")
        for state in ("cached", "nothing cached"):
            for version, tree in trees.items():
                _verify(tree, work / f"cache-{version}")
            taken: dict[str, list[tuple[float, float]]] = {version: [] for version in trees}
            for _ in range(2 if quick else ROUNDS):
                for version, tree in trees.items():
                    cache = work / f"cache-{version}"
                    if state == "nothing cached":
                        shutil.rmtree(cache)
                    taken[version].append(_verify(tree, cache))
            row: dict[str, float] = {}
            for place, what in enumerate(("wall", "cpu")):
                rounds = list(
                    zip(*([run[place] for run in taken[version]] for version in trees), strict=True)
                )
                now, before = map(statistics.median, zip(*rounds, strict=True))
                ratio = statistics.median(ours / theirs for ours, theirs in rounds)
                row |= {f"{what}_s": now, f"{what}_before_s": before, f"{what}_ratio": ratio}
                print(f"| {state}, {what} s | {now:.2f} | {before:.2f} | {ratio:.3f} |", flush=True)
            figures[state] = row
    slower = [state for state, row in figures.items() if row["wall_ratio"] > MOST]
    if slower and not quick:
        raise RuntimeError(f"verify takes longer than before: {', '.join(slower)}")
    return figures


def _tree(commit: str, folder: Path) -> Path:
    """The files of a commit, in a folder of their own.

    Raises:
        RuntimeError: there is none.
    """
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", f"--output={archive}", commit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"commit {commit} cannot be had from {ROOT}: {done.stderr.strip()}")
    shutil.unpack_archive(archive, folder, filter="data")
    return folder


def _verify(tree: Path, cache: Path) -> tuple[float, float]:
    """Wall seconds, and processor seconds of all processes.

    Raises:
        RuntimeError: it did not pass.
    """
    command = [sys.executable, "-m", "tinysine", "verify", str(REFERENCE_MODEL), "--board", "nano33ble-sense"]
    cache.mkdir(exist_ok=True)
    variables = {"PYTHONPATH": str(tree), "XDG_CACHE_HOME": str(cache)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cache, env={**os.environ, **variables}
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"verify of {tree} ended with {done.returncode}: {done.stderr.strip()}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    chosen = [argument for argument in sys.argv[1:] if argument != "--quick"]
    measure(quick="--quick" in sys.argv, commit=chosen[0] if chosen else COMMIT)
