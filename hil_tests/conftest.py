"""What several of the board's tests need: the inputs to check, and a place for the figures they measure."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tinysine.boards import Board
from tinysine.emulation.qemu_process import qemu_program
from tinysine.errors import BuildError, ConfigError
from tinysine.image import find_toolchain
from tinysine.model import Model
from tinysine.oracles import Inputs, sample_inputs

_FIGURES = pytest.StashKey[dict[str, object]]()


@pytest.fixture(scope="session", autouse=True)
def qemu_where_it_is_optional(tinysine_board: Board) -> None:
    """Skip a board in QEMU where there is none, or no compiler for it, if whoever started this said so."""
    if tinysine_board.backend == "qemu" and os.environ.get("TINYSINE_QEMU") == "optional":
        try:
            qemu_program(tinysine_board)
            find_toolchain("auto", tinysine_board.core)
        except (BuildError, ConfigError) as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def inputs(tinysine_model: Model) -> Inputs:
    """Every input there is, where they can be counted; else seeded random ones and the corners."""
    return sample_inputs(tinysine_model, seed=0, count=1000)


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
