"""What a whole session came to."""

from __future__ import annotations

from collections import Counter

import pytest

from tinysine.pytest_plugin.keys import CAUSE, RECORD, RECOVERED, RETRIES


class Tally:
    """Whose fault the failures of a session were, and how often the board had to be helped."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._causes: Counter[str] = Counter()
        self._recoveries: list[str] = []
        self._retries = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a report says."""
        properties = [(name, str(value)) for name, value in report.user_properties]
        if report.failed:
            self._causes[next((value for name, value in reversed(properties) if name == CAUSE), "other")] += 1
        if report.when == "teardown":
            self._recoveries += [
                f"{report.nodeid}: {value}" for name, value in properties if name == RECOVERED
            ]
            self._retries += sum(int(value) for name, value in properties if name == RETRIES)

    @pytest.hookimpl(tryfirst=True)  # before junitxml writes its file
    def pytest_sessionfinish(self) -> None:
        """Put the verdict, recoveries and repeated requests into JUnit's file."""
        record = self._config.stash.get(RECORD, None)
        if record is not None:
            record("tinysine.verdict", self._verdict())
            record("tinysine.recoveries", len(self._recoveries))
            record("tinysine.retries", self._retries)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was flaky, and when nothing was learned against the product."""
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

    def _verdict(self) -> str:
        if not self._causes:
            return "pass"
        return "bench failure" if set(self._causes) == {"bench"} else "product failure"
