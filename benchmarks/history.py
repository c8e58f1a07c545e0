"""Questions to a history of a million figures, timed: `python -m benchmarks.history`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tinysine.bench.night_report import rows
from tinysine.history import Figure, History, HistoryRun, choose_run, compare_runs, judge_gates, read_gates
from tinysine.reports.past import past_of

NIGHTS, BOARDS, FIGURES = 100, 20, 500
MOST_S = 0.5  # that a question may take
NEW = Figure("memory.stack_bytes", 120, "bytes", better="lower")  # that no run before has


def _night(number: int, *, more: tuple[Figure, ...] = ()) -> list[HistoryRun]:
    """Many runs of one board: the longest series that there can be."""
    figures = (
        Figure("latency.median", 331, "instructions", better="lower"),
        Figure("memory.flash_bytes", 7000 + number, "bytes", better="lower"),
        *(
            Figure("layers.rows.cost", figure, "instructions", f"layer {figure}", "lower")
            for figure in range(FIGURES - 2)
        ),
    )
    return [
        HistoryRun(
            started_utc=f"2026-01-01T00:00:{number % 60:02}.000Z",
            command="nightly",
            night=f"night {number}",
            board="nano33ble-sense",
            kind="emulated",
            verdict="pass",
            model_file="model.tflite",
            model_sha256="a" * 64,
            engine="generated",
            reference="litert",
            figures=(*figures, *more),
        )
        for _ in range(BOARDS)
    ]


def _questions(history: History, now: list[HistoryRun]) -> dict[str, Callable[[], object]]:
    """Questions of the list, `diff`, gates and the report of a night, by what people call them.

    Args:
        history: of earlier nights.
        now: the runs of this night.
    """
    run = now[-1]
    new, grown = read_gates(["stack_bytes +0 %"]), read_gates(["flash_bytes +0 %"])

    def diff() -> None:
        last = choose_run("last", history=history)
        compare_runs(getattr(choose_run("last-pass", history=history, like=last), "run", run), run)

    return {
        "the last 20 runs, with figures": lambda: [
            history.run(kept.number) for kept in history.runs(most=20)
        ],
        "a night": lambda: history.runs(night="night 7"),
        "the last run against the last pass": diff,
        "growth since the last pass": lambda: judge_gates(run, grown, history),
        "growth of a figure that is new": lambda: judge_gates(run, new, history),
        "a board's card, changes and trends": lambda: past_of(run, history, limits={}),
        f"the table of {len(now)} boards": lambda: rows(now, history),
    }


def _timed(question: Callable[[], object]) -> float:
    began = time.perf_counter()
    question()
    return time.perf_counter() - began


def measure() -> dict[str, float]:
    """Ask what reports ask, print the table, and return the seconds by question.

    Raises:
        RuntimeError: a question takes longer than half a second.
    """
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, History(Path(folder) / "history.sqlite") as history:
        began = time.perf_counter()
        history.add(run for night in range(NIGHTS) for run in _night(night))
        seconds["all nights written"] = time.perf_counter() - began
        for name, question in _questions(history, _night(0, more=(NEW,))).items():
            seconds[name] = min(_timed(question) for _ in range(3))
    print(
        f"{NIGHTS * BOARDS * FIGURES:,} figures of {NIGHTS * BOARDS:,} runs\n\n| question | seconds |\n|---|--:|"
    )
    for name, value in seconds.items():
        print(f"| {name} | {value:.4f} |")
    slow = [name for name, value in seconds.items() if value > MOST_S and "written" not in name]
    if slow:
        raise RuntimeError(f"takes longer than {MOST_S} s: {', '.join(slow)}")
    return seconds


if __name__ == "__main__":
    measure()
