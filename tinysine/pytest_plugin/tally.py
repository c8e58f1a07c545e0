"""Result of a whole session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator

import pytest

from tinysine.errors import BAD_INPUT, BENCH, CAUSES, INTERRUPTED, PASS, PRODUCT, Cause, worst
from tinysine.pytest_plugin.keys import (
    ASKED,
    CAUSE,
    CHARGED,
    CHOICES,
    FACTS,
    RECORD,
    RECOVERED,
    REFERENCE,
    REPEATED,
    RETRIES,
    SOAKED,
    WHERE,
)
from tinysine.pytest_plugin.settings import tolerance_of
from tinysine.pytest_plugin.workers import SHARED_UNASKED, is_shared_unasked


class Tally:
    """Causes of the failures of a session, and how often the board had to be helped."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._causes: set[Cause] = set()
        self._asked = 0
        self._facts: dict[str, set[str]] = {}
        self._recoveries: list[str] = []
        self._retries = 0
        self._concerned = False
        self._soaked = False
        self._tests: Counter[str] = Counter()
        self._errors: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a report says."""
        properties = [(name, str(value)) for name, value in report.user_properties]
        if report.failed:
            name = next((value for name, value in reversed(properties) if name == CAUSE), PRODUCT.name)
            self._causes |= {cause for cause in CAUSES if cause.name == name}
        self._asked += getattr(report, ASKED, 0)
        for name, value in getattr(report, FACTS, {}).items():
            self._facts.setdefault(name, set()).add(value)
        where = getattr(report, WHERE, None)
        self._concerned |= where is not None
        self._soaked |= hasattr(report, SOAKED)
        if where and report.when in ("call", *CHARGED) and not report.skipped:
            self._tests[where] += 1
        if report.when == "teardown":
            self._recoveries += [
                f"{report.nodeid}: {value}" for name, value in properties if name == RECOVERED
            ]
            self._retries += sum(int(value) for name, value in properties if name == RETRIES)

    @pytest.hookimpl(tryfirst=True)  # before junitxml writes its file
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Put the verdict, how often the device was asked, and what was tested, into JUnit's file."""
        # Bad input that comes to light in a fixture ends a session as that which comes to light before it does.
        # xdist's workers have no word in that: their tests are counted here, too.
        if exitstatus == pytest.ExitCode.TESTS_FAILED and self._verdict() is BAD_INPUT:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        # Ctrl-C and a crash of pytest end a session in which nothing may have failed yet.
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            self._causes.add(INTERRUPTED)
        elif exitstatus in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            self._causes.add(BENCH)
        record = self._config.stash.get(RECORD, None)
        if record is None and self._concerned:
            # The fixtures that record were in the workers of xdist, where there is no file.
            plugins = self._config.pluginmanager.get_plugins()
            writers = (getattr(plugin, "add_global_property", None) for plugin in plugins)
            record = next((writer for writer in writers if writer is not None), None)
            if record is not None:
                self._record_facts(record)
        if record is not None:
            record("tinysine.verdict", self._verdict().words)
            record("tinysine.requests", self._asked)
            record("tinysine.recoveries", len(self._recoveries))
            record("tinysine.retries", self._retries)

    @pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_terminal_summary")
    def pytest_leave_out_repeated(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        """Take errors that were shown already out of the section ERRORS; they are back for the short summary."""
        self._errors = list(terminalreporter.stats.get("error", []))
        shown = [report for report in self._errors if not hasattr(report, REPEATED)]
        if len(shown) < len(self._errors):
            terminalreporter.stats["error"][:] = shown
        yield

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was flaky, and when nothing was learned against the product."""
        if self._errors:
            repeated = len(self._errors) - len(terminalreporter.stats["error"])
            terminalreporter.stats["error"][:] = self._errors
            if repeated:
                terminalreporter.write_line(
                    f"tinysine: {repeated:,} more error{'s' * (repeated != 1)} of a cause that is shown above"
                )
        for line in self._recoveries:
            terminalreporter.write_line(f"tinysine: flaky: {line}", yellow=True)
        if self._retries:
            terminalreporter.write_line(
                f"tinysine: flaky: {self._retries} requests were repeated", yellow=True
            )
        if not self._concerned and is_shared_unasked(self._config):
            terminalreporter.write_line(f"tinysine: no test used a board: {SHARED_UNASKED}", yellow=True)
        if (cause := self._verdict()) not in (PASS, PRODUCT):
            terminalreporter.write_line(
                f"tinysine: {cause.sentence}; nothing was learned against the product", yellow=True
            )
        if reference := self._config.stash.get(REFERENCE, ""):
            terminalreporter.write_line(f"tinysine: judged by {reference}", yellow=True)
        codes, absolute = tolerance_of(self._config.stash[CHOICES])
        if self._concerned and (codes or absolute):
            asked = " and ".join(
                [f"{codes} code{'s' * (codes != 1)}"] * bool(codes)
                + [f"{absolute:g} in float32"] * bool(absolute)
            )
            terminalreporter.write_line(
                f"tinysine: outputs may differ by {asked}, as was asked for", yellow=True
            )
        soak = self._config.stash[CHOICES]["soak"]
        if self._concerned and int(soak.value) and not self._soaked:
            terminalreporter.write_line(
                f"tinysine: soak {soak.value} (from {soak.source}): nothing was soaked, for no test that ran uses "
                "tinysine_soak",
                yellow=True,
            )
        for where, count in sorted(self._tests.items()):
            terminalreporter.write_line(f"tinysine: {count:,} test{'s' * (count != 1)} on {where}")

    def _record_facts(self, record: Callable[[str, object], None]) -> None:
        for name, values in self._facts.items():
            for value in sorted(values):
                record(f"tinysine.{name}", value)

    def _verdict(self) -> Cause:
        return worst({PASS, *self._causes})
