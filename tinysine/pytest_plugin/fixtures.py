"""From the board's name to a running device and the reference it must equal: one fixture for each stage.

Nothing heavy is imported before a fixture asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import pytest

from tinysine.errors import FirmwareWrong
from tinysine.pytest_plugin.examination import attend, look_once_more
from tinysine.pytest_plugin.fleet import recorder
from tinysine.pytest_plugin.keys import (
    CHOICES,
    RECORD,
    REFERENCE,
    REQUESTS_TOLD,
    RETRIES_TOLD,
    RUNNING,
    SEATS,
    STARTED_IN,
    STATION,
)
from tinysine.pytest_plugin.paths import model_path, path_of
from tinysine.pytest_plugin.places import ids_of, read_bench
from tinysine.pytest_plugin.settings import is_foreign, is_generated, place_of, tolerance_of
from tinysine.settings import BOARD, INPUTS, OPTIMIZE, PRUNE, SEED

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tinysine.bench.bench_file import BenchEntry
    from tinysine.boards import Board
    from tinysine.device import Device
    from tinysine.image import Image
    from tinysine.link.expectation import ForeignFirmware
    from tinysine.model import Model
    from tinysine.oracles import Oracle
    from tinysine.rigs import Rig, Station
    from tinysine.tensor_values import Values
    from tinysine.verdicts import LayersVerdict, OutputsVerdict

    Given = ArrayLike | Sequence[ArrayLike]
    AssertEqual = Callable[..., OutputsVerdict]


@pytest.fixture(scope="session")
def tinysine_entry(request: pytest.FixtureRequest) -> BenchEntry:
    """The board's entry in the bench file: its id, its place, what it has. Without a bench, its name is its id."""
    from tinysine.bench.bench_file import BenchEntry  # noqa: PLC0415
    from tinysine.errors import ConfigError  # noqa: PLC0415

    seats, ids = request.config.stash[SEATS], ids_of(request.config)
    shared = seats is not None and hasattr(request.config, "workerinput")
    if (shared or len(ids) > 1) and not hasattr(request, "param"):
        # Tests are multiplied before any runs, by the fixtures that they name: this one would run on the first alone.
        count = f"{len(ids)} boards were named" if len(ids) > 1 else "1 board was named"
        raise ConfigError(
            f"{count} ({', '.join(ids)}), and this test asks for its board only as it runs",
            hint="name tinysine_board, or a fixture that needs it, among the test's arguments: it is run on each board",
            key=BOARD.name,
        )
    id = getattr(request, "param", ids[0])
    return BenchEntry(id, id=id) if seats is None else seats[id]


@pytest.fixture(scope="session")
def tinysine_board(request: pytest.FixtureRequest, tinysine_entry: BenchEntry) -> Board:
    """The board under test, as facts; of foreign firmware's board none are known. Of several boards, each in turn."""
    from tinysine.boards import FOREIGN, load_board  # noqa: PLC0415

    return FOREIGN if is_foreign(request.config.stash[CHOICES]) else load_board(tinysine_entry.name)


@pytest.fixture(scope="session")
def tinysine_model(request: pytest.FixtureRequest) -> Model:
    """The model under test: a Network where the generated engine can run it, and always for our own firmware."""
    from tinysine.graph import read_judged  # noqa: PLC0415

    choices = request.config.stash[CHOICES]
    return read_judged(model_path(request.config, choices), own=is_generated(choices))


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
    from tinysine.verify import build_firmware, require_tools  # noqa: PLC0415

    request.config.stash[RECORD] = record_testsuite_property
    choices = request.config.stash[CHOICES]
    if is_foreign(choices):
        pytest.skip("needs an image, and foreign firmware was not built here")
    require_tools(tinysine_board, place_of(choices), toolchain=choices["toolchain"].value)
    options = image.BuildOptions(
        rounding=Rounding(choices["reference"].value),
        optimize=OPTIMIZE.value(choices["optimize"].value),
        prune=PRUNE.value(choices["prune"].value),
        toolchain=choices["toolchain"].value,
        engine=image.choose_engine(choices["engine"].value),
    )
    built = build_firmware(
        tinysine_model,
        tinysine_board,
        options,
        file=model_path(request.config, choices),
        out_dir=tmp_path_factory.mktemp("image"),
        timeout_s=float(choices["timeout"].value),
    )
    for name, value in (
        ("board", tinysine_board.name),
        ("model_sha256", tinysine_model.sha256),
        ("image_sha256", built.sha256),
        ("build_id", built.build_id.hex()),
        ("engine_built", built.engine),
        ("rounding", built.rounding.value),
        ("optimize", built.optimize),
        ("prune", choices["prune"].value),
        ("toolchain", f"{built.toolchain.name} {built.toolchain.version}"),
    ):
        record_testsuite_property(f"tinysine.{name}", value)
    return built


@pytest.fixture(scope="session")
def tinysine_firmware(
    request: pytest.FixtureRequest,
    tinysine_board: Board,  # noqa: ARG001 - another board needs another image
    tinysine_model: Model,
    record_testsuite_property: Callable[[str, object], None],
) -> Image | ForeignFirmware:
    """Facts that the device must prove: `tinysine_image`, or of foreign firmware its model and reference."""
    choices = request.config.stash[CHOICES]
    if not is_foreign(choices):
        return cast("Image", request.getfixturevalue("tinysine_image"))
    from tinysine.link.expectation import ForeignFirmware  # noqa: PLC0415
    from tinysine.quantization import Rounding  # noqa: PLC0415

    request.config.stash[RECORD] = record_testsuite_property
    rounding = choices["reference"].value
    for name, value in (
        ("firmware", "foreign"),
        ("model_sha256", tinysine_model.sha256),
        ("rounding", rounding),
    ):
        record_testsuite_property(f"tinysine.{name}", value)
    return ForeignFirmware(tinysine_model.sha256, Rounding(rounding))


@pytest.fixture(scope="session")
def tinysine_rig(
    request: pytest.FixtureRequest,
    tinysine_entry: BenchEntry,
    tinysine_board: Board,
    record_testsuite_property: Callable[[str, object], None],
) -> Iterator[Rig]:
    """The board itself: that of the bench, the one on `--tinysine-port`, else a twin started for this session."""
    from tinysine.bench import bench_file  # noqa: PLC0415
    from tinysine.rigs import open_rig  # noqa: PLC0415

    request.config.stash[RECORD] = record_testsuite_property
    choices = request.config.stash[CHOICES]
    bench = read_bench(request.config, choices)
    if request.config.stash[SEATS] is None:
        place = bench_file.locate(tinysine_board.name, place_of(choices), bench=bench)
    else:
        place = bench_file.place_of(tinysine_entry, bench, probe=choices["probe"].value)
    with open_rig(tinysine_board, place, timeout_s=float(choices["timeout"].value)) as rig:
        rig.name = tinysine_entry.id
        yield rig


@pytest.fixture(scope="session")
def tinysine_soak(request: pytest.FixtureRequest) -> int:
    """Number of further inferences, by `--tinysine-soak`; 0 for none."""
    return int(request.config.stash[CHOICES]["soak"].value)


@pytest.fixture(scope="session")
def tinysine_station(
    request: pytest.FixtureRequest,
    tinysine_rig: Rig,
    tinysine_firmware: Image | ForeignFirmware,
    record_testsuite_property: Callable[[str, object], None],
) -> Iterator[Station]:
    """The board with the firmware on it, its identity proved, looked after between tests."""
    from tinysine.rigs import Station  # noqa: PLC0415

    seconds = float(request.config.stash[CHOICES]["timeout"].value)
    _refuse_miscount(request, tinysine_firmware)
    station = Station(tinysine_rig, tinysine_firmware, timeout_s=seconds)
    try:
        station.start()
        _prove_description(request, station)
    except BaseException:
        station.close()
        raise
    identity = station.device.identity
    request.config.stash[STATION] = station
    # Its own counts begin anew; another board's may have been told before.
    request.config.stash[RETRIES_TOLD] = request.config.stash[REQUESTS_TOLD] = 0
    request.config.stash[STARTED_IN] = request.config.stash.get(RUNNING, None)
    station.on_use = partial(attend, request.config)
    built = f"model {station.firmware.model_sha256[:12]}, {station.firmware.rounding.value}"
    note = recorder(request.config, board=tinysine_rig.name, build=built, inputs=identity.inputs)
    station.on_answers = note or station.on_answers
    request.config.stash[RECORD] = record_testsuite_property
    record_testsuite_property("tinysine.rig", tinysine_rig.kind)
    record_testsuite_property("tinysine.device_unique_id", identity.unique_id or "none")
    record_testsuite_property("tinysine.engine", identity.engine)
    yield station
    try:
        look_once_more(request.config)
    finally:
        del request.config.stash[STATION]
        station.close()


def _refuse_miscount(request: pytest.FixtureRequest, firmware: Image | ForeignFirmware) -> None:
    """Refuse an engine with another number of tensors than the model before the board is asked, as `verify` does.

    Raises:
        FirmwareWrong: as `refuse_miscount`.
    """
    from tinysine.image import Image  # noqa: PLC0415
    from tinysine.verify import refuse_miscount  # noqa: PLC0415

    if isinstance(firmware, Image):  # of a device made up there is no model, either
        refuse_miscount(firmware, request.getfixturevalue("tinysine_model"))


def _prove_description(request: pytest.FixtureRequest, station: Station) -> None:
    """Hold what the device tells of itself against the model, as `verify` does; of a device made up, nothing is known.

    Raises:
        FirmwareWrong: it tells something that the build it proved cannot have.
    """
    from tinysine.image import Image  # noqa: PLC0415
    from tinysine.link.expectation import ForeignFirmware  # noqa: PLC0415
    from tinysine.verify import contradiction  # noqa: PLC0415

    if not isinstance(station.firmware, Image | ForeignFirmware):
        return
    model = request.getfixturevalue("tinysine_model")
    if wrong := contradiction(station.device.identity, model, station.firmware):
        raise FirmwareWrong(wrong)


@pytest.fixture(scope="session")
def tinysine_device(tinysine_station: Station) -> Device:
    """The running board, flashed with `tinysine_image` unless its firmware is foreign, and its identity proved. It is
    the same object for the whole session: it reconnects by itself where the board was reset, flashed or replaced.
    """
    return tinysine_station.device


@pytest.fixture(scope="session")
def tinysine_inputs(request: pytest.FixtureRequest, tinysine_model: Model) -> Values:
    """Inputs to check, [n, inputs] in the model's input dtype, a tuple of these for several inputs: those of
    `--tinysine-data`; else every one there is, or as many as `--tinysine-inputs` says, seeded, and the corners.
    """
    choices = request.config.stash[CHOICES]
    chosen = choices["data"]
    if chosen.value:
        from tinysine.stimuli import read_data  # noqa: PLC0415

        return _kept(read_data(path_of(request.config, chosen), tinysine_model).codes)
    from tinysine.stimuli import sample_inputs  # noqa: PLC0415

    count = INPUTS.value(choices["inputs"].value)
    return _kept(sample_inputs(tinysine_model, seed=SEED.value(choices["seed"].value), count=count).codes)


def _kept(values: Values) -> Values:
    """Values of the whole session, which no test can change for those after it."""
    from tinysine.tensor_values import arrays_of  # noqa: PLC0415

    for array in arrays_of(values):
        array.flags.writeable = False
    return values


@pytest.fixture(scope="session")
def tinysine_oracles(request: pytest.FixtureRequest, tinysine_model: Model) -> dict[str, Oracle]:
    """Every reference that works here, by name. The one that the device must equal may not refuse the model."""
    from tinysine.oracles import available_oracles  # noqa: PLC0415
    from tinysine.quantization import Rounding  # noqa: PLC0415

    choices = request.config.stash[CHOICES]
    needed = Rounding(choices["reference"].value)
    oracles = available_oracles(tinysine_model, needed=needed, of_devices=not is_generated(choices))
    return {oracle.name: oracle for oracle in oracles}


@pytest.fixture(scope="session")
def tinysine_reference(
    request: pytest.FixtureRequest,
    tinysine_oracles: dict[str, Oracle],
    tinysine_firmware: Image | ForeignFirmware,
    record_testsuite_property: Callable[[str, object], None],
) -> Oracle:
    """The one reference that the device must equal: the implementation its rounding is named for.

    Where that is not installed (the tflite-micro wheel exists for few machines) it is the integer oracle of
    the same rounding, which the unit tests hold equal to it.
    """
    from tinysine.verdicts import choose_reference, stood_in_for  # noqa: PLC0415
    from tinysine.verdicts.wording import stand_in_in_words  # noqa: PLC0415

    name = choose_reference(tuple(tinysine_oracles), tinysine_firmware.rounding)
    independent = stood_in_for(name, tinysine_firmware.rounding)
    record_testsuite_property("tinysine.reference", name)
    if (told := stand_in_in_words(name, independent)) != name:
        request.config.stash[REFERENCE] = told
    return tinysine_oracles[name]


@pytest.fixture(scope="session")
def tinysine_layers(  # noqa: PLR0917 - pytest passes fixtures by name
    request: pytest.FixtureRequest,
    tinysine_model: Model,
    tinysine_firmware: Image | ForeignFirmware,
    tinysine_inputs: Values,
    tinysine_reference: Oracle,
    tinysine_station: Station,
) -> LayersVerdict:
    """Each layer of the device against the reference's, and what it costs: the board is flashed with the model cut off
    behind each, and with `tinysine_image` again. An engine or firmware of others that announces layers is asked for
    them, and nothing is flashed; with foreign firmware that announces none the test is skipped.
    """
    from tinysine.image import choose_engine  # noqa: PLC0415
    from tinysine.link import Capability  # noqa: PLC0415
    from tinysine.verdicts import wrong_rows  # noqa: PLC0415
    from tinysine.verify import (  # noqa: PLC0415
        announced_layers,
        cut_builder,
        layer_inputs,
        require_unchanged,
        verify_layers,
    )
    from tinysine.verify.tolerance import checked_tolerance  # noqa: PLC0415

    choices, device = request.config.stash[CHOICES], tinysine_station.device
    announces = Capability.LAYERS in device.capabilities and not is_generated(choices)
    if is_foreign(choices) and not announces:
        pytest.skip("foreign firmware was not built here, and this one does not announce layers")
    answers = device.infer(tinysine_inputs)
    wrong = wrong_rows(answers, tinysine_reference.run(tinysine_inputs))
    seed = SEED.value(choices["seed"].value)
    rounding, inputs = tinysine_firmware.rounding, layer_inputs(tinysine_inputs, wrong, seed=seed)
    codes, absolute = tolerance_of(choices)
    allowed = checked_tolerance(
        tinysine_model, foreign=not is_generated(choices), codes=codes, absolute=absolute
    )
    if announces:
        return announced_layers(
            tinysine_model,
            device,
            rounding=rounding,
            inputs=inputs,
            answers=layer_inputs(answers, wrong, seed=seed),
            tolerance=allowed,
        )
    image = cast("Image", tinysine_firmware)
    users, engine = choose_engine(choices["engine"].value), device.identity.engine
    with tinysine_station.lent() as rig:
        verdict, _stats = verify_layers(
            tinysine_model,
            image,
            rig,
            build=cut_builder(image, users),
            engine=engine,
            rounding=rounding,
            inputs=inputs,
            seed=seed,
            timeout_s=tinysine_station.timeout_s,
            tolerance=allowed,
        )
    require_unchanged(model_path(request.config, choices), tinysine_model, users)
    return verdict


@pytest.fixture(scope="session")
def tinysine_assert_equal(
    request: pytest.FixtureRequest,
    tinysine_model: Model,
    tinysine_oracles: dict[str, Oracle],
    tinysine_firmware: Image | ForeignFirmware,
    tinysine_reference: Oracle,  # noqa: ARG001 - notes which one it is
) -> AssertEqual:
    """Assert that answers are the reference's, bit for bit; a failure reads as `tinysine verify` says it."""
    from tinysine.tensor_values import exact_values  # noqa: PLC0415
    from tinysine.verdicts import judge_every_output  # noqa: PLC0415
    from tinysine.verdicts.wording import failure_in_words  # noqa: PLC0415
    from tinysine.verify.tolerance import checked_tolerance  # noqa: PLC0415

    foreign = not is_generated(request.config.stash[CHOICES])
    codes, absolute = tolerance_of(request.config.stash[CHOICES])

    def assert_equal(
        inputs: Given, answers: Given, *, tolerance: int = codes, tolerance_abs: float = absolute
    ) -> OutputsVerdict:
        """Hold the device's answers against the references.

        Args:
            inputs: [n, inputs] in the model's input dtype, or lists of numbers that it holds; a tuple of these for
                several inputs.
            answers: [n, outputs] in its output dtype, what the device said to them, in the same order; or lists; a
                tuple of these for several outputs.
            tolerance: codes by which outputs in integers may differ, where engine or firmware are not tinysine's own;
                by default what the setting of this name says, which is 0.
            tolerance_abs: by which outputs in float32 may differ; those that are computed in floats need it. By default
                what its setting says.
        Returns:
            The verdict of equal answers: how many were checked, and whether these are all inputs there are.
        Raises:
            AssertionError: an answer differs in any bit, is missing or surplus, there is none, or references that
                must agree do not.
            ValueError, TypeError: a wrong dtype or shape, or no numbers.
            ConfigError: a tolerance that makes no sense, or none for outputs that are computed in floats.
        """
        __tracebackhide__ = True
        allowed = checked_tolerance(tinysine_model, foreign=foreign, codes=tolerance, absolute=tolerance_abs)
        asked = exact_values(inputs, tinysine_model.inputs, "inputs")
        verdict = judge_every_output(
            tinysine_model.outputs,
            inputs=asked,
            device=exact_values(answers, tinysine_model.outputs, "answers"),
            answers={name: oracle.run(asked) for name, oracle in tinysine_oracles.items()},
            rounding=tinysine_firmware.rounding,
            tolerance=allowed,
        )
        if not verdict.passed:
            raise AssertionError(failure_in_words(verdict))
        return verdict

    return assert_equal
