"""Boards in QEMU: the life of a twin, and counts that agree with an emulator that shares no code with it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tinysine.boards import Board, list_boards, load_board
from tinysine.device import Device
from tinysine.emulation import EmulatedBoard, start_emulator
from tinysine.emulation.qemu_process import INSTRUCTION_HZ
from tinysine.errors import BenchError, ConfigError, LinkTimeout
from tinysine.graph import Network
from tinysine.image import BuildOptions, Image, build_image
from tinysine.image.engines import read_engine
from tinysine.link import FaultKind
from tinysine.link.identity import NAME_CHARACTERS
from tinysine.quantization import Rounding
from unit_tests.waiting import wait_until

MPS2 = load_board("qemu:mps2-an386")
NANO = load_board("nano33ble-sense")

needs_qemu = pytest.mark.needs("qemu-system-arm")


@pytest.fixture(scope="module")
def image(sine_model: Network) -> Image:
    """The sine model for the MPS2."""
    return build_image(sine_model, MPS2)


def _qemus_of(pid: int) -> list[int]:
    """The processes that a twin's process started."""
    children = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread may end while its siblings are read
            children += [int(child) for child in (task / "children").read_text().split()]
    return children


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _counts(board: Board, emulator: EmulatedBoard, *, cycles_are_instructions: bool) -> dict[int, list[int]]:
    """Instructions of one inference for every 16th input, twice."""
    with Device.connect(emulator.port, timeout_s=20) as device:
        counts = {}
        for code in range(-128, 128, 16):
            timing = device.time(np.array([code], np.int8), repetitions=2)
            hz = timing.clock_hz if cycles_are_instructions else INSTRUCTION_HZ
            timing = timing.in_instructions(hz)
            assert timing.unit == "instructions", board.name
            counts[code] = timing.net.tolist()
    return counts


@needs_qemu
@pytest.mark.parametrize(
    ("optimize", "rounding"),
    [
        ("speed", Rounding.LITERT),
        pytest.param("speed", Rounding.TFLM, marks=pytest.mark.long),
        pytest.param("size", Rounding.LITERT, marks=pytest.mark.long),
    ],
)
def test_qemu_and_unicorn_count_the_same(sine_model: Network, optimize: str, rounding: Rounding) -> None:
    """The same engine code takes exactly as many instructions on both, for every input that was tried."""
    counted = []
    for board in (NANO, MPS2):
        built = build_image(sine_model, board, options=BuildOptions(optimize=optimize, rounding=rounding))  # type: ignore[arg-type]
        with start_emulator(board) as emulator:
            emulator.flash(built.elf)
            counted.append(_counts(board, emulator, cycles_are_instructions=board is NANO))
    assert counted[0] == counted[1]
    assert all(len(set(pair)) == 1 for pair in counted[1].values())


_LONG_ENGINE = """
#include "tinysine/model.h"

static int8_t in, out;

const struct ts_engine ts_engine = {
    .name = "long",
    .model_sha256 = TS_MODEL_SHA256,
    .inputs = ts_model_inputs,
    .outputs = ts_model_outputs,
    .input_count = TS_MODEL_INPUTS,
    .output_count = TS_MODEL_OUTPUTS,
    .reference = TS_REFERENCE_LITERT,
    .arena = TS_ARENA,
    .arena_bytes = TS_ARENA_BYTES,
};

int ts_engine_init(void) { return TS_OK; }
void *ts_engine_input(uint8_t index) { (void)index; return &in; }
const void *ts_engine_output(uint8_t index) { (void)index; return &out; }

int ts_engine_invoke(void) {
    uint32_t left = 1 + 100000u * (uint32_t)in;
    __asm volatile(".syntax unified\\n1: subs %0, #1\\n bne 1b" : "+l"(left) : : "cc");
    return TS_OK;
}
"""


@needs_qemu
@pytest.mark.parametrize(
    "board",
    [pytest.param(f"qemu:{b}", marks=pytest.mark.long) for b in ("mps2-an386", "lm3s6965evb", "microbit")],
)
def test_an_inference_of_more_than_24_bits_of_ticks_is_counted_whole(
    sine_model: Network, tmp_path: Path, board: str
) -> None:
    """Six million instructions more than another one: to the instruction, as on the board whose cycles are counted."""
    (tmp_path / "engine.c").write_text(_LONG_ENGINE)
    (tmp_path / "engine.toml").write_text('name = "long"\nsources = ["engine.c"]\narena_bytes = 4\n')
    counted = []
    for one in (NANO, load_board(board)):
        built = build_image(sine_model, one, options=BuildOptions(engine=read_engine(tmp_path)))
        with start_emulator(one) as emulator:
            emulator.flash(built.elf)
            with Device.connect(emulator.port, timeout_s=20) as device:
                timings = [device.time(np.array([code], np.int8), repetitions=2) for code in (0, 30)]
        ticks = int(timings[1].net.max())
        assert ticks > 1 << 24 or one is NANO or board == "qemu:microbit"
        net = [t.in_instructions(t.clock_hz if one is NANO else INSTRUCTION_HZ).net for t in timings]
        counted.append([*(counts.tolist() for counts in net)])
    (short, long), (short_in_qemu, long_in_qemu) = counted
    assert [each - other for each, other in zip(long, short, strict=True)] == [6_000_000] * 2
    assert [each - other for each, other in zip(long_in_qemu, short_in_qemu, strict=True)] == [6_000_000] * 2
    if load_board(board).core == NANO.core:
        assert (short_in_qemu, long_in_qemu) == (short, long)


def test_missing_qemu_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without QEMU the board is refused, with the package's name."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="qemu-system-arm is not installed") as refusal:
        start_emulator(MPS2)
    assert "apt install qemu-system-arm" in refusal.value.hint


def _trouble_of(emulator: EmulatedBoard) -> BenchError:
    wait_until(lambda: emulator.status()["report"])
    assert emulator.status()["state"] == "stopped"
    with pytest.raises(BenchError) as caught:
        emulator.report()
    return caught.value


@needs_qemu
def test_unknown_machine_is_the_benchs_fault(image: Image) -> None:
    """A QEMU that refuses to start leaves a board that is stopped, with QEMU's own words, and blames no firmware."""
    with start_emulator(replace(MPS2, machine="no-such-machine")) as emulator:
        emulator.flash(image.elf)
        trouble = _trouble_of(emulator)
        assert "QEMU does not start (exit code 1)" in trouble.message
        assert "unsupported machine type" in trouble.message
        assert "machine" in trouble.hint


@needs_qemu
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are followed through /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_qemu_that_somebody_ends_is_the_benchs_fault(image: Image, how: signal.Signals) -> None:
    """As a computer does that is out of memory; the firmware is not to blame, and a reset starts it anew."""
    with start_emulator(MPS2) as emulator:
        emulator.flash(image.elf)
        with Device.connect(emulator.port, timeout_s=20) as device:
            device.require(image)
            (process,) = _qemus_of(emulator.pid)
            os.kill(process, how)
            assert "something on this computer ended QEMU" in _trouble_of(emulator).message
            emulator.reset()
            assert emulator.report() is None
            device.resync()
            device.require(image)


@needs_qemu
def test_reset_keeps_ram_and_power_does_not(image: Image) -> None:
    """Content of RAM survives the reset pin, not the loss of power; both start the same image."""
    with start_emulator(MPS2) as emulator:
        emulator.flash(image.elf)
        (before,) = _qemus_of(emulator.pid)
        with Device.connect(emulator.port, timeout_s=20) as device:
            device.require(image)
            resets = emulator.status()["resets"]
            emulator.reset()
            device.resync()
            assert device.counters().answered < 10
            device.reset()
            wait_until(lambda: emulator.status()["resets"] == resets + 2)
            assert _qemus_of(emulator.pid) == [before]
            emulator.power(False)
            assert emulator.status()["state"] == "off"
            assert _gone(before)
            device.timeout_s = 0.3
            with pytest.raises(LinkTimeout):
                device.counters()
            emulator.power(True)
            device.timeout_s = 5.0
            device.resync()
            device.require(image)
        assert emulator.status()["power_cycles"] == 2


@needs_qemu
def test_a_machine_that_locks_up_is_reported(image: Image, tmp_path: Path) -> None:
    """A core that faults before it has a stack cannot go on: the board stops, says so, and a reset starts it anew."""
    broken = tmp_path / "broken.elf"
    data = bytearray(image.elf.read_bytes())
    start = data.index(image.binary.read_bytes()[:64]) if image.binary else 0
    data[start : start + 64] = b"\xfe" * 64  # vectors to where nothing is
    broken.write_bytes(data)
    with start_emulator(MPS2) as emulator:
        emulator.flash(broken)
        wait_until(emulator.report)
        assert "Lockup" in (emulator.report() or "")
        emulator.flash(image.elf)
        assert emulator.report() is None
        with Device.connect(emulator.port, timeout_s=20) as device:
            device.require(image)


@needs_qemu
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are followed through /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_qemu_outlives_its_board(image: Image, how: signal.Signals) -> None:
    """However the board's process ends, QEMU ends with it, even while it rests."""
    emulator = start_emulator(MPS2)
    emulator.flash(image.elf)
    (process,) = _qemus_of(emulator.pid)
    time.sleep(0.3)  # until it rests most of the time
    os.kill(emulator.pid, how)
    wait_until(lambda: _gone(process))
    emulator.close()


@pytest.mark.long
@needs_qemu
def test_an_idle_machine_leaves_the_computer_alone(image: Image) -> None:
    """With nobody talking, QEMU takes less than half of one core, and answers at once when somebody does."""
    with start_emulator(MPS2) as emulator:
        emulator.flash(image.elf)
        (process,) = _qemus_of(emulator.pid)

        def used_s() -> float:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        time.sleep(0.5)
        before = used_s()
        time.sleep(1.0)
        assert used_s() - before < 0.5
        with Device.connect(emulator.port, timeout_s=20) as device:
            device.require(image)


@needs_qemu
def test_what_qemu_has_not_is_refused() -> None:
    """Memory and receiver are not to be touched from outside; no pins are shown."""
    with start_emulator(MPS2) as emulator:
        for action in (
            lambda: emulator.peek(0, 4),
            lambda: emulator.poke(0, b"\0"),
            lambda: emulator.overrun(1),
        ):
            with pytest.raises(ConfigError, match="QEMU"):
                action()
        assert emulator.pins() == {}
        assert emulator.status()["state"] == "loader"


@needs_qemu
def test_every_kind_of_twin_tells_the_same_facts() -> None:
    """Whoever asks for a board's status need not know what stands in for the board."""
    facts = []
    for board in (NANO, load_board("host"), MPS2):
        with start_emulator(board) as emulator:
            facts.append(emulator.status().keys())
    assert facts[0] == facts[1] == facts[2]
    assert {"instruction_hz", "records_led"} <= facts[0]


@needs_qemu
def test_a_fault_in_qemu_survives_the_reset(sine_model: Network, tmp_path: Path) -> None:
    """An engine that meets an undefined instruction: the machine resets itself, and its record tells."""
    from tinysine.image.elf import read_symbols

    built = build_image(sine_model, MPS2)
    data = bytearray(built.elf.read_bytes())
    flashed = built.binary.read_bytes() if built.binary else b""
    invoke = read_symbols(built.elf)["ts_engine_invoke"] & ~1
    code = flashed[invoke : invoke + 32]
    assert data.count(code) == 1
    at = data.index(code)
    data[at : at + 2] = bytes.fromhex("00de")
    broken = tmp_path / "broken.elf"
    broken.write_bytes(data)
    with start_emulator(MPS2) as emulator:
        emulator.flash(broken)
        with Device.connect(emulator.port, timeout_s=20) as device:
            device.timeout_s = 1.0
            with pytest.raises(BenchError):
                device.infer(np.zeros((1, 1), np.int8))
            device.resync()
            record = device.last_fault()
    assert record is not None
    assert (record.kind, record.pc) == (FaultKind.USAGE, invoke)


def test_reported_names_are_told_apart() -> None:
    """A device reports the first 15 characters of its board's name: no two boards share them."""
    names = [board.name[:NAME_CHARACTERS] for board in list_boards()]
    assert len(set(names)) == len(names)
