"""Around each test: the board is looked after, and what went wrong is charged to the product or to the bench."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

import pytest

from tinysine.bench import Checkup, Station
from tinysine.errors import (
    BENCH,
    PRODUCT,
    BenchError,
    Cause,
    DeviceError,
    FlashError,
    TinysineError,
    cause_of,
)
from tinysine.outside_text import lines
from tinysine.pytest_plugin.errors_shown import is_repeated, leave_out_machinery, show_error, was_shown
from tinysine.pytest_plugin.keys import (
    ASKED,
    AT_END,
    ATTENDED,
    CAUSE,
    FACTS,
    FETCHED,
    RECOVERED,
    REQUESTS_TOLD,
    RETRIES,
    RETRIES_TOLD,
    RUNNING,
    STARTED_IN,
    STATION,
    WHERE,
)


def _names_station(item: pytest.Item) -> bool:
    return "tinysine_station" in getattr(item, "fixturenames", ())


def _station_of(item: pytest.Item) -> Station | None:
    """The station, if the test names a fixture that needs it, or has used the device all the same."""
    uses_board = _names_station(item) or item.stash.get(ATTENDED, False)
    return item.config.stash.get(STATION, None) if uses_board else None


def _is_ours(item: pytest.Item, error: BaseException | None) -> bool:
    return (
        any(name.startswith("tinysine_") for name in getattr(item, "fixturenames", ()))
        or item.stash.get(FETCHED, False)
        or item.stash.get(ATTENDED, False)
        or bool(is_repeated(item, error))
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Have the board healthy before a test, or make it an error at once; skip what needs another kind."""
    item.config.stash[RUNNING] = item
    item.stash[ATTENDED] = item.stash[FETCHED] = False
    if _names_station(item):
        attend(item.config)
    yield
    if _names_station(item):
        _skip_for_another_kind(item)


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Note that a test has to do with tinysine which only asks for a fixture of it as it runs."""
    if fixturedef.argname.startswith("tinysine_") and (item := request.config.stash.get(RUNNING, None)):
        item.stash[FETCHED] = True


def attend(config: pytest.Config) -> None:
    """Have the board healthy before the test that runs now asks it for the first time.

    Raises:
        BenchError: the board is quarantined.
        Skipped: the test needs another kind of board.
    """
    station, item = config.stash.get(STATION, None), config.stash.get(RUNNING, None)
    if station is None or item is None or item.stash[ATTENDED]:
        return
    item.stash[ATTENDED] = True
    if config.stash[STARTED_IN] is not item:
        _note_recovery(item, station.check())
        config.stash[RETRIES_TOLD] = station.retries
    _skip_for_another_kind(item)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Note when the last test is torn down; a session that is interrupted does not come here."""
    item.config.stash[AT_END] = nextitem is None


def look_once_more(config: pytest.Config) -> None:
    """Look at the board after the teardown of the last test, which no other test follows that would see what it did.

    Raises:
        DeviceError: the firmware faulted.
        BenchError: the board is lost, or ran something else than what was built.
    """
    station, item = config.stash[STATION], config.stash.get(RUNNING, None)
    at_end = item is not None and config.stash.get(AT_END, False)
    if item is None or not at_end or station.quarantine or item.get_closest_marker("disturbs"):
        return
    report = station.emulator_report()
    checkup = station.check()
    _note_recovery(item, checkup)
    if fault := report or station.fault():
        raise DeviceError(f"the firmware faulted after the last test: {fault}")
    if checkup.wrong_firmware:
        raise BenchError(
            f"after the last test the board ran something else than what was built: {checkup.cause}"
        )


def _skip_for_another_kind(item: pytest.Item) -> None:
    station = _station_of(item)
    if station is None:
        return
    kind, is_twin = station.rig.kind, station.rig.is_twin
    if item.get_closest_marker("hardware") and kind != "hardware":
        pytest.skip(f"needs a board that is proved to be real, and this one is {kind}: give --tinysine-port")
    if item.get_closest_marker("emulated") and not is_twin:
        pytest.skip(
            f"needs a board made of software, and this one is {'real' if kind == 'hardware' else kind}"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a wrong product from a bench in trouble; charge a device's fault to the test that caused it."""
    error = call.excinfo.value if call.excinfo is not None else None
    ours = _is_ours(item, error)
    if ours and isinstance(error, TinysineError):
        leave_out_machinery(call)
    report = yield
    if not ours:
        return report
    _say_where(item, report)
    if isinstance(error, TinysineError) and report.failed:
        show_error(item, call, report, error)
    if isinstance(error, FlashError) and error.facts.get("command"):
        report.sections.append(
            ("flash tool", lines(f"$ {error.facts['command']}\n{error.facts.get('output')}"))
        )
    _say_what_was_asked(item, report)
    fault = trouble = doubt = ""
    if call.when == "call" and not report.skipped:
        fault, trouble, doubt = _examine(item, failed=report.failed)
    if trouble:
        report.sections.append(("board", lines(trouble)))
    if fault and not item.get_closest_marker("disturbs"):
        report.sections.append(("device fault record", lines(fault)))
        if report.passed:
            report.outcome = "failed"
            report.longrepr = f"the test passed, but the firmware faulted while it ran\n{fault}"
        _blame(item, report, "product")
    elif doubt and report.passed:
        report.outcome, report.longrepr = "failed", doubt
        _charge(item, report, BENCH)
    elif report.failed:
        cause = _cause_in_test(error, call.when)
        if call.when == "call" and cause is not PRODUCT:
            _charge(item, report, cause)
        else:
            _blame(item, report, cause.name)
    return report


def _cause_in_test(error: BaseException | None, when: str) -> Cause:
    """Whose fault a failure is: what a test asserts is about the product, what is raised before and after is not."""
    if isinstance(error, TinysineError) and (cause := cause_of(error)) is not PRODUCT:
        return cause
    return PRODUCT if when == "call" else BENCH


def _say_what_was_asked(item: pytest.Item, report: pytest.TestReport) -> None:
    station = _station_of(item)
    if station is None or report.when != "call":
        return
    stash = item.config.stash
    asked = station.requests - stash.get(REQUESTS_TOLD, 0)
    stash[REQUESTS_TOLD] = station.requests
    if report.skipped:
        return
    setattr(report, ASKED, asked)
    firmware = station.firmware
    facts = {
        "board": station.rig.board.name,
        "rig": station.rig.kind,
        "model_sha256": firmware.model_sha256,
    }
    if firmware.build_id is not None:
        facts["build_id"] = firmware.build_id.hex()
    setattr(report, FACTS, facts)


def _say_where(item: pytest.Item, report: pytest.TestReport) -> None:
    # An attribute, because that comes through from an xdist worker, and stays out of JUnit's file.
    station = _station_of(item)
    where = "" if station is None else f"{station.rig.board.name} ({station.rig.kind})"
    setattr(report, WHERE, where)


def _charge(item: pytest.Item, report: pytest.TestReport, cause: Cause) -> None:
    _blame(item, report, cause.name)
    # Neither passed nor failed: nothing is known about the product. pytest calls all but "call" an error.
    report.when = cast(Any, "bench")


def _examine(item: pytest.Item, *, failed: bool) -> tuple[str, str, str]:
    """Look at the board after a test.

    Args:
        failed: the test did, so that its report shows what is wrong with the board.
    Returns:
        The fault that the firmware recorded during the test; what is wrong with the board; and why a test that
        passed shows nothing all the same.
    """
    station = _station_of(item)
    if station is None:
        return "", "", ""
    report = station.emulator_report()
    expected = item.get_closest_marker("disturbs") is not None
    stash = item.config.stash
    retries = station.retries - stash.get(RETRIES_TOLD, 0)
    stash[RETRIES_TOLD] = station.retries
    if retries and not expected:
        item.user_properties.append((RETRIES, retries))
    try:
        checkup = station.check()
        if not expected:
            _note_recovery(item, checkup)
        record = station.fault()
    except TinysineError as error:
        if failed:
            was_shown(item, error)
        lost = "" if expected else f"the test passed, but when it ended the board was lost: {error}"
        return report, str(error), lost
    doubt = ""
    if checkup.wrong_firmware and not expected:
        doubt = "the test passed, but when it ended the board ran something else than what was built"
    return report or (str(record) if record is not None else ""), checkup.cause, doubt


def _blame(item: pytest.Item, report: pytest.TestReport, cause: str) -> None:
    # JUnit takes them from the teardown's report, which copies the item's; the tally reads this report's own.
    item.user_properties.append((CAUSE, cause))
    report.user_properties.append((CAUSE, cause))


def _note_recovery(item: pytest.Item, checkup: Checkup) -> None:
    if checkup.rung:
        item.user_properties.append((RECOVERED, f"{checkup.rung} after {checkup.cause}"))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Count bench trouble in the middle of a test as an error, not as a failure."""
    if report.failed and cast(str, report.when) == "bench":
        return "error", "E", "BENCH ERROR"
    return None
