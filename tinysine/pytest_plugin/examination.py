"""The board before, after and between tests: it is mended, and a fault is charged to the test that caused it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tinysine.errors import BenchError, FirmwareWrong, TinysineError
from tinysine.pytest_plugin.errors_shown import was_shown
from tinysine.pytest_plugin.keys import (
    AT_END,
    ATTENDED,
    LOOKED_AFTER,
    RECOVERED,
    RETRIES,
    RETRIES_TOLD,
    RUNG,
    RUNNING,
    STARTED_IN,
    STATION,
    WORDS_TOLD,
)
from tinysine.pytest_plugin.places import place_of_item

if TYPE_CHECKING:
    from tinysine.rigs import Checkup, Rung, Station


@dataclass(frozen=True)
class Findings:
    """Findings of an examination after a test, or after its teardown. Each is "" for nothing.

    Attributes:
        fault: what the firmware recorded, or what stopped the emulator, since the board was last looked at.
        trouble: what was wrong with the board.
        lost: why the board is of no more use.
        wrong_firmware: the board ran something else than what was built.
    """

    fault: str = ""
    trouble: str = ""
    lost: str = ""
    wrong_firmware: bool = False


def names_station(item: pytest.Item) -> bool:
    """Tell whether a test names a fixture that needs the station."""
    return "tinysine_station" in getattr(item, "fixturenames", ())


def station_of(item: pytest.Item) -> Station | None:
    """Return the station, if the test names a fixture that needs it, or has used the device all the same."""
    uses_board = names_station(item) or item.stash.get(ATTENDED, False)
    return _own(item, item.config.stash.get(STATION, None)) if uses_board else None


def _own(item: pytest.Item, station: Station | None) -> Station | None:
    """The station, if it has the board that a test was multiplied for; of several boards it may be the one before."""
    place = place_of_item(item)
    return station if station is None or not place or station.rig.name == place else None


def disturbs(item: pytest.Item | None) -> bool:
    """Tell whether a test harms the board on purpose."""
    return item is not None and item.get_closest_marker("disturbs") is not None


def attend(config: pytest.Config) -> None:
    """Have the board healthy before the test that runs now asks it for the first time.

    Raises:
        BenchError: the board is quarantined.
        FirmwareWrong: the firmware faulted since the board was last looked at, which was after another test.
        Skipped: the test needs another kind of board.
    """
    item = config.stash.get(RUNNING, None)
    station = None if item is None else _own(item, config.stash.get(STATION, None))
    if station is None or item is None or item.stash[ATTENDED]:
        return
    item.stash[ATTENDED] = True
    if config.stash[STARTED_IN] is not item:
        was_lost = station.quarantine is not None
        fault, trouble, checkup = _look(station)
        _note_recovery(item, checkup)
        if not was_lost:
            _note_rungs(item, station.rungs)
        config.stash[RETRIES_TOLD] = station.retries
        earlier = config.stash.get(LOOKED_AFTER, None)
        if fault and not disturbs(earlier):
            after = f", after {earlier.nodeid} had ended" if earlier is not None else ""
            raise FirmwareWrong(f"the firmware faulted before this test began{after}: {fault}")
        if trouble is not None:
            raise trouble
    skip_for_another_kind(item)


def look_once_more(config: pytest.Config) -> None:
    """Look at the board after the teardown of the last test, which no other test follows that would see what it did.

    Raises:
        FirmwareWrong: the firmware faulted.
        BenchError: the board is lost, or ran something else than what was built.
    """
    station, item = config.stash[STATION], config.stash.get(RUNNING, None)
    at_end = item is not None and config.stash.get(AT_END, False)
    if item is None or not at_end or station.quarantine or disturbs(item):
        return
    fault, trouble, checkup = _look(station)
    _note_recovery(item, checkup)
    if fault:
        raise FirmwareWrong(f"the firmware faulted after the last test: {fault}")
    if trouble is not None:
        raise trouble
    if checkup.wrong_firmware:
        raise BenchError(
            f"after the last test the board ran something else than what was built: {checkup.cause}"
        )


def skip_for_another_kind(item: pytest.Item) -> None:
    """Skip a test that is marked for another kind of board than the one that is there."""
    station = station_of(item)
    if station is None:
        return
    kind, is_twin = station.rig.kind, station.rig.is_twin
    if item.get_closest_marker("hardware") and kind != "hardware":
        pytest.skip(f"needs a board that is proved to be real, and this one is {kind}: give --tinysine-port")
    if item.get_closest_marker("emulated") and not is_twin:
        pytest.skip(
            f"needs a board made of software, and this one is {'real' if kind == 'hardware' else kind}"
        )


def examine(item: pytest.Item, report: pytest.TestReport) -> Findings:
    """Look at the board after a test, however it ended, and again after its teardown.

    Args:
        report: of the test or its teardown; what was flaky is noted there. One of a failure shows what is wrong.
    """
    station = station_of(item)
    if station is None and report.when == "teardown" and _names_rig(item):
        # It may have had a connection of its own, until its teardown.
        station = _own(item, item.config.stash.get(STATION, None))
        if station is None:
            return _examine_unused(item)
    if station is None or (station.quarantine and report.when == "teardown"):
        return Findings()
    item.config.stash[LOOKED_AFTER] = item
    stash = item.config.stash
    before = len(item.user_properties)
    if (retries := station.retries - stash.get(RETRIES_TOLD, 0)) and not disturbs(item):
        item.user_properties.append((RETRIES, retries))
    stash[RETRIES_TOLD] = station.retries
    was_lost = station.quarantine is not None
    fault, trouble, checkup = _look(station)
    if not disturbs(item):
        _note_recovery(item, checkup)
    if not was_lost:
        _note_rungs(item, station.rungs)
    if report.when == "teardown":  # it has a copy of what the item had; the tally and JUnit read it
        report.user_properties += item.user_properties[before:]
    if trouble is None:
        return Findings(fault, checkup.cause, wrong_firmware=checkup.wrong_firmware)
    if report.failed:
        was_shown(item, trouble)
    return Findings(fault, str(trouble), str(trouble))


def _names_rig(item: pytest.Item) -> bool:
    """Tell whether a test names the rig, with which it can do what it likes to the board."""
    return "tinysine_rig" in getattr(item, "fixturenames", ())


def _examine_unused(item: pytest.Item) -> Findings:
    """Look at a rig on which nobody has needed the firmware under test yet: only an emulator has a word to say."""
    rig = getattr(item, "funcargs", {}).get("tinysine_rig")
    try:
        words = "" if rig is None else rig.report()
    except BenchError:
        return Findings()
    told = item.config.stash.get(WORDS_TOLD, "")
    item.config.stash[WORDS_TOLD] = words
    return Findings(fault=words if words != told else "")


def _look(station: Station) -> tuple[str, TinysineError | None, Checkup]:
    """Have the board healthy, and say what the firmware did wrong since this was last asked.

    Returns:
        The fault, in words; why the board is lost, if it is; and what brought it back, if it is not.
    """
    from tinysine.rigs import Checkup  # noqa: PLC0415 - brings numpy

    checkup, record = Checkup(), None
    try:
        checkup = station.check()
        record = station.fault()
    except TinysineError as error:
        return station.emulator_report(), error, checkup
    return station.emulator_report() or ("" if record is None else str(record)), None, checkup


def _note_recovery(item: pytest.Item, checkup: Checkup) -> None:
    if checkup.rung:
        took = f" ({', '.join(map(str, checkup.rungs))})" if checkup.rungs else ""
        item.user_properties.append((RECOVERED, f"{checkup.rung} after {checkup.cause}{took}"))
    _note_rungs(item, checkup.rungs)


def _note_rungs(item: pytest.Item, rungs: tuple[Rung, ...]) -> None:
    item.user_properties += [
        (RUNG, f"{rung}: {rung.failure}" if rung.failure else str(rung)) for rung in rungs
    ]
