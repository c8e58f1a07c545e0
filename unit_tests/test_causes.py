"""One table of causes: what `verify`, the night and pytest say of each error, and which of several counts."""

from __future__ import annotations

import inspect
import itertools
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tinysine import errors
from tinysine.bench.night import BoardNight, Job, Part, cause_of_night
from tinysine.commands.errors_shown import show
from tinysine.errors import (
    BAD_INPUT,
    BENCH,
    CAUSES,
    INTERRUPTED,
    PASS,
    PRODUCT,
    Cause,
    TinysineError,
    cause_of,
    worst,
)
from tinysine.evidence import ErrorRecord
from tinysine.pytest_plugin.between_tests import _cause_in_test
from tinysine.pytest_plugin.keys import CAUSE
from tinysine.pytest_plugin.tally import Tally

TABLE: dict[type[BaseException], Cause] = {
    errors.ConfigError: BAD_INPUT,
    errors.ModelError: BAD_INPUT,
    errors.BuildError: BENCH,
    errors.ImageTooLarge: BAD_INPUT,
    errors.BenchError: BENCH,
    errors.BoardNotFound: BENCH,
    errors.PortUnavailable: BENCH,
    errors.FlashError: BENCH,
    errors.LinkTimeout: BENCH,
    errors.LeaseHeld: BENCH,
    errors.ProtocolError: BENCH,
    errors.FrameCorrupt: BENCH,
    errors.StaleReply: BENCH,
    errors.VersionMismatch: BENCH,
    errors.DeviceError: PRODUCT,
    errors.IdentityMismatch: BENCH,
    errors.FirmwareWrong: PRODUCT,
    errors.PlaceLost: BENCH,
    errors.TinysineError: BENCH,
    RuntimeError: BENCH,
    ModuleNotFoundError: BAD_INPUT,  # of a package that is not installed
    KeyboardInterrupt: INTERRUPTED,
}


def test_every_error_has_a_row() -> None:
    """An error that is added without a cause is found here."""
    ours = {
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BaseException)
    }
    assert ours <= set(TABLE)


@pytest.mark.parametrize(("kind", "cause"), TABLE.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_everybody_says_the_same_of_an_error(
    kind: type[BaseException], cause: Cause, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the exit code of `verify`, in the evidence, on the page of a night, and in the words of pytest."""
    error: Any = kind("something")
    if isinstance(error, ModuleNotFoundError):
        error.name = "numpy"
    assert cause_of(error) is cause
    if isinstance(error, Exception):
        assert show(error, command="verify", debug=False) == cause.exit_code
        assert capsys.readouterr().err.count("\n") == 1
    assert ErrorRecord.of(error).exit_code == cause.exit_code
    if isinstance(error, TinysineError):
        assert _cause_in_test(error, "call") is cause
        found_before = BENCH if cause is PRODUCT and not isinstance(error, errors.FirmwareWrong) else cause
        assert _cause_in_test(error, "setup") is found_before


@pytest.mark.parametrize(
    ("cause", "code"),
    [(PRODUCT, 1), (BAD_INPUT, 4), (BENCH, 1)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_pytest_has_a_code_of_its_own_for_bad_input(cause: Cause, code: int) -> None:
    """Whatever brought it to light; xdist's workers report what the fixtures of a session met with."""
    tally = Tally(cast("pytest.Config", SimpleNamespace(stash={})))
    report = SimpleNamespace(user_properties=[(CAUSE, cause.name)], failed=True, skipped=False, when="setup")
    tally.pytest_runtest_logreport(cast("pytest.TestReport", report))
    session = SimpleNamespace(exitstatus=pytest.ExitCode.TESTS_FAILED)
    tally.pytest_sessionfinish(cast("pytest.Session", session), session.exitstatus)
    assert session.exitstatus == code


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_a_part_of_a_night_keeps_its_cause(cause: Cause) -> None:
    """The night has its exit code, and the verdict says whether anything is known about the product."""
    part = Part("verify", cause)
    assert part.verdict == {PASS: "pass", PRODUCT: "fail"}.get(cause, "error")
    night = BoardNight(Job("host", "host", None), "host", (part,))
    assert cause_of_night([night]).exit_code == cause.exit_code


def test_of_several_causes_the_first_of_the_table_counts() -> None:
    """In whichever order they come; none at all is the bench's fault."""
    assert [cause.exit_code for cause in CAUSES] == [1, 2, 3, 130, 0]
    for some in itertools.chain.from_iterable(itertools.permutations(CAUSES, n) for n in (1, 2, 3)):
        assert worst(some) is next(cause for cause in CAUSES if cause in some)
    assert worst(()) is BENCH
    for name in ("name", "exit_code", "words", "sentence"):
        assert len({getattr(cause, name) for cause in CAUSES}) == len(CAUSES)
