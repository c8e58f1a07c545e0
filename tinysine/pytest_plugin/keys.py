"""Keys under which parts of the plugin leave things for each other: in pytest's stash, and on a test's report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from tinysine.errors import BAD_INPUT, BENCH, TinysineError
from tinysine.pytest_plugin.settings import Choices

if TYPE_CHECKING:
    from tinysine.bench.bench_file import BenchEntry
    from tinysine.rigs import Station

CHOICES = pytest.StashKey[Choices]()
# The boards of the bench that the session runs on, by id; None where the bench does not say.
SEATS: pytest.StashKey[Mapping[str, BenchEntry] | None] = pytest.StashKey()
# What boards answered: by model and reference, by board, by the digest of the input.
ANSWERS: pytest.StashKey[dict[str, dict[str, dict[str, tuple[str, str, str]]]]] = pytest.StashKey()
STATION: pytest.StashKey[Station] = pytest.StashKey()
RUNNING = pytest.StashKey[pytest.Item]()  # the test that is set up, called or torn down now
STARTED_IN = pytest.StashKey[pytest.Item | None]()  # the first test that needed the station
AT_END = pytest.StashKey[bool]()  # the last test is torn down, and with it the session's fixtures
FETCHED = pytest.StashKey[bool]()  # the test had a fixture of ours made as it ran
SOAKS = pytest.StashKey[bool]()  # the test knows how many further inferences were ordered
ATTENDED = pytest.StashKey[bool]()  # the board was looked at for this test
LOOKED_AFTER = pytest.StashKey[pytest.Item]()  # the last test after which the board was examined
RETRIES_TOLD = pytest.StashKey[int]()  # of the station, as far as they were reported of a test
WORDS_TOLD = pytest.StashKey[str]()  # of an emulator whose board nobody has needed yet
REQUESTS_TOLD = pytest.StashKey[int]()
REFERENCE = pytest.StashKey[str]()  # in words, where it is not the independent one
SAID = pytest.StashKey[list[tuple[TinysineError, str]]]()  # errors that were shown, and by which test
RECORD = pytest.StashKey[Callable[[str, object], None]]()

# Names of user properties, which JUnit's file repeats.
CAUSE = "tinysine.cause"
RECOVERED = "tinysine.recovered"
RUNG = "tinysine.rung"  # each thing that was tried to bring the board back, and how long it took
RETRIES = "tinysine.retries"
PLACE = "tinysine.place"  # id of the board in the bench

# Attribute of the report of a test that has to do with tinysine: board and kind; "" where no board was reached.
WHERE = "tinysine_where"

# Attributes of the report of a test that reached a board: how often it asked the device, and what was tested. Workers
# of xdist have no JUnit file of their own.
ASKED = "tinysine_asked"
FACTS = "tinysine_facts"

# Attribute of the report of a test that knows how many further inferences were ordered.
SOAKED = "tinysine_soaked"

# In place of "call" in a report's `when`: a test that was ended by what is not the product, by the name of the cause.
CHARGED = (BENCH.name, BAD_INPUT.name)

# Attribute of a report whose error an earlier test's report has shown already.
REPEATED = "tinysine_repeated"
