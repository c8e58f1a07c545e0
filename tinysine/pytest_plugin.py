"""Options, markers and fixtures for tests that need a board, real or emulated.

Loaded in every pytest run of an environment that has tinysine, so nothing heavy is imported before a fixture
asks for it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from tinysine.bench import SETTINGS, Checkup, Choices, Station, choose, describe
from tinysine.errors import BenchError, FlashError, ProtocolError, TinysineError

if TYPE_CHECKING:
    from tinysine.boards import Board
    from tinysine.device import Device
    from tinysine.flashing import Rig
    from tinysine.image import Image
    from tinysine.model import Model
    from tinysine.oracles import Oracle

_CHOICES = pytest.StashKey[Choices]()
_STATION = pytest.StashKey[Station]()
_RETRIES_BEFORE = pytest.StashKey[int]()
_RECORD = pytest.StashKey[Callable[[str, object], None]]()

_CAUSE = "tinysine.cause"
_RECOVERED = "tinysine.recovered"
_RETRIES = "tinysine.retries"


# -- options, header, markers --------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--tinysine-...` and the keys of the same names."""
    group = parser.getgroup("tinysine", "tinysine: the board under test")
    for setting in SETTINGS:
        allowed = f": {', '.join(setting.allowed)}" if setting.allowed else ""
        default = f" (default: {setting.default})" if setting.default else ""
        group.addoption(
            setting.option,
            dest=setting.key,
            metavar=setting.name.upper(),
            help=f"{setting.help}{allowed}{default}; also {setting.variable}",
        )
        parser.addini(setting.key, setting.help, type="string", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, settle the settings and refuse those that cannot be meant."""
    for marker in (
        "hardware: needs a real board; skipped on a twin, with the reason",
        "emulated: needs a board made of software; skipped on hardware, with the reason",
        "slow: too slow for every run",
        "disturbs: harms the board or its link on purpose, so faults and repeated requests are no failure",
    ):
        config.addinivalue_line("markers", marker)
    try:
        choices = choose(
            {setting.name: config.getoption(setting.key) for setting in SETTINGS},
            os.environ,
            {setting.name: config.getini(setting.key) for setting in SETTINGS},
            file_name=config.inipath.name if config.inipath else "",
        )
        config.stash[_CHOICES] = choices
        _look_up_early(config, choices)
    except TinysineError as error:
        raise pytest.UsageError(f"tinysine: {error}") from error
    config.pluginmanager.register(_Tally(config), "tinysine-tally")
    if choices["port"].value and (hasattr(config, "workerinput") or config.getoption("numprocesses", None)):
        raise pytest.UsageError("tinysine: xdist workers cannot share one port; run without -n")


def _look_up_early(config: pytest.Config, choices: Choices) -> None:
    folders = choices["boards"]
    if folders.source not in ("default", "TINYSINE_BOARDS"):
        # By the environment, so that the processes of emulated boards see them, too.
        before = os.environ.get("TINYSINE_BOARDS", "")
        os.environ["TINYSINE_BOARDS"] = folders.value
        config.add_cleanup(lambda: os.environ.update(TINYSINE_BOARDS=before))
    # Only what somebody asked for: a run that has nothing to do with boards pays for no import.
    if choices["board"].source != "default":
        from tinysine.boards import load_board  # noqa: PLC0415

        load_board(choices["board"].value)
    if choices["model"].source != "default":
        from tinysine.model import read_model  # noqa: PLC0415

        read_model(_model_path(config))


def _model_path(config: pytest.Config) -> Path:
    chosen = config.stash[_CHOICES]["model"]
    if not chosen.value:
        from tinysine.model import REFERENCE_MODEL  # noqa: PLC0415

        return REFERENCE_MODEL
    if config.inipath is not None and chosen.source == config.inipath.name:
        return config.inipath.parent / chosen.value
    return config.invocation_params.dir / chosen.value


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is under test and who decided it."""
    return f"tinysine: {describe(config.stash[_CHOICES])}"


# -- fixtures ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tinysine_board(request: pytest.FixtureRequest) -> Board:
    """The board under test, as facts."""
    from tinysine.boards import load_board  # noqa: PLC0415

    return load_board(request.config.stash[_CHOICES]["board"].value)


@pytest.fixture(scope="session")
def tinysine_model(request: pytest.FixtureRequest) -> Model:
    """The model under test."""
    from tinysine.model import read_model  # noqa: PLC0415

    return read_model(_model_path(request.config))


@pytest.fixture(scope="session")
def tinysine_image(
    request: pytest.FixtureRequest,
    tinysine_board: Board,
    tinysine_model: Model,
    tmp_path_factory: pytest.TempPathFactory,
    record_testsuite_property: Callable[[str, object], None],
) -> Image:
    """The firmware under test, built for the board with the model in it; its origin goes to JUnit."""
    from tinysine import image  # noqa: PLC0415
    from tinysine.quantization import Rounding  # noqa: PLC0415

    request.config.stash[_RECORD] = record_testsuite_property
    choices = request.config.stash[_CHOICES]
    built = image.build_image(
        tinysine_model,
        tinysine_board,
        rounding=Rounding(choices["rounding"].value),
        optimize=cast(Any, choices["optimize"].value),
        prune=choices["prune"].value == "yes",
        toolchain=choices["toolchain"].value,
        out_dir=tmp_path_factory.mktemp("image"),
    )
    for name, value in (
        ("board", tinysine_board.name),
        ("model_sha256", tinysine_model.sha256),
        ("image_sha256", built.sha256),
        ("build_id", built.build_id.hex()),
        ("rounding", built.rounding.value),
        ("optimize", built.optimize),
        ("prune", choices["prune"].value),
        ("toolchain", f"{built.toolchain.name} {built.toolchain.version}"),
    ):
        record_testsuite_property(f"tinysine.{name}", value)
    return built


@pytest.fixture(scope="session")
def tinysine_rig(
    request: pytest.FixtureRequest,
    tinysine_board: Board,
    record_testsuite_property: Callable[[str, object], None],
) -> Iterator[Rig]:
    """The board itself: the one on `--tinysine-port`, else a twin started for this session."""
    from tinysine.bench.bench_file import find_bench, locate  # noqa: PLC0415
    from tinysine.flashing import open_rig  # noqa: PLC0415

    request.config.stash[_RECORD] = record_testsuite_property
    port, probe, bench = (request.config.stash[_CHOICES][name].value for name in ("port", "probe", "bench"))
    place = locate(tinysine_board.name, port or None, bench=find_bench(bench), probe=probe)
    with open_rig(tinysine_board, port=place.port, wiring=place.wiring) as rig:
        record_testsuite_property("tinysine.rig", rig.kind)
        yield rig


@pytest.fixture(scope="session")
def tinysine_station(
    request: pytest.FixtureRequest, tinysine_rig: Rig, tinysine_image: Image
) -> Iterator[Station]:
    """The board with the image on it, its identity proved, looked after between tests."""
    seconds = float(request.config.stash[_CHOICES]["timeout"].value)
    station = Station(tinysine_rig, tinysine_image, timeout_s=seconds)
    station.start()
    request.config.stash[_STATION] = station
    identity = station.device.identity
    request.config.stash[_RECORD]("tinysine.device_unique_id", identity.unique_id or "none")
    request.config.stash[_RECORD]("tinysine.engine", identity.engine)
    yield station
    station.close()


class _LiveDevice:
    """Whichever connection is alive now: recovery between tests opens new ones behind this."""

    def __init__(self, station: Station) -> None:
        self.__dict__["_station"] = station

    def __getattr__(self, name: str) -> Any:
        return getattr(self._station.device, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._station.device, name, value)


@pytest.fixture(scope="session")
def tinysine_device(tinysine_station: Station) -> Device:
    """The running board, flashed with `tinysine_image` and its identity proved."""
    return cast("Device", _LiveDevice(tinysine_station))


@pytest.fixture(scope="session")
def tinysine_oracles(tinysine_model: Model) -> dict[str, Oracle]:
    """Every reference that works here, by name."""
    from tinysine import oracles  # noqa: PLC0415

    return {oracle.name: oracle for oracle in oracles.available_oracles(tinysine_model)}


@pytest.fixture(scope="session")
def tinysine_reference(tinysine_oracles: dict[str, Oracle], tinysine_image: Image) -> Oracle:
    """The one reference that the device must equal: the implementation its rounding is named for.

    Where that is not installed (the tflite-micro wheel exists for few machines) it is the integer oracle of
    the same rounding, which the unit tests hold equal to it.
    """
    from tinysine.verdicts import choose_reference  # noqa: PLC0415

    return tinysine_oracles[choose_reference(tuple(tinysine_oracles), tinysine_image.rounding)]


# -- between tests -------------------------------------------------------------------------------------------


def _station_of(item: pytest.Item) -> Station | None:
    uses_board = "tinysine_station" in getattr(item, "fixturenames", ())
    return item.config.stash.get(_STATION, None) if uses_board else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Have the board healthy before a test, or make it an error at once; skip what needs another kind."""
    station = _station_of(item)
    if station is not None:
        _note_recovery(item, station.check())
        item.stash[_RETRIES_BEFORE] = station.retries
    yield
    station = _station_of(item)
    if station is not None:
        real = station.rig.kind == "hardware"
        if item.get_closest_marker("hardware") and not real:
            pytest.skip(f"needs a real board, and this one is {station.rig.kind}: give --tinysine-port")
        if item.get_closest_marker("emulated") and real:
            pytest.skip("needs a board made of software, and this one is real")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a wrong product from a bench in trouble; charge a device's fault to the test that caused it."""
    report = yield
    if not any(name.startswith("tinysine_") for name in getattr(item, "fixturenames", ())):
        return report
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, FlashError) and error.facts.get("command"):
        report.sections.append(("flash tool", f"$ {error.facts['command']}\n{error.facts.get('output')}"))
    fault, trouble = _examine(item) if call.when == "call" and not report.skipped else ("", "")
    if trouble:
        report.sections.append(("board", trouble))
    if fault and not item.get_closest_marker("disturbs"):
        report.sections.append(("device fault record", fault))
        if report.passed:
            report.outcome = "failed"
            report.longrepr = f"the test passed, but the firmware faulted while it ran\n{fault}"
        _blame(item, report, "product")
    elif report.failed and call.when != "call":
        _blame(item, report, "bench")
    elif (
        report.failed and call.excinfo is not None and call.excinfo.errisinstance((BenchError, ProtocolError))
    ):
        _blame(item, report, "bench")
        # Neither passed nor failed: nothing is known about the product. pytest calls all but "call" an error.
        report.when = cast(Any, "bench")
    elif report.failed:
        _blame(item, report, "product")
    return report


def _examine(item: pytest.Item) -> tuple[str, str]:
    """Return the fault that the firmware recorded during the test, and what is wrong with the board."""
    station = _station_of(item)
    if station is None:
        return "", ""
    report = station.emulator_report()
    expected = item.get_closest_marker("disturbs") is not None
    retries = station.retries - item.stash.get(_RETRIES_BEFORE, 0)
    if retries and not expected:
        item.user_properties.append((_RETRIES, retries))
    try:
        checkup = station.check()
        if not expected:
            _note_recovery(item, checkup)
        record = station.fault()
    except TinysineError as error:
        return report, str(error)
    return report or (str(record) if record is not None else ""), checkup.cause


def _blame(item: pytest.Item, report: pytest.TestReport, cause: str) -> None:
    # JUnit takes them from the teardown's report, which copies the item's; the tally reads this report's own.
    item.user_properties.append((_CAUSE, cause))
    report.user_properties.append((_CAUSE, cause))


def _note_recovery(item: pytest.Item, checkup: Checkup) -> None:
    if checkup.rung:
        item.user_properties.append((_RECOVERED, f"{checkup.rung} after {checkup.cause}"))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Count bench trouble in the middle of a test as an error, not as a failure."""
    if report.failed and cast(str, report.when) == "bench":
        return "error", "E", "BENCH ERROR"
    return None


class _Tally:
    """Whose fault the failures of a session were, and how often the board had to be helped."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._causes: Counter[str] = Counter()
        self._recoveries: list[str] = []
        self._retries = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = [(name, str(value)) for name, value in report.user_properties]
        if report.failed:
            self._causes[
                next((value for name, value in reversed(properties) if name == _CAUSE), "other")
            ] += 1
        if report.when == "teardown":
            self._recoveries += [
                f"{report.nodeid}: {value}" for name, value in properties if name == _RECOVERED
            ]
            self._retries += sum(int(value) for name, value in properties if name == _RETRIES)

    @pytest.hookimpl(tryfirst=True)  # before junitxml writes its file
    def pytest_sessionfinish(self) -> None:
        record = self._config.stash.get(_RECORD, None)
        if record is not None:
            record("tinysine.verdict", self._verdict())
            record("tinysine.recoveries", len(self._recoveries))
            record("tinysine.retries", self._retries)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
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
