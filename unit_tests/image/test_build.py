"""The reference model built for real, with both toolchains, for the Nano and for this computer."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

import tinysine.image.firmware
from tinysine.boards import Limits, Memory, load_board
from tinysine.codegen import generate
from tinysine.errors import BenchError, BuildError, ConfigError
from tinysine.graph import Network, parse_network
from tinysine.image import BuildOptions, Image, build_image
from tinysine.image.cache import cached_library, workshop
from tinysine.image.elf import read_symbols
from tinysine.image.sources import firmware_root
from tinysine.quantization import INTERPRETED, Rounding
from trust.operators.dense_chain import random_network

NANO = load_board("nano33ble-sense")
HOST = load_board("host")

# Every port for a Cortex-M, nrf5x with both of its chips.
CORTEX_M = (
    "nano33ble-sense",
    "microbit",
    "sparkfun-edge",
    "stm32f746g-disco",
    "qemu:lm3s6965evb",
    "qemu:mps2-an386",
)


def test_the_nano_image_lies_where_its_loader_expects_it(sine_model: Network, toolchain: str) -> None:
    """The vector table is the first thing in flash, its stack is in RAM, its reset handler in flash."""
    image = build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain), strict=True)
    assert image.binary is not None
    assert NANO.flash is not None
    assert NANO.ram is not None
    content = image.binary.read_bytes()
    stack_top, reset = struct.unpack_from("<II", content)
    symbols = read_symbols(image.elf)
    assert stack_top == symbols["__ts_stack_top"]
    assert symbols["__ts_stack_top"] - symbols["__ts_stack_bottom"] == NANO.limits.stack_bytes
    assert reset == symbols["ts_reset_handler"] | 1
    assert NANO.flash.origin < reset < NANO.flash.origin + len(content)
    for name in ("__ts_stack_bottom", "__ts_stack_top", "__ts_bss_end", "__ts_noinit_end"):
        assert NANO.ram.origin <= symbols[name] <= NANO.ram.origin + NANO.ram.length
    # The Nano's older loader overwrites the first 40 kB of RAM at each reset.
    assert symbols["__ts_noinit_start"] >= 0x2000A000


def test_variables_lie_on_one_side_of_the_seam_in_ram(sine_model: Network, toolchain: str) -> None:
    """Stack and fault record stay in the part that no cache holds; all variables are in it, or all are behind it."""
    disco = load_board("stm32f746g-disco")
    assert disco.ram is not None
    start, options = disco.ram.origin, BuildOptions(toolchain=toolchain)

    def linked(length: int, tcm_length: int) -> dict[str, int]:
        board = structs.replace(disco, ram=Memory(start, length, tcm_length))
        return read_symbols(build_image(sine_model, board, options=options, strict=True).elf)

    usual = linked(disco.ram.length, disco.ram.tcm_length)
    least = usual["__ts_bss_end"] - start + 64
    for tcm_length, behind in ((disco.ram.tcm_length, False), (least, False), (least - 4, True)):
        at = linked(disco.ram.length, tcm_length)
        seam = start + tcm_length
        assert at["__ts_stack_bottom"] == start
        assert at["__ts_data_end"] <= at["__ts_noinit_start"] == seam - 64
        assert at["__ts_bss_start"] == (seam if behind else at["__ts_data_end"])
        assert at["__ts_bss_end"] - at["__ts_bss_start"] == usual["__ts_bss_end"] - usual["__ts_bss_start"]
    with pytest.raises(BuildError) as caught:
        linked(least + 64, least - 4)
    needed = caught.value.facts["needed_bytes"]
    assert isinstance(needed, int)
    assert needed > least + 64
    assert linked(needed, least - 4)["__ts_bss_end"] == start + needed


@pytest.mark.parametrize(
    ("toolchain", "name"),
    # Each compiler for some of the boards; the others take longer.
    [
        pytest.param(
            toolchain,
            name,
            marks=[
                *([pytest.mark.needs("arm-none-eabi-gcc")] if toolchain == "gcc" else []),
                *([pytest.mark.long] if number % 2 or (number // 2 + turn) % 2 else []),
            ],
        )
        for turn, toolchain in enumerate(("gcc", "zig"))
        for number, name in enumerate(CORTEX_M)
    ],
)
def test_a_led_may_be_left_out(sine_model: Network, toolchain: str, name: str) -> None:
    """Every port builds without one, nothing to warn of, and is smaller for it."""
    board = load_board(name)
    without = build_image(
        sine_model,
        structs.replace(board, led=None),
        options=BuildOptions(toolchain=toolchain, optimize="size"),
        strict=True,
    )
    whole = build_image(
        sine_model, board, options=BuildOptions(toolchain=toolchain, optimize="size"), strict=True
    )
    assert without.sizes.flash_bytes < whole.sizes.flash_bytes


def test_the_sizes_agree_with_each_other(sine_model: Network, toolchain: str) -> None:
    """Network within engine, engine within flash, and the arena within static RAM."""
    image = build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain, optimize="size"))
    sizes = image.sizes
    assert image.binary is not None
    assert sizes.flash_bytes == image.binary.stat().st_size
    weights = sum(layer.weights.size for layer in sine_model.layers)
    assert weights < sizes.model_bytes < sizes.engine_bytes < sizes.flash_bytes
    assert image.arena_bytes < sizes.static_ram_bytes
    symbols = read_symbols(image.elf)
    variables = sum(symbols[f"__ts_{part}_end"] - symbols[f"__ts_{part}_start"] for part in ("data", "bss"))
    assert sizes.static_ram_bytes == variables


@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("rounding", INTERPRETED)
def test_a_whole_nano_firmware_is_small(
    sine_model: Network, toolchain: str, optimize: str, rounding: Rounding
) -> None:
    """At most 12 kB of flash and 1.5 kB of RAM beside the stack, however it is built, without one warning."""
    image = build_image(
        sine_model,
        NANO,
        options=BuildOptions(toolchain=toolchain, optimize=optimize, rounding=rounding),
        strict=True,
    )
    assert image.sizes.flash_bytes <= 12 * 1024
    assert image.sizes.static_ram_bytes <= 1536


def test_the_description_is_what_was_asked(sine_model: Network, toolchain: str) -> None:
    """The image says model, board, options and the hash of its own file."""
    image = build_image(
        sine_model, NANO, options=BuildOptions(toolchain=toolchain, rounding=Rounding.TFLM, optimize="size")
    )
    assert (image.board, image.rounding, image.optimize, image.prune) == (NANO, Rounding.TFLM, "size", False)
    assert image.model_sha256 == sine_model.sha256
    assert image.board.limits.payload_bytes == NANO.limits.payload_bytes
    assert image.toolchain.name == toolchain
    assert image.toolchain.version
    assert image.sha256 == hashlib.sha256(image.elf.read_bytes()).hexdigest()


def test_the_image_carries_its_identity(sine_model: Network, toolchain: str) -> None:
    """Build id, model hash and board name are in the flash, for the device to report."""
    image = build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain))
    assert image.binary is not None
    content = image.binary.read_bytes()
    assert image.build_id in content
    assert bytes.fromhex(sine_model.sha256) in content
    assert NANO.name.encode() in content


def test_same_inputs_give_the_same_bytes_anywhere(
    sine_model: Network, toolchain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another cache, and the sources in another folder (as in an installed wheel): byte for byte the same."""
    here = build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain))
    elsewhere = tmp_path / "somewhere" / "else"
    shutil.copytree(firmware_root(), elsewhere / "firmware")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: elsewhere / name)
    monkeypatch.setattr("tinysine.image.sources.firmware_root", lambda: elsewhere / "firmware")
    there = build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain))
    assert there.elf.is_relative_to(elsewhere)
    assert there.build_id == here.build_id
    assert there.elf.read_bytes() == here.elf.read_bytes()
    assert str(tmp_path).encode() not in there.elf.read_bytes()


def test_every_input_of_the_build_changes_its_id(
    sine_model: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options, toolchain, board facts and one weight each make another build."""
    model = dataclasses.replace(sine_model, sha256="00" * 32)
    weights = sine_model.layers[0].weights.copy()
    weights[0, 0] ^= 1
    layers = (dataclasses.replace(sine_model.layers[0], weights=weights), *sine_model.layers[1:])
    smaller = structs.replace(NANO, limits=Limits(stack_bytes=2048, payload_bytes=256))
    images = [
        build_image(sine_model, NANO, options=BuildOptions(toolchain="zig")),
        build_image(sine_model, NANO, options=BuildOptions(toolchain="zig", optimize="size")),
        build_image(sine_model, NANO, options=BuildOptions(toolchain="zig", rounding=Rounding.TFLM)),
        build_image(sine_model, smaller, options=BuildOptions(toolchain="zig")),
        build_image(model, NANO, options=BuildOptions(toolchain="zig")),
        build_image(
            dataclasses.replace(sine_model, layers=layers), NANO, options=BuildOptions(toolchain="zig")
        ),
    ]
    monkeypatch.setattr(
        "tinysine.image.toolchain._version",
        lambda path, argument: "another version",  # noqa: ARG005
    )
    images.append(build_image(sine_model, NANO, options=BuildOptions(toolchain="zig")))
    assert len({image.build_id for image in images}) == len(images)


def test_a_second_build_comes_from_the_cache(
    sine_model: Network, toolchain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No compiler runs for an image that is there already."""
    first = build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain))

    def no_compiler(*_: object, **__: object) -> None:
        raise AssertionError("a compiler was run")

    monkeypatch.setattr("tinysine.image.firmware.run_tools", no_compiler)
    assert build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain)) == first


def test_only_one_file_of_the_firmware_reads_the_build_id() -> None:
    """All other objects serve every build for a board."""
    root = firmware_root()
    readers = [path for path in root.rglob("*.[ch]*") if "TS_BUILD_ID" in path.read_text(encoding="utf-8")]
    assert readers == [root / "link" / "build_id.c"]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names of the C files that are compiled, in a cache of the test's own."""
    names: list[str] = []
    run_tools = tinysine.image.firmware.run_tools

    def noted(tool: str, commands: list[list[str]], *, cwd: Path) -> None:
        names.extend(Path(command[command.index("-c") + 1]).name for command in commands)
        run_tools(tool, commands, cwd=cwd)

    monkeypatch.setattr("tinysine.image.firmware.run_tools", noted)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return names


@pytest.mark.long
def test_another_model_compiles_its_engine_alone(
    sine_model: Network, compiled: list[str], toolchain: str
) -> None:
    """The code that a board's builds share is compiled once, and again if a setting of the board changes it."""
    other = parse_network(random_network(np.random.default_rng(1), widths=[3, 8, 2]), file="other")
    engine = ["build_id.c", "engine.c"]
    first = build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain))
    assert sorted(compiled) == [*engine, "rest.c"]
    compiled.clear()
    second = build_image(other, NANO, options=BuildOptions(toolchain=toolchain, optimize="size"))
    assert sorted(compiled) == engine
    compiled.clear()
    limits = structs.replace(NANO.limits, payload_bytes=512)
    build_image(sine_model, structs.replace(NANO, limits=limits), options=BuildOptions(toolchain=toolchain))
    assert sorted(compiled) == [*engine, "rest.c"]
    assert first.binary is not None
    assert second.binary is not None
    assert first.build_id in first.binary.read_bytes()
    assert first.build_id not in second.binary.read_bytes()
    assert second.build_id in second.binary.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        "edited",
        *(
            pytest.param(damage, marks=pytest.mark.long)
            for damage in ("missing", "stack usage edited", "a file")
        ),
    ],
)
@pytest.mark.long
def test_a_damaged_object_is_compiled_anew(
    sine_model: Network, compiled: list[str], tmp_path: Path, damage: str
) -> None:
    """One changed byte of a kept object is noticed, and the image is the same as before."""
    image = build_image(sine_model, NANO, options=BuildOptions(toolchain="zig"))
    content = image.elf.read_bytes()
    shutil.rmtree(image.elf.parent)
    (kept,) = (tmp_path / "tinysine" / "runtime").glob("*.o")
    unit = kept / ("unit.su" if damage == "stack usage edited" else "unit.o")
    if damage == "missing":
        unit.unlink()
    elif damage == "a file":
        shutil.rmtree(kept)
        kept.touch()
    else:
        unit.write_bytes(unit.read_bytes()[:-1] + b"!")
    assert build_image(sine_model, NANO, options=BuildOptions(toolchain="zig")).elf.read_bytes() == content
    assert compiled.count("rest.c") == 2
    shutil.rmtree(image.elf.parent)
    build_image(sine_model, NANO, options=BuildOptions(toolchain="zig"))
    assert compiled.count("rest.c") == 2


@pytest.mark.parametrize("file", ["elf", "binary", "json"])
@pytest.mark.parametrize("damage", ["edited", "missing"])
def test_a_damaged_cache_entry_is_built_anew(sine_model: Network, file: str, damage: str) -> None:
    """One changed byte in the cache, or a file that went missing, is noticed and repaired."""
    image = build_image(sine_model, NANO, options=BuildOptions(toolchain="zig"))
    assert image.binary is not None
    path = {"elf": image.elf, "binary": image.binary, "json": image.elf.with_suffix(".json")}[file]
    content = path.read_bytes()
    if damage == "edited":
        path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    else:
        path.unlink()
    assert build_image(sine_model, NANO, options=BuildOptions(toolchain="zig")) == image
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "what",
    [
        "a file",
        *(pytest.param(what, marks=pytest.mark.long) for what in ("a dangling link", "an empty folder")),
    ],
)
def test_a_cache_entry_that_is_none_is_built_anew(sine_model: Network, what: str) -> None:
    """Whatever has come into its place goes."""
    image = build_image(sine_model, NANO, options=BuildOptions(toolchain="zig"))
    entry = image.elf.parent
    shutil.rmtree(entry)
    if what == "a file":
        entry.touch()
    elif what == "a dangling link":
        entry.symlink_to(entry.with_name("nowhere"))
    else:
        entry.mkdir()
    assert build_image(sine_model, NANO, options=BuildOptions(toolchain="zig")) == image
    assert entry.is_dir()
    assert not entry.is_symlink()


def test_a_library_that_is_a_folder_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an image is."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)

    def make(work: Path) -> Path:
        (work / "made").write_bytes(b"a library")
        return work / "made"

    (tmp_path / "tinysine" / "runtime" / "00.a").mkdir(parents=True)
    assert cached_library(b"\0", make).read_bytes() == b"a library"


@pytest.mark.long
def test_two_builders_at_once_both_get_the_image(
    sine_model: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A race for one cache entry ends with one whole entry and nothing left over."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(build_image, sine_model, NANO, BuildOptions(toolchain="zig")) for _ in range(4)]
        image, *others = [job.result() for job in jobs]
    assert others == [image] * 3
    assert hashlib.sha256(image.elf.read_bytes()).hexdigest() == image.sha256
    assert [path.name for path in (tmp_path / "tinysine" / "images").iterdir()] == [image.build_id.hex()]


def test_out_dir_gets_copies_named_for_the_board(sine_model: Network, tmp_path: Path) -> None:
    """ELF file, binary and description are put into a folder that need not exist."""
    out = tmp_path / "new" / "folder"
    image = build_image(sine_model, NANO, options=BuildOptions(toolchain="zig"), out_dir=out)
    assert image.elf == out / "nano33ble-sense.elf"
    assert sorted(path.name for path in out.iterdir()) == [
        f"nano33ble-sense.{end}" for end in ("bin", "elf", "json")
    ]


def test_an_out_dir_that_cannot_be_is_one_clear_error(sine_model: Network, tmp_path: Path) -> None:
    """A file in the way of the folder is named and left as it is."""
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        build_image(sine_model, NANO, options=BuildOptions(toolchain="zig"), out_dir=tmp_path / "out")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_a_cache_that_cannot_be_is_one_clear_error(
    sine_model: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says which folder, and how to choose another."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "file" / name)
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        build_image(sine_model, NANO, options=BuildOptions(toolchain="zig"))


def test_a_full_disk_is_told_with_the_folder_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system does not say which file it was that found no room; any other error stays what it is."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    with pytest.raises(BenchError, match="images cannot be written: No space left"), workshop("images"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), workshop("images"):
        raise PermissionError(errno.EACCES, "denied")


@pytest.mark.parametrize(
    # Frames and stack alone fit both, so that the linker says what is missing, and not the check before it.
    ("memory", "limit"),
    [("flash", Memory(0x10000, 4096)), ("ram", Memory(0x20000000, 1600))],
)
def test_an_image_too_large_says_what_it_needs(
    sine_model: Network, toolchain: str, memory: str, limit: Memory
) -> None:
    """The error names the memory, what the board has and what the image needs, and that would suffice."""
    small = structs.replace(NANO, **{memory: limit})
    with pytest.raises(BuildError) as caught:
        build_image(sine_model, small, options=BuildOptions(toolchain=toolchain))
    facts = caught.value.facts
    assert (facts["memory"], facts["available_bytes"]) == (memory, limit.length)
    needed = facts["needed_bytes"]
    assert isinstance(needed, int)
    assert needed > limit.length
    enough = structs.replace(NANO, **{memory: Memory(limit.origin, (needed + 7) & ~7)})
    assert build_image(sine_model, enough, options=BuildOptions(toolchain=toolchain)).elf.is_file()


def test_a_compiler_error_carries_command_and_output(
    sine_model: Network, toolchain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C that does not compile is a BuildError with all that is needed to see why."""
    good = generate(sine_model, rounding=Rounding.LITERT, core=NANO.core)
    bad = dataclasses.replace(good, source="#error this engine is broken\n")
    monkeypatch.setattr("tinysine.codegen.generate", lambda *_, **__: bad)
    with pytest.raises(BuildError, match="this engine is broken") as caught:
        build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain))
    assert "-c" in caught.value.facts["command"]
    assert "engine.c" in caught.value.facts["output"]


def test_an_engine_that_is_incomplete_does_not_link(
    sine_model: Network, toolchain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing symbol is named in the error."""
    good = generate(sine_model, rounding=Rounding.LITERT, core=NANO.core)
    bad = dataclasses.replace(good, source='#include "tinysine/engine.h"\n')
    monkeypatch.setattr("tinysine.codegen.generate", lambda *_, **__: bad)
    with pytest.raises(BuildError) as caught:
        build_image(sine_model, NANO, options=BuildOptions(toolchain=toolchain))
    assert "ts_engine_invoke" in caught.value.facts["output"]


@pytest.mark.parametrize(
    "choice",
    [pytest.param("gcc", marks=pytest.mark.needs("gcc")), pytest.param("zig", marks=pytest.mark.long)],
)
def test_the_host_image_is_a_program(sine_model: Network, choice: str) -> None:
    """The same firmware compiles for this computer, without raw binary and without a stack bound."""
    image = build_image(sine_model, HOST, options=BuildOptions(toolchain=choice))
    assert os.access(image.elf, os.X_OK)
    assert (image.binary, image.stack_bound_bytes) == (None, None)
    assert 0 < image.sizes.model_bytes < image.sizes.engine_bytes < image.sizes.flash_bytes


@pytest.mark.parametrize(
    ("core", "fpu"),
    [
        ("cortex-m0", ""),
        pytest.param("cortex-m0plus", "", marks=pytest.mark.slow),
        pytest.param("cortex-m3", "", marks=pytest.mark.long),
        pytest.param("cortex-m4", "", marks=pytest.mark.slow),
        pytest.param("cortex-m7", "fpv5-sp-d16", marks=pytest.mark.long),
    ],
)
def test_every_core_of_the_table_builds(sine_model: Network, toolchain: str, core: str, fpu: str) -> None:
    """Cores without a floating-point unit get the compiler's routines, those with one its convention."""
    from elftools.elf.elffile import ELFFile

    # This port's start-up code serves them all; whether such a board exists does not matter to a compiler.
    clock_hz = 16_000_000 if core.startswith("cortex-m0") else NANO.clock_hz
    board = structs.replace(NANO, core=core, fpu=fpu, clock_hz=clock_hz)
    image = build_image(sine_model, board, options=BuildOptions(toolchain=toolchain, optimize="size"))
    with image.elf.open("rb") as stream:
        flags = ELFFile(stream)["e_flags"]
    assert bool(flags & 0x400) == bool(fpu)  # EF_ARM_ABI_FLOAT_HARD


def test_the_computed_stack_bound_is_what_an_inference_takes(sine_model: Network, toolchain: str) -> None:
    """Painted and measured over all 256 inputs on an emulated core: the bound holds, tight to 16 bytes."""
    for optimize in ("speed", "size"):
        for rounding in INTERPRETED:
            image = build_image(
                sine_model,
                NANO,
                options=BuildOptions(toolchain=toolchain, optimize=optimize, rounding=rounding),
            )
            assert image.stack_bound_bytes is not None
            assert image.stack_bound_bytes - 16 <= measured_stack(image) <= image.stack_bound_bytes


def measured_stack(image: Image) -> int:
    """The deepest that ts_engine_invoke takes the stack, over every int8 input."""
    import unicorn
    from unicorn import arm_const

    assert image.binary is not None
    assert NANO.flash is not None
    assert NANO.ram is not None
    symbols = read_symbols(image.elf)
    core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    core.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    core.mem_map(NANO.flash.origin, NANO.flash.length)
    core.mem_map(NANO.ram.origin, NANO.ram.length)
    core.mem_write(NANO.flash.origin, image.binary.read_bytes())
    bottom, top = NANO.ram.origin + 0x10000, NANO.ram.origin + 0x11000
    paint = b"\xa5" * (top - bottom)
    stop = NANO.flash.origin + NANO.flash.length - 4
    deepest = 0

    def call(function: str) -> int:
        for register, value in (("SP", top), ("LR", stop | 1), ("R0", 0)):
            core.reg_write(getattr(arm_const, f"UC_ARM_REG_{register}"), value)
        core.emu_start(symbols[function] | 1, stop, count=1_000_000)
        return int(core.reg_read(arm_const.UC_ARM_REG_R0))

    inputs = call("ts_engine_input")
    for code in np.arange(-128, 128, dtype=np.int8):
        core.mem_write(bottom, paint)
        core.mem_write(inputs, code.tobytes())
        assert call("ts_engine_invoke") == 0
        untouched = bytes(core.mem_read(bottom, len(paint)))
        deepest = max(deepest, len(untouched.lstrip(b"\xa5")))
    return deepest


def test_a_frames_size_is_the_boards_choice() -> None:
    """A model that is wider than a frame changes nothing about it: its inferences go in parts."""
    wide = parse_network(random_network(np.random.default_rng(0), widths=[640, 8, 640]), file="wide")
    assert build_image(wide, NANO).board == NANO


@pytest.mark.parametrize("name", CORTEX_M)
def test_a_clock_that_the_port_does_not_set_is_refused(sine_model: Network, name: str) -> None:
    """The firmware knows which clock it sets: a board's file that says another would only spoil baud rate and time."""
    board = load_board(name)
    wrong = structs.replace(board, clock_hz=board.clock_hz // 2)
    with pytest.raises(BuildError, match=rf"clock_hz of the board.*{board.clock_hz // 1_000_000} MHz"):
        build_image(sine_model, wrong)
