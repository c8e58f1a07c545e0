"""The boards of a bench among the workers of xdist: each board has one worker, and no other touches it.

Every worker runs all tests that it has collected ("each"), and has collected those of its own boards only. The names of
tests stay as they are, and nothing depends on how xdist reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tinysine.pytest_plugin.keys import CHOICES, SEATS
from tinysine.pytest_plugin.places import place_of_item
from tinysine.settings import BENCH

_MINE = "tinysine_boards"
_PLUGIN = "tinysine-workers"
SHARED_UNASKED = (
    f"{BENCH.variable} gives each board one worker, and tests without a board all to the first; for a suite without "
    f"boards: env -u {BENCH.variable} pytest ..."
)


class Workers:
    """Tells each worker which boards are its own; one that takes the place of a worker that crashed gets the same.

    Args:
        boards: ids of all.
        count: of workers.
    """

    def __init__(self, boards: Sequence[str], count: int) -> None:
        # Tests that need no board, whose place is "", go with the first.
        shares = [[*boards[number::count]] for number in range(count)]
        shares[0].append("")
        self._free = shares[::-1]
        self._session: pytest.Session | None = None
        self._collected = 0

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Note where the number of tests is kept."""
        self._session = session

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Count the tests of all workers."""
        self._collected += len(ids)

    def pytest_runtest_logstart(self) -> None:
        """Have progress mean a part of all tests; xdist takes each worker's for the whole."""
        if self._session is not None:
            self._session.testscollected = self._collected

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker its boards before it starts."""
        node.workerinput[_MINE] = self._free.pop() if self._free else []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Keep the boards of a worker that crashed for the next one."""
        if error:
            self._free.append(node.workerinput[_MINE])


def share_out(config: pytest.Config) -> None:
    """Have xdist give all tests of a board to one worker, where there are workers."""
    seats = config.stash[SEATS]
    count = config.getoption("numprocesses", None)
    if not count or not seats or hasattr(config, "workerinput"):
        return
    config.option.dist = "each"
    config.option.tx = config.option.tx[: len(seats)]
    config.pluginmanager.register(Workers(list(seats), len(config.option.tx)), _PLUGIN)


def is_shared_unasked(config: pytest.Config) -> bool:
    """Tell whether the environment alone has it that the workers are those of a bench's boards."""
    named = config.stash[CHOICES]
    unasked = named["bench"].source == BENCH.variable and not named["place"].value
    return unasked and config.pluginmanager.has_plugin(_PLUGIN)


def keep_own(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other workers' boards."""
    mine = getattr(config, "workerinput", {}).get(_MINE)
    if mine is not None:
        items[:] = [item for item in items if place_of_item(item) in mine]
