"""The sketch as an image for the Arduino Uno: 2 kB of RAM suffice, and QEMU's Uno answers as the reference does."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from msgspec import structs

from tinysine.boards import load_board
from tinysine.codegen import generate
from tinysine.device import Device
from tinysine.errors import BuildError, ConfigError, DeviceError, ImageTooLarge
from tinysine.graph import Network, parse_network
from tinysine.image import BuildOptions, Image, build_image, export_sketch
from tinysine.image.arduino import ENGINE_FILE, make_sketch
from tinysine.image.arduino_core import arduino_target, find_arduino_core
from tinysine.image.avr_stack import FIRMWARE_STACK_BYTES, avr_stack_needed
from tinysine.image.elf import read_symbols
from tinysine.image.sketch import SketchRecipe, sketch_recipe
from tinysine.image.toolchain import find_toolchain
from tinysine.link import Status
from tinysine.oracles import integer_oracle
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.rigs import Rig, open_rig
from tinysine.stimuli import all_inputs, sample_inputs
from trust.operators.dense_chain import random_network

UNO = load_board("qemu:arduino-uno")
INTERRUPT_BYTES = 24  # the deepest handler of Arduino's core, and what rounding up adds
PAIRS = [(optimize, rounding) for optimize in ("speed", "size") for rounding in INTERPRETED]
RECIPE = {"engine_level": "-O2", "extra_flags": ()}
HUNGRY = """
__attribute__((noinline)) static void hungry(void) {
    volatile char taken[200];
    taken[0] = 1;
    __asm volatile("" : : "r"(taken) : "memory");
}
int ts_engine_invoke(void) {
    hungry();
"""
RECURSIVE = """
__attribute__((noinline)) static int again(volatile int *left) {
    if (*left == 0) {
        return 0;
    }
    *left = *left - 1;
    return again(left) * *left; /* read after the call, so that no loop can be made of it */
}
int ts_engine_invoke(void) {
    volatile int left = 3;
    left = again(&left);
"""
FLASH_END = 0x800000  # in ELF files of the AVR, what lies behind is RAM
# One byte that is skipped or not, and behind it what leaves a function: QEMU's AVR takes neither way.
SKIP_OVER_RETURN = re.compile(r"\t(?:sbrc|sbrs|cpse|sbic|sbis)\t[^\n]*\n[^\n]*\t(?:reti?|ijmp|icall)\b")


@pytest.fixture(scope="module")
def gcc(lacking: Callable[[str], NoReturn]) -> str:
    """The AVR's compiler, which a run that was promised it must have."""
    try:
        return find_toolchain("auto", "avr5").path
    except BuildError:
        lacking("avr-gcc")


@pytest.fixture(scope="module")
def qemu(gcc: str, require: Callable[[str], str]) -> Iterator[Rig]:  # noqa: ARG001  # no image without a compiler
    """An Uno in QEMU, without power."""
    require("qemu-system-avr")
    with open_rig(UNO) as rig:
        assert rig.emulator is not None
        rig.emulator.power(False)
        yield rig


@contextlib.contextmanager
def running(rig: Rig, elf: Path) -> Iterator[Device]:
    """The Uno with this image, with power only as long as it is asked: it computes even while it waits."""
    assert rig.emulator is not None
    rig.emulator.power(True)
    try:
        rig.emulator.flash(elf)
        with Device.connect(rig.port) as device:
            yield device
    finally:
        rig.emulator.power(False)


def export_files(model: Network) -> dict[str, str]:
    """The files of a model's sketch."""
    return make_sketch(model, rounding=Rounding.LITERT, optimize="speed", prune=False).files


def with_engine(recipe: SketchRecipe, beginning: str) -> SketchRecipe:
    """The same sketch, whose inference begins otherwise."""
    start = "int ts_engine_invoke(void) {\n"
    assert start in recipe.files[ENGINE_FILE]
    text = recipe.files[ENGINE_FILE].replace(start, beginning)
    return dataclasses.replace(recipe, files={**recipe.files, ENGINE_FILE: text})


def options() -> list[Any]:
    """Every way to build an engine; each option and each reference once, the other pairs for later."""
    return [PAIRS[0], *(pytest.param(*pair, marks=pytest.mark.long) for pair in PAIRS[1:3]), PAIRS[3]]


def built(model: Network, optimize: str, rounding: Rounding) -> Image:
    """The sketch for the Uno, built once each way, with nothing that the compiler warns of."""
    return build_image(model, UNO, options=BuildOptions(optimize=optimize, rounding=rounding), strict=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(("optimize", "rounding"), options())
def test_two_kilobytes_suffice(
    sine_model: Network, gcc: str, optimize: str, rounding: Rounding, request: pytest.FixtureRequest
) -> None:
    """Variables, fault record and the stack's budget leave a fifth of the RAM; no table of the model is in it."""
    image = built(sine_model, optimize, rounding)
    assert Path(gcc).name in image.toolchain.version
    assert UNO.ram is not None
    symbols = read_symbols(image.elf)
    used = symbols["__heap_start"] - symbols["__data_start"]
    free = UNO.ram.length - used - UNO.limits.stack_bytes
    request.node.user_properties.append(("free_ram_bytes", free))
    print(f"{optimize}, {rounding.value}: {used} B static, {UNO.limits.stack_bytes} B stack, {free} B free")
    assert free >= 400
    assert image.sizes.static_ram_bytes < used  # the record of faults is not counted
    constants = subprocess.run(
        [gcc.replace("gcc", "nm"), str(image.elf)], capture_output=True, text=True, check=True
    ).stdout
    tables = re.findall(r"([0-9a-f]{8}) \w (ts_engine_(?:stream|weights|channels|layer|rows)\w*)", constants)
    tables = [(address, name) for address, name in tables if name != "ts_engine_layer"]
    assert tables
    assert all(int(address, 16) < FLASH_END for address, _ in tables), tables


@pytest.mark.parametrize(("optimize", "rounding"), options())
def test_all_256_outputs_are_the_references(
    sine_model: Network, qemu: Rig, optimize: str, rounding: Rounding
) -> None:
    """Asked over the link, on a machine that nobody here modelled."""
    image = built(sine_model, optimize, rounding)
    answers, device = ask(qemu, image, all_inputs(sine_model).codes)
    np.testing.assert_array_equal(
        answers, integer_oracle(sine_model, rounding).run(all_inputs(sine_model).codes)
    )
    memory = device["memory"]
    assert memory.static_ram_bytes == image.sizes.static_ram_bytes
    assert memory.arena_used_bytes <= memory.arena_planned_bytes == image.arena_bytes
    assert 0 < memory.invoke_stack_bytes < memory.stack_used_bytes < UNO.limits.stack_bytes // 2
    assert image.stack_bound_bytes is not None
    assert memory.invoke_stack_bytes <= image.stack_bound_bytes <= memory.invoke_stack_bytes + INTERRUPT_BYTES
    assert memory.stack_used_bytes - memory.invoke_stack_bytes <= FIRMWARE_STACK_BYTES
    assert avr_stack_needed(image.stack_bound_bytes) <= UNO.limits.stack_bytes


def ask(rig: Rig, image: Image, codes: np.ndarray) -> tuple[np.ndarray, dict[str, object]]:
    """Flash an image and ask it, all that there is to ask; what it says of itself comes with the answers."""
    with running(rig, image.elf) as device:
        device.require(image)
        answers = device.infer(codes)
        device.infer_f32(np.zeros((4, codes.shape[1]), np.float32))
        device.text("1.5708")
        device.counters()
        return answers, {"memory": device.memory()}


def test_the_stack_of_an_inference_is_followed_into_its_calls(
    sine_model: Network, gcc: str, tmp_path: Path
) -> None:
    """A deep function below the engine counts; one that calls itself has no bound."""
    sketch = sketch_recipe(UNO, find_toolchain("auto", "avr5"), export_files(sine_model), **RECIPE)
    plain = sketch.link(bytes(16), tmp_path / "plain").stack_bound_bytes
    deep = with_engine(sketch, HUNGRY).link(bytes(16), tmp_path / "deep").stack_bound_bytes
    assert plain is not None
    assert deep is not None
    assert plain < 200 < deep < 240
    with pytest.raises(ImageTooLarge, match=r"bytes of RAM .*stack 1,[56]\d\d"):
        with_engine(sketch, HUNGRY.replace("[200]", "[1200]")).link(bytes(16), tmp_path / "deeper")
    with pytest.raises(BuildError, match="recursion"):
        with_engine(sketch, RECURSIVE).link(bytes(16), tmp_path / "recursive")
    assert gcc


@pytest.mark.parametrize(
    ("seed", "optimize", "kernel"),
    [
        (0, "speed", "long"),
        pytest.param(13, "speed", "long", marks=pytest.mark.long),
        pytest.param(4, "speed", "split", marks=pytest.mark.long),
        (9, "speed", "split"),
        pytest.param(4, "size", "compact", marks=pytest.mark.long),
        pytest.param(9, "size", "compact", marks=pytest.mark.long),
    ],
)
def test_random_networks_equal_the_integer_oracle(qemu: Rig, seed: int, optimize: str, kernel: str) -> None:
    """Any ends, any scales, each kernel, both roundings: where int has 16 bits the integers are the same."""
    rng = np.random.default_rng(70_000 + seed)
    data = random_network(rng, max_width=16, layers=3, input_type=None, output_type=None)
    model = parse_network(data, file=f"network {seed}")
    rounding = INTERPRETED[seed % 2]
    engine = generate(model, rounding=rounding, optimize=optimize, core="avr5")  # type: ignore[arg-type]
    assert kernel in {layer.kernel for layer in engine.plan.layers}
    image = build_image(model, UNO, options=BuildOptions(rounding=rounding, optimize=optimize))  # type: ignore[arg-type]
    codes = sample_inputs(model, seed=seed, count=48).codes
    answers, _ = ask(qemu, image, codes)
    np.testing.assert_array_equal(answers, integer_oracle(model, rounding).run(codes))


def test_latency_is_absent_not_zero(sine_model: Network, qemu: Rig) -> None:
    """QEMU's Uno has no Timer0: the sketch finds out, and says that it cannot count."""
    with running(qemu, built(sine_model, "speed", Rounding.LITERT).elf) as device:
        assert device.identity.counter == 0
        with pytest.raises(DeviceError) as refusal:
            device.time(all_inputs(sine_model).codes[0], repetitions=1)
        assert refusal.value.status == Status.UNSUPPORTED
    assert qemu.instruction_hz("ticks", 1_000_000) is None
    assert qemu.emulator is not None
    assert qemu.emulator.status()["counting"] is False


def test_the_image_has_nothing_that_qemu_cannot_do(sine_model: Network, gcc: str) -> None:
    """A skip over a return would hang there for ever, and the test that meets it would not say why."""
    for optimize, rounding in PAIRS:
        image = built(sine_model, optimize, rounding)
        text = subprocess.run(
            [gcc.replace("gcc", "objdump"), "-d", str(image.elf)], capture_output=True, text=True, check=True
        ).stdout
        assert "\tret" in text
        assert SKIP_OVER_RETURN.search(text) is None


@pytest.mark.long
def test_the_exported_folder_is_built_as_arduino_does(
    sine_model: Network, gcc: str, qemu: Rig, tmp_path: Path
) -> None:
    """With the flags of Arduino's platform, link-time optimisation among them, and nothing but what was exported."""
    sketch = export_sketch(sine_model, tmp_path / "sine")
    elf = build_as_arduino(sketch.folder, tmp_path, gcc)
    codes = all_inputs(sine_model).codes
    with running(qemu, elf) as device:
        assert device.identity.board == "arduino-uno"
        assert device.identity.build_id.hex() in (sketch.folder / "README.md").read_text()
        answers = device.infer(codes)
        assert "1.57" in device.text("1.5708")
        used, reserved = device.memory().stack_used_bytes, device.memory().stack_reserved_bytes
        assert used is not None
        assert reserved is not None
        assert used < reserved
    np.testing.assert_array_equal(answers, integer_oracle(sine_model, Rounding.LITERT).run(codes))


def build_as_arduino(folder: Path, work: Path, gcc: str) -> Path:
    """The recipes of the AVR platform's platform.txt."""
    core = find_arduino_core()
    target = arduino_target(UNO, core)
    both = [f"-mmcu={target.mcu}", f"-DF_CPU={target.clock}", "-DARDUINO=10819", f"-DARDUINO_{target.macro}"]
    both += ["-DARDUINO_ARCH_AVR", "-g", "-Os", "-w", "-ffunction-sections", "-fdata-sections", "-flto"]
    both += [f"-I{path}" for path in core.includes(target)]
    languages = {
        ".c": ["-std=gnu11", "-fno-fat-lto-objects"],
        # The last one only for Debian's GCC 5, with which Debian's own core does not compile.
        ".cpp": ["-std=gnu++11", "-fpermissive", "-fno-exceptions", "-DDECIMAL_DIG=__DECIMAL_DIG__"],
        ".S": ["-x", "assembler-with-cpp"],
    }
    main = folder / "sine.ino.cpp"
    main.write_text("#include <Arduino.h>\n" + (folder / "sine.ino").read_text())
    objects = []
    for source in [*sorted(p for p in folder.rglob("*.c*")), *core.sources]:
        program = gcc.replace("gcc", "g++") if source.suffix == ".cpp" else gcc
        objects.append(work / f"{len(objects)}.o")
        run([program, *both, *languages[source.suffix], "-c", str(source), "-o", str(objects[-1])])
    elf = work / "sine.elf"
    link = [gcc, "-Os", "-g", "-flto", "-fuse-linker-plugin", "-Wl,--gc-sections", f"-mmcu={target.mcu}"]
    run([*link, "-o", str(elf), *map(str, objects), "-lm"])
    return elf


def run(command: list[str]) -> None:
    """Run a tool, and show what it says if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_same_inputs_give_the_same_bytes_anywhere(
    sine_model: Network, gcc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another cache, byte for byte the same; another weight or option, another build."""
    here = built(sine_model, "speed", Rounding.LITERT)
    others = [
        built(sine_model, "size", Rounding.LITERT),
        built(sine_model, "speed", Rounding.TFLM),
        build_image(sine_model, structs.replace(UNO, name="another"), strict=True),
        built(dataclasses.replace(sine_model, sha256="00" * 32), "speed", Rounding.LITERT),
    ]
    assert len({image.build_id for image in (here, *others)}) == 5
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    there = built(sine_model, "speed", Rounding.LITERT)
    assert there.elf.is_relative_to(tmp_path)
    assert there.build_id == here.build_id
    assert there.elf.read_bytes() == here.elf.read_bytes()
    assert str(tmp_path).encode() not in there.elf.read_bytes()
    assert Path(gcc).is_absolute()


@pytest.mark.parametrize(
    ("widths", "memory"), [((1, 600, 1), "ram"), ((16, 150, 150, 1), "flash"), ((16, 300, 300, 1), "flash")]
)
def test_a_model_that_does_not_fit_is_told_by_how_much(
    gcc: str, widths: tuple[int, ...], memory: str
) -> None:
    """The error names the needed bytes and those that the Uno has."""
    data = random_network(np.random.default_rng(3), widths=widths, style="trained")
    with pytest.raises(BuildError, match=f"(?i)bytes of {memory}.* more than qemu:arduino-uno has") as caught:
        build_image(parse_network(data, file="large"), UNO)
    assert caught.value.facts["memory"] == memory
    assert caught.value.facts["needed_bytes"] > caught.value.facts["available_bytes"]
    assert gcc


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No compiler, no core, the wrong compiler: each with what installs it."""
    with pytest.raises(BuildError, match="no compiler for avr5"):
        find_toolchain("zig", "avr5")
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    monkeypatch.setattr("tinysine.image.arduino_core._DEBIAN", tmp_path / "nowhere")
    with pytest.raises(BuildError, match="Arduino's AVR core is not installed") as caught:
        find_arduino_core()
    assert "arduino-core-avr" in str(caught.value)
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    with pytest.raises(BuildError, match="avr-gcc") as caught:
        find_toolchain("auto", "avr5")
    assert "gcc-avr" in str(caught.value)


def test_the_newest_core_of_arduinos_own_tools_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without Debian's, the one that arduino-cli has installed: 1.8.10 is newer than 1.8.6."""
    packages = tmp_path / ".arduino15" / "packages" / "arduino"
    for version in ("1.8.6", "1.8.10", "1.8.9"):
        core = packages / "hardware" / "avr" / version
        (core / "cores" / "arduino").mkdir(parents=True)
        (core / "cores" / "arduino" / "Arduino.h").touch()
        (core / "platform.txt").write_text(f"name=Arduino AVR Boards\nversion={version}\n")
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("tinysine.image.arduino_core._DEBIAN", tmp_path / "nowhere")
    assert find_arduino_core().version == "1.8.10"


@pytest.mark.parametrize("full_name", ["", "arduino:avr", "arduino:avr:unknown"])
def test_a_board_that_the_core_does_not_know_is_refused(full_name: str) -> None:
    """A board file must name one of Arduino's boards."""
    core = find_arduino_core()
    board = structs.replace(UNO, flash_options={"arduino-cli": full_name} if full_name else {})
    with pytest.raises(ConfigError, match="has no board") as caught:
        arduino_target(board, core)
    assert "arduino:avr:uno" in str(caught.value)
