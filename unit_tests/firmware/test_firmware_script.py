"""The application on a scripted clock: to the millisecond, and without waiting."""

import ctypes
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from cobs import cobs

FIRMWARE = Path(__file__).parent.parent.parent / "firmware"
HERE = Path(__file__).parent
STEP_MS = 16
ROOM = 4096


def compile_library(host_cc, folder, files, stack_bytes):
    """A library of this computer; undefined behaviour ends the test run."""
    (folder / "config.h").write_text(
        f"#define TS_PAYLOAD_BYTES 256\n#define TS_STACK_BYTES {stack_bytes}\n"
        "#define TS_BUILD_ID {" + ", ".join(["0"] * 16) + "}\n"
    )
    include = [f"-I{folder}", f"-I{FIRMWARE}", f"-I{FIRMWARE / 'include'}"]
    output = folder / "library.so"
    host_cc(*("-std=gnu11", "-fPIC", "-shared", "-pthread", "-O1"), *include, *files, "-o", output)
    return output


@pytest.fixture(scope="module")
def library(host_cc, tmp_path_factory):
    """The application with the scripted port."""
    files = [*FIRMWARE.glob("app/*.c"), *FIRMWARE.glob("link/*.c"), HERE / "port_scripted.c"]
    return compile_library(host_cc, tmp_path_factory.mktemp("script"), files, 0)


class Played:
    """A device that was just reset, and what it did in a script of (ms, byte or None)."""

    def __init__(self, library, script):
        loaded = ctypes.CDLL(str(library))
        events = np.array([(ms, -1 if byte is None else byte) for ms, byte in script], np.int64).reshape(
            -1, 2
        )
        packed = np.ascontiguousarray(events.astype(np.uint32))
        lights = np.zeros((ROOM, 2), np.uint32)
        count = loaded.script_run(
            packed.ctypes.data_as(ctypes.c_void_p), len(packed), lights.ctypes.data_as(ctypes.c_void_p), ROOM
        )
        self.lights = [tuple(row) for row in lights[:count].tolist()]
        size = ctypes.c_uint32.in_dll(loaded, "script_written_bytes").value
        self.said = bytes((ctypes.c_uint8 * ROOM).in_dll(loaded, "script_written"))[:size]
        self.answered, self.corrupt, self.lines = (ctypes.c_uint32 * 3).in_dll(loaded, "ts_link")
        self.arena_used = loaded.ts_arena_high_water()


@pytest.fixture
def play(library, tmp_path):
    """Play a script from reset."""
    copies = itertools.count()

    def run(script):
        own = tmp_path / f"{next(copies)}.so"  # loaded anew, with all variables as they begin
        own.write_bytes(library.read_bytes())
        return Played(own, script)

    return run


def curve():
    """The light at each of the 256 steps, for an engine that answers x - 3."""
    step = np.arange(256, dtype=np.float32)
    y = step * (np.float32(6.2831853) / np.float32(256)) - np.float32(3)
    return (
        np.clip((y + np.float32(1)) * np.float32(127.5) + np.float32(0.5), 0, 255).astype(np.uint8).tolist()
    )


def silence(*moments):
    """Events at which nothing came."""
    return [(ms, None) for ms in moments]


def test_the_demo_shows_every_step_of_its_sweep(play):
    """From two seconds on, one light for each 16 ms, at its first millisecond, dark and brightest included."""
    lights = play(silence(*range(2000 + 2 * 256 * STEP_MS))).lights
    assert lights == [(2000 + STEP_MS * n, level) for n, level in enumerate(2 * curve())]
    assert {0, 255} < {level for _, level in lights}


def test_the_demo_begins_two_seconds_after_the_last_byte(play):
    """Not a millisecond earlier or later; a byte pauses it, and the sweep then starts anew."""
    dark = curve()[0]
    assert play(silence(0, 1999)).lights == []
    assert play(silence(1999, 2000)).lights == [(2000, dark)]
    script = [*silence(2000, 2700), (2701, ord("x")), *silence(2702, 4701, 4702, 4703)]
    levels = curve()
    assert play(script).lights == [(2000, levels[0]), (2700, levels[700 // STEP_MS]), (4702, levels[0])]


def test_the_demo_goes_on_when_the_clock_wraps(play):
    """After 49 days of silence, and when nothing ran for longer than the two seconds."""
    levels = curve()
    late = 2**32 - 8
    lights = play(silence(2000, 4500, 2**31, late, late + STEP_MS - 2**32, late + 2 * STEP_MS - 2**32)).lights
    steps = [
        (at - 2000) // STEP_MS % 256 for at in (2000, 4500, 2**31, late, late + STEP_MS, late + 2 * STEP_MS)
    ]
    assert [level for _, level in lights] == [levels[step] for step in steps]


@pytest.mark.parametrize(("begun", "corrupt"), [(b"\0", 0), (b"\0\1", 1), (b"\0\5ab", 1), (b"ab", 0)])
def test_a_frame_that_two_seconds_of_silence_end_is_counted(play, begun, corrupt):
    """If anything of it came; and not a millisecond earlier."""
    bytes_of_it = [(0, byte) for byte in begun]
    assert play([*bytes_of_it, *silence(0, 1999)]).corrupt == 0
    assert play([*bytes_of_it, *silence(0, 2000, 4000, 6000)]).corrupt == corrupt


def test_a_board_without_a_unique_id_says_zeros(play, frame):
    """Whatever an earlier reply has left in the buffer."""
    infer = frame(2, struct.pack("<64f", *[4.1] * 64), sequence=1)
    played = play([(0, byte) for byte in infer + frame(1, sequence=2)])
    first, identity = (cobs.decode(part) for part in played.said.split(b"\0") if part)
    assert 0 not in first[7:-4]
    assert identity[7 + 68 : 7 + 76] == bytes(8)
    assert played.answered == 2


def test_an_arena_that_is_not_used_has_no_mark(play):
    """The engine beside this port has one of four bytes, and uses none."""
    assert play([]).arena_used == 0


def test_an_inference_without_stack_is_measured_as_none(host_cc, tmp_path):
    """A leaf function on a Cortex-M uses not one byte, and 0 is what is said."""
    library = compile_library(
        host_cc, tmp_path, [FIRMWARE / "app" / "stack.c", HERE / "stack_below.c"], 16384
    )
    assert ctypes.CDLL(str(library)).measured_elsewhere() == 0
