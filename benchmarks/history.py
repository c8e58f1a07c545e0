"""Questions to a history of a million figures, timed: `python -m benchmarks.history`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tinysine.history import Figure, History, HistoryRun

NIGHTS, BOARDS, FIGURES = 100, 20, 500


def _night(number: int) -> list[HistoryRun]:
    figures = tuple(Figure(f"figure {figure}", number + figure, "bytes") for figure in range(FIGURES))
    return [
        HistoryRun(
            started_utc=f"2026-01-01T00:00:{number % 60:02}.000Z",
            command="nightly",
            night=f"night {number}",
            board=f"board {board}",
            kind="emulated",
            verdict="pass",
            figures=figures,
        )
        for board in range(BOARDS)
    ]


def measure() -> dict[str, float]:
    """Ask what reports ask, print the table, and return the seconds by question."""
    with tempfile.TemporaryDirectory() as folder, History(Path(folder) / "history.sqlite") as history:
        began = time.perf_counter()
        for number in range(NIGHTS):
            history.add(_night(number))
        seconds = {"all nights written": time.perf_counter() - began}
        like = _night(0)[7]
        questions: dict[str, Callable[[], object]] = {
            "the last 50 runs": lambda: history.runs(most=50),
            "a night": lambda: history.runs(night=f"night {NIGHTS - 1}"),
            "the last pass of a board": lambda: history.runs(like=like, verdict="pass", most=1),
            "one run with its figures": lambda: history.run(NIGHTS * BOARDS),
            "a figure over 100 nights": lambda: history.series("figure 250", most=100, board="board 7"),
        }
        for name, question in questions.items():
            began = time.perf_counter()
            question()
            seconds[name] = time.perf_counter() - began
    print(
        f"{NIGHTS * BOARDS * FIGURES:,} figures of {NIGHTS * BOARDS:,} runs\n\n| question | seconds |\n|---|--:|"
    )
    for name, value in seconds.items():
        print(f"| {name} | {value:.4f} |")
    return seconds


if __name__ == "__main__":
    measure()
