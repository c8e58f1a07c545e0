"""What a whole session came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import pytest

from tinysine.pytest_plugin.keys import CAUSE, RECORD, RECOVERED, REFERENCE, REPEATED, RETRIES, WHERE


class Tally:
    """Whose fault the failures of a session were, and how often the board had to be helped."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._causes: Counter[str] = Counter()
        self._recoveries: list[str] = []
        self._retries = 0
        self._concerned = False
        self._tests: Counter[str] = Counter()
        self._errors: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a report says."""
        properties = [(name, str(value)) for name, value in report.user_properties]
        if report.failed:
            self._causes[next((value for name, value in reversed(properties) if name == CAUSE), "other")] += 1
        where = getattr(report, WHERE, None)
        self._concerned |= where is not None
        # One that met with bench trouble has it in place of "call".
        if where and report.when in ("call", "bench") and not report.skipped:
            self._tests[where] += 1
        if report.when == "teardown":
            self._recoveries += [
                f"{report.nodeid}: {value}" for name, value in properties if name == RECOVERED
            ]
            self._retries += sum(int(value) for name, value in properties if name == RETRIES)

    @pytest.hookimpl(tryfirst=True)  # before junitxml writes its file
    def pytest_sessionfinish(self) -> None:
        """Put the verdict, recoveries and repeated requests into JUnit's file."""
        record = self._config.stash.get(RECORD, None)
        if record is None and self._concerned:
            # The fixtures that record were in the workers of xdist, where there is no file.
            plugins = self._config.pluginmanager.get_plugins()
            writers = (getattr(plugin, "add_global_property", None) for plugin in plugins)
            record = next((writer for writer in writers if writer is not None), None)
        if record is not None:
            record("tinysine.verdict", self._verdict())
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
        if self._verdict() == "bench failure":
            terminalreporter.write_line(
                "tinysine: the bench failed; nothing was learned against the product", yellow=True
            )
        if reference := self._config.stash.get(REFERENCE, ""):
            terminalreporter.write_line(f"tinysine: judged by {reference}", yellow=True)
        for where, count in sorted(self._tests.items()):
            terminalreporter.write_line(f"tinysine: {count:,} test{'s' * (count != 1)} on {where}")

    def _verdict(self) -> str:
        if not self._causes:
            return "pass"
        return "bench failure" if set(self._causes) == {"bench"} else "product failure"
