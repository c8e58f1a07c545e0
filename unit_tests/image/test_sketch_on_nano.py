"""The exported sketch on the emulated Nano, over a small core of these tests; by arduino-cli, and by somebody else."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.emulation import EmulatedBoard, start_emulator
from tinysine.errors import EXIT_USAGE, BuildError, ConfigError, IdentityMismatch
from tinysine.evidence import to_document
from tinysine.graph import Network
from tinysine.image import BuildOptions, build_image, export_sketch, foreign_build
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.place import AtPort
from tinysine.quantization import Rounding
from tinysine.stimuli import all_inputs
from tinysine.verify import verify

CORE = Path(__file__).parent / "nano_core"
sys.path.insert(0, str(CORE))

from build import build_core, build_sketch  # noqa: E402  # the core's own

PINS, USB = load_board("nano33ble-sense"), load_board("nano33ble-usb")

# arduino-cli as far as tinysine knows it; compiling is real, with the core of these tests.
CLI = """#!{python}
import pathlib, shutil, sys
sys.path[:0] = {paths}
words = sys.argv[1:]
with open({log!r}, "a") as log:
    print(*words, file=log)
def option(name):
    return words[words.index(name) + 1]
if words == ["version"]:
    print("arduino-cli  Version: 1.0.4 Commit: a1b2c3d Date: 2024-08-12T13:42:36Z")
elif words == ["core", "list"]:
    print("ID                Installed Latest Name\\n{core:<17} 4.2.1     4.2.1  Arduino Mbed OS Nano Boards\\n")
elif words[0] == "compile":
    from build import build_sketch
    elf = build_sketch(pathlib.Path(words[-1]), pathlib.Path(option("--build-path")))
    shutil.copyfile(elf, {kept!r})
elif words[0] == "upload":
    from tinysine.boards import load_board
    from tinysine.emulation import attach_emulator
    from tinysine.image.elf import flash_binary
    kept = pathlib.Path({kept!r})
    assert pathlib.Path(option("--input-file")).read_bytes() == flash_binary(kept, load_board("nano33ble-usb"))
    attach_emulator({control!r}).flash(kept)
else:
    sys.exit("unknown: " + " ".join(words))
"""


pytestmark = pytest.mark.needs("arm-none-eabi-g++")


@pytest.fixture
def nano(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmulatedBoard]:
    """An emulated Nano that nobody finds among the running ones: taken for a real board, on a USB of its own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    with start_emulator(PINS) as emulator:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
        emulator.port = os.path.realpath(emulator.port)  # beside its name, its control socket would be found
        port = SimpleNamespace(
            device=emulator.port, vid=0x2341, pid=0x805A, serial_number="A", description="Nano 33 BLE"
        )
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port])
        yield emulator


@pytest.fixture
def arduino_cli(
    nano: EmulatedBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Callable[[], list[str]]]:
    """Installs an arduino-cli with a core, and gives back what it was asked so far."""

    def install(core: str = "arduino:mbed_nano") -> Callable[[], list[str]]:
        folder, log = tmp_path / "bin", tmp_path / "calls"
        folder.mkdir()
        text = CLI.format(
            python=sys.executable,
            paths=[str(CORE), *sys.path],
            log=str(log),
            kept=str(tmp_path / "kept.elf"),
            control=nano.control,
            core=core,
        )
        (folder / "arduino-cli").write_text(text, encoding="utf-8")
        (folder / "arduino-cli").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return lambda: log.read_text(encoding="utf-8").splitlines()

    return install


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The core, compiled once."""
    return build_core(tmp_path_factory.mktemp("core"))


@pytest.fixture
def exported(sine_model: Network, core: list[Path], tmp_path: Path) -> Callable[..., Path]:
    """(name="sine", edit=None, and what export_sketch takes) -> an exported sketch, edited in its folder, compiled."""

    def build(*, name: str = "sine", edit: Callable[[Path], object] | None = None, **options: object) -> Path:
        work = Path(tempfile.mkdtemp(dir=tmp_path))
        sketch = export_sketch(sine_model, work / name, **options)  # type: ignore[arg-type]
        if edit is not None:
            edit(sketch.folder)
        return build_sketch(sketch.folder, work / "build", core)

    return build


@pytest.mark.long
@pytest.mark.parametrize(
    ("rounding", "optimize"),
    [
        (Rounding.LITERT, "speed"),
        (Rounding.LITERT, "size"),
        (Rounding.TFLM, "speed"),
        (Rounding.TFLM, "size"),
    ],
    ids=str,
)
def test_all_256_outputs_are_the_references(
    sine_model: Network,
    nano: EmulatedBoard,
    exported: Callable[..., Path],
    rounding: Rounding,
    optimize: str,
) -> None:
    """The other engine of the sketch, and the way that bytes take where no AVR is."""
    nano.flash(exported(rounding=rounding, optimize=optimize))
    codes = all_inputs(sine_model).codes
    with Device.connect(nano.port) as device:
        assert device.identity.board == "nano33ble-usb"
        np.testing.assert_array_equal(device.infer(codes), integer_oracle(sine_model, rounding).run(codes))
        assert "1.57" in device.text("1.5708")
        first = device.time(codes[0], repetitions=3)
        assert (first.unit, first.clock_hz) == ("cycles", 64_000_000)
        assert 0 < first.net.min() == first.net.max()
        device.reset()
        assert device.counters().corrupt == 0
    assert nano.report() is None


@pytest.mark.long
def test_the_led_follows_the_sine_without_a_timer(exported: Callable[..., Path]) -> None:
    """digitalWrite and micros alone: the duty of its pulses is the inferred sine, over a whole sweep."""
    with start_emulator(PINS, clock="free") as nano:
        nano.flash(exported())
        deadline = time.monotonic() + 60
        trace: list[tuple[float, float]] = []
        while not trace or trace[-1][0] - trace[0][0] < 4.2:
            assert time.monotonic() < deadline, "the LED did not move for a sweep"
            time.sleep(0.1)
            trace = nano.led_trace()
            rests = [i for i in range(1, len(trace)) if trace[i][0] - trace[i - 1][0] > 1.5]
            trace = trace[rests[0] :] if rests else []  # before, it was the boot loader's
        assert nano.report() is None
    seconds, duty = np.array(trace).T
    step = (seconds - seconds[0]) * 2 * np.pi / (256 * 0.016)
    step, duty = step[1:], duty[1:]  # the demo begins somewhere in the first period
    expected = (np.sin(step) + 1) / 2
    assert len(np.unique(duty)) > 30
    # A pulse is seen in steps of two looks at the clock, an eighth of a millisecond of four.
    assert np.abs(duty - expected).max() < 0.12
    assert np.abs(duty - expected).mean() < 0.03


@pytest.mark.long
def test_arduino_cli_builds_uploads_and_the_board_is_proved(
    nano: EmulatedBoard, arduino_cli: Callable[..., Callable[[], list[str]]]
) -> None:
    """From a model to PASS over the Nano's own USB; the second time nothing is compiled or uploaded."""
    calls = arduino_cli()
    evidence = verify(REFERENCE_MODEL, board=USB, place=AtPort(nano.port))
    assert (evidence.verdict, evidence.board.kind) == ("pass", "hardware")
    assert evidence.outputs is not None
    assert (evidence.outputs.checked, evidence.outputs.mismatches) == (256, 0)
    assert evidence.latency is not None
    assert evidence.latency.unit == "cycles"
    memory, provenance = evidence.memory, evidence.provenance
    assert memory is not None
    assert memory.flash_bytes is not None
    assert memory.engine_bytes is not None
    assert memory.static_ram_bytes is not None
    assert memory.flash_bytes > memory.engine_bytes > 1000
    assert memory.static_ram_bytes > 0
    assert provenance.toolchain is not None
    assert provenance.toolchain.version.endswith("arduino:mbed_nano 4.2.1")
    assert provenance.flashed is True
    assert [line.split()[0] for line in calls()] == ["version", "core", "compile", "upload"]
    assert "--fqbn arduino:mbed_nano:nano33ble" in calls()[-2]
    again = verify(REFERENCE_MODEL, board=USB, place=AtPort(nano.port))
    assert (again.verdict, again.provenance.flashed) == ("pass", False)
    assert len(calls()) == 4


@pytest.mark.parametrize("board", ["nano33ble-usb", pytest.param("arduino", marks=pytest.mark.long)])
def test_a_sketch_that_somebody_else_uploaded_is_proved_without_a_compiler(
    sine_model: Network,
    nano: EmulatedBoard,
    exported: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    board: str,
) -> None:
    """A sketch compiled by the Arduino IDE is known by its sources; facts about its bytes are absent."""

    def name_no_board(
        folder: Path,
    ) -> None:  # as the compiler does for a board that the catalogue does not know
        config = folder / "src" / "config.h"
        config.write_text(config.read_text().replace("defined(ARDUINO_ARDUINO_NANO33BLE)", "0"))

    edit = name_no_board if board == "arduino" else None
    nano.flash(exported(name="waves", edit=edit))  # its name is nobody's business
    monkeypatch.setenv("PATH", os.devnull)
    evidence = verify(REFERENCE_MODEL, board=load_board(board), place=AtPort(nano.port), flash="never")
    assert (evidence.verdict, evidence.provenance.flashed) == ("pass", False)
    document = to_document(evidence)
    assert document["outputs"]["mismatches"] == 0
    expected = foreign_build(
        sine_model, load_board(board), rounding=Rounding.LITERT, optimize="speed", prune=False
    )
    assert expected is not None
    assert document["provenance"]["build_id"] == expected.build_id.hex()
    assert not {"image_sha256", "toolchain"} & document["provenance"].keys()
    assert not {"flash_bytes", "engine_bytes", "static_ram_bytes"} & document["memory"].keys()


@pytest.mark.long
def test_another_sketch_is_not_taken_for_it(
    nano: EmulatedBoard, exported: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exported for size: another build; what could not be built here is said with it."""
    nano.flash(exported(optimize="size"))
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(IdentityMismatch, match="build_id") as caught:
        verify(REFERENCE_MODEL, board=USB, place=AtPort(nano.port), flash="never")
    assert "arduino-cli is not installed" in caught.value.hint


@pytest.mark.long
def test_an_edited_sketch_passes_by_its_answers_alone(
    nano: EmulatedBoard,
    exported: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It still says what it was exported as, so the evidence claims no image; an edit that changes an answer fails."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    verdicts = []
    invoke = "frame += bytes;"
    for edited in (f"{invoke} /* mine */", f"frame[0] ^= end == TS_OUTPUTS; {invoke}"):

        def edit(folder: Path, edited: str = edited) -> None:
            file = folder / "src" / "link" / "infer.c"
            assert invoke in file.read_text()
            file.write_text(file.read_text().replace(invoke, edited))

        nano.flash(exported(edit=edit))
        evidence = verify(REFERENCE_MODEL, board=USB, place=AtPort(nano.port), flash="never")
        assert evidence.provenance.image_sha256 is None
        verdicts.append(evidence.verdict)
    assert verdicts == ["pass", "fail"]


def test_what_arduino_cli_lacks_is_said(
    sine_model: Network, arduino_cli: Callable[..., Callable[[], list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program, no core, a board without Arduino's name, a compiler that cannot be chosen."""
    arduino_cli("arduino:avr")
    with pytest.raises(BuildError, match="has no core arduino:mbed_nano") as no_core:
        build_image(sine_model, USB)
    assert "arduino-cli core install arduino:mbed_nano" in str(no_core.value)
    with pytest.raises(ConfigError, match="brings its own compiler"):
        build_image(sine_model, USB, options=BuildOptions(toolchain="gcc"))
    with pytest.raises(ConfigError, match="cannot build for it") as foreign:
        build_image(sine_model, load_board("arduino"))
    assert "--flash never" in foreign.value.hint
    assert foreign.value.exit_code == EXIT_USAGE
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BuildError, match="arduino-cli is not installed") as none:
        build_image(sine_model, USB)
    assert "export-arduino" in none.value.hint
