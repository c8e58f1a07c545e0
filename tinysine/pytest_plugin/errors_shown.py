"""Text of a test's report for an error of tinysine: the cause once, and the lines of the test's author."""

from __future__ import annotations

from typing import Any

import pytest

from tinysine.errors import TinysineError
from tinysine.pytest_plugin.keys import REPEATED, SAID

_MACHINERY = {"tinysine", "_pytest", "pytest", "pluggy", "contextlib", "xdist"}


def is_repeated(item: pytest.Item, error: BaseException | None) -> str:
    """Return the name of the test that was ended by this very error before; "" if none was.

    A session's fixture that failed, and a board in quarantine, raise one object for every test that needs them.
    """
    return next((name for said, name in item.config.stash.get(SAID, []) if said is error), "")


def was_shown(item: pytest.Item, error: TinysineError) -> None:
    """Remember that an error is part of this test's report."""
    if not is_repeated(item, error):
        item.config.stash.setdefault(SAID, []).append((error, item.nodeid))


def leave_out_machinery(call: pytest.CallInfo[None]) -> None:
    """Cut the traceback of an error that tinysine raises on purpose down to the tests' own lines.

    --full-trace shows all of it, and a bug of tinysine keeps its whole traceback.
    """
    assert call.excinfo is not None
    for entry in call.excinfo.traceback:
        if _is_machinery(entry):
            entry.frame.f_globals.setdefault("__tracebackhide__", _is_raised_on_purpose)


def show_error(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, error: TinysineError
) -> None:
    """Have the report say an error shortly: one line where no line of a test is to blame.

    An error that was shown before is one line of the short summary, and the tally leaves out its section.
    """
    assert call.excinfo is not None
    if first := is_repeated(item, error):
        report.longrepr = f"as {first}: {error}"
        setattr(report, REPEATED, True)
        return
    was_shown(item, error)
    if all(map(_is_machinery, call.excinfo.traceback)) and not item.config.getoption("fulltrace"):
        report.longrepr = f"{type(error).__name__}: {error}"


def _is_machinery(entry: Any) -> bool:
    name = str(entry.frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] in _MACHINERY


def _is_raised_on_purpose(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    if isinstance(excinfo.value, TinysineError):
        return True
    # A check of arguments raises ValueError or TypeError; a bug is raised by something else than a raise statement.
    last = excinfo.traceback[-1]
    return (
        isinstance(excinfo.value, (ValueError, TypeError))
        and _is_machinery(last)
        and str(last.statement).strip().startswith("raise ")
    )
