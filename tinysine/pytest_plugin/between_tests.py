"""Around each test: the board is looked after, and what went wrong is charged to the product or to the bench."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

import pytest

from tinysine.errors import BENCH, PRODUCT, Cause, FirmwareWrong, FlashError, TinysineError, cause_of
from tinysine.outside_text import lines
from tinysine.pytest_plugin.errors_shown import is_repeated, leave_out_machinery, show_error
from tinysine.pytest_plugin.examination import (
    Findings,
    attend,
    disturbs,
    examine,
    names_station,
    skip_for_another_kind,
    station_of,
)
from tinysine.pytest_plugin.keys import (
    ASKED,
    AT_END,
    ATTENDED,
    CAUSE,
    CHARGED,
    FACTS,
    FETCHED,
    PLACE,
    RECOVERED,
    REQUESTS_TOLD,
    RUNNING,
    SEATS,
    SOAKED,
    SOAKS,
    WHERE,
)
from tinysine.pytest_plugin.places import place_of_item


def _asks_the_board(item: pytest.Item, error: BaseException | None) -> bool:
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
    item.stash[SOAKS] = "tinysine_soak" in getattr(item, "fixturenames", ())
    if item.config.stash[SEATS] is not None and (place := place_of_item(item)):
        item.user_properties.append((PLACE, place))
    if names_station(item):
        attend(item.config)
    yield
    if names_station(item):
        skip_for_another_kind(item)


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Note that a test has to do with tinysine which only asks for a fixture of it as it runs."""
    if fixturedef.argname.startswith("tinysine_") and (item := request.config.stash.get(RUNNING, None)):
        item.stash[FETCHED] = True
        item.stash[SOAKS] = item.stash.get(SOAKS, False) or fixturedef.argname == "tinysine_soak"


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Note when the last test is torn down; a session that is interrupted does not come here."""
    item.config.stash[AT_END] = nextitem is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a wrong product from a bench in trouble; charge a device's fault to the test that caused it."""
    error = call.excinfo.value if call.excinfo is not None else None
    ours = _asks_the_board(item, error)
    if ours and error is not None:
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
    if call.when == "call" and not report.skipped and item.stash.get(SOAKS, False):
        setattr(report, SOAKED, True)
    # Also of a test that skips itself, or fails as expected: what it did to the board is its own.
    found = Findings() if call.when == "setup" else examine(item, report)
    if found.trouble and call.when == "call":
        report.sections.append(("board", lines(found.trouble)))
    if found.fault and not disturbs(item):
        report.sections.append(("device fault record", lines(found.fault)))
        if not report.failed:
            _fail(report, f"{_ended(report)}, but the firmware faulted while it ran\n{found.fault}")
        _blame(item, report, PRODUCT.name)
    elif not report.failed and (doubt := _doubt(item, report, found)):
        _fail(report, doubt)
        _charge(item, report, BENCH)
    elif report.failed:
        cause = _cause_in_test(error, call.when)
        if call.when == "call" and cause is not PRODUCT:
            _charge(item, report, cause)
        else:
            _blame(item, report, cause.name)
    return report


def _doubt(item: pytest.Item, report: pytest.TestReport, found: Findings) -> str:
    """Reason why a test that did not fail shows nothing all the same."""
    if disturbs(item):
        return ""
    if found.lost:
        return f"{_ended(report)}, but when it ended the board was lost: {found.lost}"
    if found.wrong_firmware and report.when == "call" and report.passed:
        return "the test passed, but when it ended the board ran something else than what was built"
    return ""


def _ended(report: pytest.TestReport) -> str:
    if report.when == "teardown":
        return "the test's teardown passed"
    if report.skipped:
        return "the test failed as expected" if hasattr(report, "wasxfail") else "the test was skipped"
    return "the test passed"


def _fail(report: pytest.TestReport, why: str) -> None:
    report.outcome, report.longrepr = "failed", why
    if hasattr(report, "wasxfail"):
        del report.wasxfail


def _cause_in_test(error: BaseException | None, when: str) -> Cause:
    """Side at fault in a failure: a test's assertion is about the product, an error before or after it is not."""
    if isinstance(error, FirmwareWrong):
        return PRODUCT
    if isinstance(error, TinysineError) and (cause := cause_of(error)) is not PRODUCT:
        return cause
    return PRODUCT if when == "call" else BENCH


def _say_what_was_asked(item: pytest.Item, report: pytest.TestReport) -> None:
    station = station_of(item)
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
    station = station_of(item)
    where = "" if station is None else f"{station.rig.board.name} ({station.rig.kind})"
    if station is not None and station.rig.name != station.rig.board.name:
        where = f"{station.rig.name}: {where}"
    setattr(report, WHERE, where)


def _charge(item: pytest.Item, report: pytest.TestReport, cause: Cause) -> None:
    _blame(item, report, cause.name)
    # Neither passed nor failed: nothing is known about the product. pytest calls all but "call" an error.
    if report.when == "call":
        report.when = cast(Any, cause.name)


def _blame(item: pytest.Item, report: pytest.TestReport, cause: str) -> None:
    # JUnit takes them from the teardown's report, which copies the item's; the tally reads this report's own.
    item.user_properties.append((CAUSE, cause))
    report.user_properties.append((CAUSE, cause))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Count bench trouble and bad input in the middle of a test as errors, not as failures; a pass on a board that had
    to be brought back is flaky.
    """
    if report.failed and report.when in CHARGED:
        return "error", "E", f"{report.when.upper()} ERROR"
    if (
        report.passed
        and report.when == "call"
        and any(name == RECOVERED for name, _ in report.user_properties)
    ):
        return "flaky", "R", "FLAKY"
    return None
