"""Options for a run with a board, keys of pytest's own file, markers, and the header's line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest

from tinysine.errors import ConfigError, TinysineError
from tinysine.place import ANY_PORT, Attached, Named, NewTwin
from tinysine.pytest_plugin.fleet import Fleet
from tinysine.pytest_plugin.keys import CHOICES, SEATS
from tinysine.pytest_plugin.paths import model_path
from tinysine.pytest_plugin.places import (
    NEEDS,
    asks_bench,
    multiply,
    read_seats,
    skip_what_is_lacking,
)
from tinysine.pytest_plugin.settings import (
    Choices,
    Chosen,
    boards_of,
    choose,
    describe,
    is_foreign,
    is_generated,
    place_of,
    tolerance_of,
)
from tinysine.pytest_plugin.tally import Tally
from tinysine.pytest_plugin.workers import SHARED_UNASKED, is_shared_unasked, keep_own, share_out
from tinysine.settings import (
    BENCH,
    BOARD,
    BOARDS,
    ENGINE,
    FIRMWARE,
    PORT,
    SETTINGS,
    TOLERANCE,
    TOLERANCE_ABS,
    Setting,
    engine_for_foreign,
    no_port_for_foreign,
)
from tinysine.variables import variable_kept
from tinysine.whole_files import earlier, put_aside


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--tinysine-...` and the keys of the same names."""
    group = parser.getgroup("tinysine", "tinysine: the board under test")
    for setting in SETTINGS:
        allowed = f": {', '.join(setting.allowed)}" if setting.allowed else ""
        default = f" (default: {setting.default})" if setting.default else ""
        group.addoption(
            *setting.options,
            dest=setting.key,
            metavar=setting.metavar or setting.name.upper(),
            help=f"{setting.help}{allowed}{default}; also {setting.variable}",
        )
        for key in setting.keys:
            parser.addini(key, setting.help, type="string", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, settle the settings and refuse those that cannot be meant."""
    for marker in (
        "hardware: needs a real board; skipped on a twin, with the reason",
        "emulated: needs a board made of software; skipped on hardware, with the reason",
        "slow: too slow for every run",
        f"{NEEDS}(feature, ...): runs on boards that have all of these, such as 'led'; skipped where none has",
        "disturbs: harms the board or its link on purpose, so faults and repeated requests are no failure",
    ):
        config.addinivalue_line("markers", marker)
    try:
        choices = config.stash[CHOICES] = _looked_up_early(config, _read_choices(config))
        config.stash[SEATS] = read_seats(config, choices)
        if config.stash[SEATS] is not None:
            share_out(config)
            config.pluginmanager.register(Fleet(config), "tinysine-fleet")
    except TinysineError as error:
        _put_report_aside(config)
        raise pytest.UsageError(f"tinysine: {error}") from error
    config.pluginmanager.register(Tally(config), "tinysine-tally")
    shared = hasattr(config, "workerinput") or config.getoption("numprocesses", None)
    if shared and config.stash[SEATS] is None and not isinstance(place_of(choices), NewTwin):
        raise pytest.UsageError(
            "tinysine: xdist workers cannot share one port; run without -n, or name the boards in a bench file: "
            f"{BENCH.option}"
        )


def _read_choices(config: pytest.Config) -> Choices:
    return choose(
        {setting.name: config.getoption(setting.key) for setting in SETTINGS},
        os.environ,
        {setting.name: _from_file(config, setting) for setting in SETTINGS},
        file_name=config.inipath.name if config.inipath else "",
    )


def _from_file(config: pytest.Config, setting: Setting[Any]) -> str | None:
    """Value in pytest's configuration file, by today's key or by the former one."""
    given = [value for key in setting.keys if (value := config.getini(key))]
    return cast("str | None", given[0] if given else None)


def _put_report_aside(config: pytest.Config) -> None:
    """Put an earlier session's JUnit report aside: this one ends without any, and it would be taken for this one's."""
    named = config.getoption("xmlpath", None)
    with contextlib.suppress(OSError):
        if named and b'"tinysine.verdict"' in (report := Path(named)).read_bytes():
            put_aside(report, earlier(report))


def _looked_up_early(config: pytest.Config, choices: Choices) -> Choices:
    """The choices with the board's whole name. A board or a model that cannot be is refused before any test."""
    folders = choices["boards"]
    if folders.source not in ("default", BOARDS.variable):
        # By the environment, so that the processes of emulated boards see them, too.
        session = contextlib.ExitStack()
        session.enter_context(variable_kept(BOARDS.variable))
        config.add_cleanup(session.close)
        os.environ[BOARDS.variable] = folders.value
    # Only what somebody asked for: a run that has nothing to do with boards pays for no import.
    board = choices["board"]
    if board.source != "default":
        from tinysine.boards import find_board  # noqa: PLC0415

        by_usb = isinstance(place_of(choices), Attached)
        names = [find_board(part, preferred=BOARD.default, by_usb=by_usb).name for part in boards_of(choices)]
        choices = {**choices, "board": Chosen(",".join(names) or board.value, board.source)}
    if len(boards_of(choices)) > 1 and isinstance(place_of(choices), Named):
        raise ConfigError(
            f"{len(boards_of(choices))} boards were named, and one port",
            hint=f"a bench file knows the port of each: {PORT.option}={ANY_PORT}",
            key="port",
        )
    if is_foreign(choices) and not asks_bench(choices) and not isinstance(place_of(choices), Named):
        raise no_port_for_foreign(f"{PORT.option} or {PORT.variable}")
    if is_foreign(choices) and choices["engine"].value != ENGINE.default:
        raise engine_for_foreign(f"{ENGINE.option} or {FIRMWARE.option}")
    if choices["engine"].source != "default":
        from tinysine.image import choose_engine  # noqa: PLC0415
        from tinysine.quantization import Rounding  # noqa: PLC0415

        if (engine := choose_engine(choices["engine"].value)) is not None:
            engine.require(Rounding(choices["reference"].value))
    if choices["model"].source != "default":
        from tinysine.graph import read_judged  # noqa: PLC0415

        read_judged(model_path(config, choices), own=is_generated(choices))
    if any(choices[setting.name].source != "default" for setting in (TOLERANCE, TOLERANCE_ABS)):
        _check_tolerance(model_path(config, choices), choices)
    return choices


def _check_tolerance(path: Path, choices: Choices) -> None:
    from tinysine.graph import read_judged  # noqa: PLC0415
    from tinysine.verify.tolerance import checked_tolerance  # noqa: PLC0415

    own = is_generated(choices)
    codes, absolute = tolerance_of(choices)
    checked_tolerance(read_judged(path, own=own), foreign=not own, codes=codes, absolute=absolute)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that needs a board once on each board, where several were named."""
    multiply(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Skip what the one board lacks; leave the tests of other workers' boards to them."""
    skip_what_is_lacking(config, items)
    result = yield
    keep_own(config, items)
    return result


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Have `-n auto` start a worker for each board of the bench."""
    try:
        seats = read_seats(config, _read_choices(config))
    except TinysineError:
        return None  # it is said as pytest is configured, which comes next
    return None if seats is None else len(seats)


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is under test and who decided it."""
    seats = config.stash[SEATS] or {}
    said = f"tinysine: {describe(config.stash[CHOICES], boards=[seat.title for seat in seats.values()])}"
    return said + (f"\ntinysine: {SHARED_UNASKED}" if is_shared_unasked(config) else "")
