"""Faults, resets, the demo's light, idling, and the end of the line."""

import os
import re
import select
import struct
import time

import numpy as np
import pytest

INFER, MEMORY, FAULT, RESET, DEMO = 2, 5, 6, 7, 8
ENGINE_STAGE, INFERRING = 4, 7
USAGE, MEMORY_FAULT, ASSERTION = 3, 4, 5
FAULTING, ASSERTING, OVERFLOWING = b"\x80", b"\x81", b"\x82"


# The first mark of a record, and not the last.
HALF_MARKED = struct.pack("<I", 0x7153F417) + b"\x55" * 52


def record(line):
    """The fault record: kind, stage, pc, lr, xpsr, cfsr, hfsr, mmfar, bfar, count."""
    payload = line.ask(FAULT).payload
    return struct.unpack("<10I", payload) if payload else None


def crash(line, trap=FAULTING):
    """Make the engine fault, and wait until the device is back."""
    line.write(line.frame(INFER, trap))
    line.wake()


@pytest.mark.parametrize(
    ("trap", "kind"), [(FAULTING, USAGE), (ASSERTING, ASSERTION), (OVERFLOWING, MEMORY_FAULT)]
)
def test_a_fault_leaves_a_record_and_resets(trapped_line, trap, kind):
    """No reply to what faulted; then the device answers again, and tells kind, stage and place."""
    assert record(trapped_line) is None
    crash(trapped_line, trap)
    got = record(trapped_line)
    assert got[:2] == (kind, INFERRING)
    assert got[2] != 0
    assert got[9] == 1
    if kind == ASSERTION:
        assert got[3:9] == (0,) * 6, "of an assertion only the place is known"


def test_faults_are_counted_and_reading_keeps_them(trapped_line):
    """Each fault adds one; reading and RESET clear nothing."""
    for count in (1, 2, 3):
        crash(trapped_line)
        assert record(trapped_line)[9] == count
        assert record(trapped_line)[9] == count
        trapped_line.ask(RESET)
        assert record(trapped_line)[9] == count


def test_power_off_clears_the_record(trapped_line, build_host, start_process):
    """A new process is a power cycle: no record."""
    crash(trapped_line)
    assert record(trapped_line) is not None
    assert record(start_process(build_host("add_one", "-DTEST_TRAPS", sanitize=False))) is None


def test_a_named_file_keeps_the_record(build_host, start_process, tmp_path):
    """With TINYSINE_NOINIT, the record outlives the process; without the file it is gone."""
    firmware = build_host("add_one", "-DTEST_TRAPS", sanitize=False)
    env = {"TINYSINE_NOINIT": str(tmp_path / "noinit")}
    first = start_process(firmware, env=env)
    crash(first)
    assert record(first)[9] == 1
    first.process.kill()
    assert record(start_process(firmware, env=env))[9] == 1
    (tmp_path / "noinit").unlink()
    assert record(start_process(firmware, env=env)) is None


@pytest.mark.parametrize("content", [b"", b"\xff" * 56, b"noise", bytes(1000), HALF_MARKED])
def test_noise_is_no_record(build_host, start_process, tmp_path, content):
    """Memory that holds anything but a record, as after power-on, is not taken for one."""
    (tmp_path / "noinit").write_bytes(content)
    line = start_process(build_host("add_one"), env={"TINYSINE_NOINIT": str(tmp_path / "noinit")})
    assert record(line) is None


def test_an_engine_that_faults_as_it_starts_is_not_started_twice(build_host, start_process):
    """The device does not reset for ever: it speaks without its engine, and tells where the fault was."""
    line = start_process(build_host("add_one", "-DTEST_INIT_FAULTS", sanitize=False))
    got = record(line)
    assert (got[0], got[1], got[9]) == (USAGE, ENGINE_STAGE, 1)
    reply = line.ask(INFER, b"\0")
    assert (reply.status, reply.payload) == (4, b"\4")
    line.ask(RESET)
    assert record(line)[9] == 2, "after a reset it is tried again"


def test_stack_marks_grow_with_use(build_host, start_process):
    """A deep call shows in the high-water mark, and only after it happened."""
    line = start_process(build_host("add_one", "-DTEST_TRAPS", sanitize=False))
    quiet = struct.unpack("<6I", line.ask(MEMORY).payload)
    line.ask(INFER, b"\x7d")  # digs 81 frames of more than 64 bytes
    later = struct.unpack("<6I", line.ask(MEMORY).payload)
    assert quiet[2] == later[2] == 16384
    assert quiet[5] < 1000
    assert quiet[3] < 81 * 64 < later[3] < 16384
    assert struct.unpack("<6I", line.ask(MEMORY).payload)[3] == later[3], "the deepest mark is kept"


def test_the_firmware_ends_with_its_line(quiet_line):
    """End of file on its input ends the process, without complaint."""
    quiet_line.ask(FAULT)
    quiet_line.close()
    assert quiet_line.process.wait(10) == 0


def led_lines(pipe, seconds):
    """(ms, brightness) of each change that is reported within a time; half a line at either end is left out."""
    deadline = time.monotonic() + seconds
    text = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            text += os.read(pipe, 65536)
    return [(int(ms), int(level)) for ms, level in re.findall(rb"^led (\d+) (\d+)\n", text, re.MULTILINE)]


@pytest.mark.long
def test_the_demo_sweeps_pauses_and_stops(build_host, start_process):
    """After two seconds of silence the LED follows the inferred curve; bytes pause it, DEMO 0 darkens it."""
    ours, theirs = os.pipe()
    line = start_process(build_host("add_one"), env={"TINYSINE_LED_FD": str(theirs)}, pass_fds=(theirs,))
    os.close(theirs)
    line.ask(FAULT)
    began = time.monotonic()
    changes = led_lines(ours, 7.0)
    start_ms = changes[0][0]
    assert 2000 <= start_ms < 2000 + 1000 * (time.monotonic() - began)
    step = np.arange(256)
    x = (step * np.float32(6.2831853 / 256)).astype(np.float32)
    code = np.minimum(np.trunc(x / np.float32(0.03125) + 0.5) - 28 + 1, 127)
    curve = np.clip(np.floor((0.0078125 * (code - 3) + 1) * 127.5 + 0.5), 0, 255)
    at = np.array([(ms - start_ms) // 16 for ms, _ in changes])
    shown = np.array([brightness for _, brightness in changes])
    assert at[-1] > 256, "less than a sweep was seen"
    on_time = shown == curve[at % 256]
    late = shown == curve[(at - 1) % 256]  # the clock may tick between the inference and the report
    assert np.all(on_time | late)
    assert on_time.mean() > 0.8
    seen, deadline = set(shown.tolist()), time.monotonic() + 60
    while len(seen) < len(
        np.unique(curve)
    ):  # a busy computer misses some steps of a sweep, not the same of each
        assert time.monotonic() < deadline, f"{len(seen)} of {len(np.unique(curve))} levels were seen"
        seen |= {brightness for _, brightness in led_lines(ours, 4.2)}
    assert seen == set(curve.astype(int).tolist())

    last_ms = changes[-1][0]
    line.ask(FAULT)
    resumed = led_lines(ours, 2.6)
    gaps = np.diff([last_ms, *(ms for ms, _ in resumed)])
    assert gaps.max() >= 2000, "a byte must pause the demo for two seconds"
    first = resumed[int(gaps.argmax())][1]
    assert first in curve[:4], "the sweep starts anew"
    line.ask(DEMO, b"\0")
    assert led_lines(ours, 0.2)[-1][1] == 0
    assert led_lines(ours, 2.3) == []
    os.close(ours)
    line.close()
    _, _, usage = os.wait4(line.process.pid, 0)
    line.process.returncode = 0
    assert usage.ru_utime + usage.ru_stime < 3.0, "twelve seconds of idling must not keep a core busy"
