"""This repository's own test settings; nothing is opened at import.

The fixtures of tests with a device are those of tinysine.pytest_plugin, which pip installed.

A test that needs a program, or a Python package, which this computer may lack says so: by the marker
`needs("avr-gcc")`, or by the fixture `require("avr-gcc")`, which returns the path. Such a test is skipped where the
program is missing, and the last lines count the skips of each program. TINYSINE_PROMISED="avr-gcc qemu-system-avr"
promises programs, as CI does for what it has installed: then a skip for want of one is a failure.

`tox` ends within five minutes: what takes long by its nature is marked `long` or `notebook`, and has an environment of
its own. pytest by itself runs it with all others.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NoReturn

import platformdirs
import pytest

pytest_plugins = ["pytester"]

# The campaigns of trust/ are tested, too. Last, so that the installed tinysine is the one that is tested.
sys.path.append(str(Path(__file__).parent))

PROMISED = "TINYSINE_PROMISED"
RUN_ALONE = ("long", "notebook")  # markers of tests that have an environment of their own
MISSING = re.compile(r"needs (?P<program>[\w.+-]+), which is not installed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switches of this repository's own tests."""
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker; give all tests one cache of Zig's."""
    config.addinivalue_line("markers", "needs(*programs): skipped, and counted, where one is not installed")
    config.addinivalue_line("markers", "long: runs by `tox -e long`, after `tox`, which leaves it out")
    config.addinivalue_line("markers", "notebook: runs a notebook, by `tox -e notebook`, after `tox`")
    # Zig compiles a C library for this computer once, which takes 40 s. Tests have caches of their own: not for that.
    cache = platformdirs.user_cache_path("tinysine-tests") / "zig"
    os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(cache / "global"))
    os.environ.setdefault("ZIG_LOCAL_CACHE_DIR", str(cache / "local"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files without a marker that alone is asked for: each worker would import all of them."""
    marker = config.getoption("markexpr")
    if marker not in RUN_ALONE or not collection_path.match("test_*.py"):
        return None
    return None if _names_marker(collection_path, marker) else True


@functools.cache
def _names_marker(file: Path, marker: str) -> bool:
    return f"mark.{marker}" in file.read_text(encoding="utf-8")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked slow, unless asked for by --slow or by an -m expression that names them.

    Raises:
        UsageError: a test has one of the markers that are run alone, and its file would be left out then.
    """
    for item in items:
        for marker in RUN_ALONE:
            if item.get_closest_marker(marker) and not _names_marker(item.path, marker):
                raise pytest.UsageError(
                    f"{item.path} has the marker {marker}, and does not say mark.{marker}"
                )
    if config.getoption("--slow") or "slow" in config.getoption("markexpr"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have `-n auto` start two workers for each core: tests wait for deadlines, boards and compilers."""
    return 2 * (os.cpu_count() or 1)


def _find_or_skip(program: str) -> str:
    path = shutil.which(program)
    if path is None and program.isidentifier() and (spec := importlib.util.find_spec(program)) is not None:
        path = spec.origin or program
    return path or _skip_without(program)


def _skip_without(program: str) -> NoReturn:
    """Skip the test that asks, in the words that `MISSING` finds again."""
    pytest.skip(f"needs {program}, which is not installed")


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], NoReturn]:
    """Skip a test for want of a program that the test itself has looked for: lacking("qemu-system-arm")."""
    return _skip_without


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """Find a program or package, or skip the test: path = require("arm-none-eabi-gcc")."""
    return _find_or_skip


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marker names a program that is not installed."""
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            _find_or_skip(program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that was skipped for want of a promised program."""
    report = yield
    program = _missing_program(report)
    if program in os.environ.get(PROMISED, "").split():
        report.outcome = "failed"
        report.longrepr = f"needs {program}, which {PROMISED} promises, and it is not installed"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the skips, one line for each program that is missing."""
    skipped = terminalreporter.stats.get("skipped", [])
    missing = Counter(filter(None, map(_missing_program, skipped)))
    for program, count in sorted(missing.items()):
        terminalreporter.write_line(f"{count} tests skipped: they need {program}, which is not installed")


def _missing_program(report: pytest.TestReport) -> str:
    """Name the program for whose want a test was skipped; empty for every other report."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return ""
    found = MISSING.search(report.longrepr[2])
    return found["program"] if found else ""
