"""Fixtures that several of the board's tests need: the inputs to check, and a place for measured figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from tinysine.bench.bench_file import BenchEntry
from tinysine.boards import Board
from tinysine.errors import BuildError
from tinysine.graph import Network
from tinysine.image import find_toolchain
from tinysine.rigs import Rig
from tinysine.settings import SAMPLED_INPUTS
from tinysine.stimuli import Inputs, sample_inputs

_FIGURE = "tinysine.figure."  # a test's properties of this beginning are figures


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch of the suite's runs over many boards."""
    parser.addoption(
        "--skip-missing",
        action="store_true",
        help="skip the suite where the board's emulator or compiler is not installed; by default that is an error",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Watch the LED last: a twin goes on recording it for a while, which makes it slow."""
    items.sort(key=lambda item: item.path.name == "test_demo.py")


@pytest.fixture(scope="session", autouse=True)
def board_can_run_here(
    request: pytest.FixtureRequest,
    tinysine_board: Board,
    require: Callable[[str], str],
    lacking: Callable[[str], NoReturn],
) -> None:
    """Skip a board whose emulator or compiler is missing, if --skip-missing says so."""
    if tinysine_board.backend != "qemu" or not request.config.getoption("--skip-missing"):
        return
    avr = tinysine_board.core.startswith("avr")
    require("qemu-system-avr" if avr else "qemu-system-arm")
    try:
        find_toolchain("auto", tinysine_board.core)
    except BuildError:
        lacking("avr-gcc" if avr else "ziglang")


@pytest.fixture(scope="session")
def inputs(tinysine_model: Network) -> Inputs:
    """Every input there is, where they can be counted; else seeded random ones and the corners."""
    return sample_inputs(tinysine_model, seed=0, count=SAMPLED_INPUTS)


@pytest.fixture
def figure(
    request: pytest.FixtureRequest,
    record_testsuite_property: Callable[[str, object], None],
    tinysine_entry: BenchEntry,
    tinysine_rig: Rig,
) -> Callable[[str, object], None]:
    """Keep a measured figure for the table at the end of the run and for JUnit: of several boards, for each its own."""
    of = "" if tinysine_entry.id == tinysine_rig.board.name else f"{tinysine_entry.id}: "

    def keep(name: str, value: object) -> None:
        # As record_property does, which warns under the family of JUnit that is pytest's default.
        request.node.user_properties.append((f"{_FIGURE}{of}{name}", str(value)))
        record_testsuite_property(f"tinysine.{name.replace(' ', '_')}", value)

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, also in workers; a figure that could not be measured has no row."""
    # A test's properties are on the report of its teardown, which counts as nothing.
    figures = {
        name.removeprefix(_FIGURE): value
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for name, value in report.user_properties
        if name.startswith(_FIGURE)
    }
    if figures:
        terminalreporter.section("tinysine figures")
        width = max(map(len, figures))
        for name, value in figures.items():
            terminalreporter.write_line(f"{name:<{width}}  {value}")
