"""Answers of the boards of one session, held against each other when all of them are done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from tinysine.errors import PRODUCT
from tinysine.pytest_plugin.examination import disturbs
from tinysine.pytest_plugin.keys import ANSWERS, CAUSE, RUNNING, SEATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tinysine.link.identity import DeviceTensor
    from tinysine.tensor_values import Values
    from tinysine.verdicts.fleet import Answered

_SENT = "tinysine_answers"


def recorder(
    config: pytest.Config, *, board: str, build: str, inputs: Sequence[DeviceTensor]
) -> Callable[[NDArray[Any], Values], None] | None:
    """Return what notes a board's answers; None where there is no other board to hold them against.

    Args:
        board: its id.
        build: its model and its reference.
        inputs: of the model.
    """
    if len(config.stash[SEATS] or ()) < 2:
        return None
    told = config.stash.setdefault(ANSWERS, {}).setdefault(build, {}).setdefault(board, {})

    def note(asked: NDArray[Any], answers: Values) -> None:
        from tinysine.tensor_values import arrays_of  # noqa: PLC0415
        from tinysine.verdicts.fleet import MOST_INPUTS, digest, in_words  # noqa: PLC0415

        if len(told) >= MOST_INPUTS or disturbs(config.stash.get(RUNNING, None)):
            return
        for number, row in enumerate(asked):
            output = [array[number] for array in arrays_of(answers)]
            told.setdefault(digest([row]), (_asked(row, inputs), digest(output), in_words(output)))

    return note


def _asked(row: NDArray[Any], inputs: Sequence[DeviceTensor]) -> str:
    """An inference's input, in words, from its bytes."""
    from tinysine.verdicts.fleet import in_words  # noqa: PLC0415

    values, start = [], 0
    for tensor in inputs:
        end = start + tensor.count * tensor.dtype.itemsize
        values.append(row[start:end].copy().view(tensor.dtype))
        start = end
    return in_words(values)


class Fleet:
    """Gathers the answers of all boards, also of workers, and fails the session where boards do not agree.

    Args:
        config: of the session, or of a worker.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._agreed: list[str] = []

    def pytest_sessionfinish(self) -> None:
        """Send a worker's answers home."""
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_SENT] = self._config.stash.get(ANSWERS, {})

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's answers; of one that crashed there are none."""
        mine = self._config.stash.setdefault(ANSWERS, {})
        for build, boards in getattr(node, "workeroutput", {}).get(_SENT, {}).items():
            for board, told in boards.items():
                mine.setdefault(build, {}).setdefault(board, {}).update(told)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Hold the boards against each other when all tests have ended: one that differs is a failure of its own."""
        result = yield
        if not hasattr(self._config, "workerinput"):
            for build, boards in self._config.stash.get(ANSWERS, {}).items():
                self._judge(build, boards)
        return result

    def _judge(self, build: str, boards: Mapping[str, Mapping[str, tuple[str, str, str]]]) -> None:
        from tinysine.verdicts.fleet import Answered, find_outliers, shared_inputs  # noqa: PLC0415

        fleet: dict[str, dict[str, Answered]] = {
            board: {key: Answered(*one) for key, one in boards[board].items()}
            for board in self._config.stash[SEATS] or ()
            if board in boards
        }
        outliers = find_outliers(fleet)
        for outlier in outliers:
            report = pytest.TestReport(
                nodeid=f"tinysine::boards_agree[{outlier.board}]",
                location=("tinysine", None, f"boards_agree[{outlier.board}]"),
                keywords={},
                outcome="failed",
                longrepr=f"{outlier} ({build})",
                when="call",
                user_properties=[(CAUSE, PRODUCT.name)],
            )
            self._config.hook.pytest_runtest_logreport(report=report)
        if not outliers and (count := shared_inputs(fleet)):
            asked = f"{count:,} input{'s' * (count != 1)}"
            self._agreed.append(f"{', '.join(fleet)} gave the same answers to {asked} ({build})")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which boards agree."""
        for line in self._agreed:
            terminalreporter.write_line(f"tinysine: {line}")
