"""What several of the board's tests need: the inputs to check, and a place for the figures they measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from tinysine.boards import Board
from tinysine.errors import BuildError
from tinysine.graph import Network
from tinysine.image import find_toolchain
from tinysine.settings import SAMPLED_INPUTS
from tinysine.stimuli import Inputs, sample_inputs

_FIGURES = pytest.StashKey[dict[str, object]]()


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
    request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]
) -> Callable[[str, object], None]:
    """Keep a measured figure for the table at the end of the run and for JUnit."""

    def keep(name: str, value: object) -> None:
        request.config.stash.setdefault(_FIGURES, {})[name] = value
        record_testsuite_property(f"tinysine.{name.replace(' ', '_')}", value)

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured; a figure that could not be measured has no row."""
    figures = config.stash.get(_FIGURES, {})
    if figures:
        terminalreporter.section("tinysine figures")
        width = max(map(len, figures))
        for name, value in figures.items():
            terminalreporter.write_line(f"{name:<{width}}  {value}")
