"""Every request and every status, against docs/protocol.md, of the firmware compiled for this computer."""

import struct

import numpy as np
import pytest

from tinysine.boards import TWIN_ID

OK, UNKNOWN_REQUEST, BAD_LENGTH, NOT_FINITE, ENGINE, UNSUPPORTED, BAD_VALUE = range(7)
IDENTIFY, INFER, INFER_F32, TIME, MEMORY, FAULT, RESET, DEMO, COUNTERS = range(1, 10)


def test_identify_says_what_was_built(line):
    """The identity has every field of the table, names cut to 15 characters; its unique id says that it is a twin."""
    reply = line.ask(IDENTIFY)
    assert reply.status == OK
    head = struct.unpack_from("<6B3H4BIIfifi", reply.payload)
    assert head[:6] == (1, 0, 1, 2, 9, 9)
    assert head[6:9] == (1, 1, 256)
    assert head[9:13] == (4, 0, 0, 0)
    assert head[13:] == (0, 1_000_000_000, 0.03125, -28, 0.0078125, 3)
    assert reply.payload[40:56] == bytes(range(100, 116))
    assert reply.payload[56:88] == bytes(range(1, 33))
    assert reply.payload[88:96] == TWIN_ID + line.process.pid.to_bytes(4, "little")
    assert reply.payload[96:] == b"add-one-and-a-l\0host\0"


def test_infer_answers_every_code(line):
    """256 inferences in one frame, each its input plus one."""
    codes = np.arange(-128, 128, dtype=np.int8)
    reply = line.ask(INFER, codes.tobytes())
    assert reply.status == OK
    assert reply.payload == np.minimum(codes.astype(int) + 1, 127).astype(np.int8).tobytes()


def test_infer_f32_quantises_on_the_device(line):
    """float32 inputs are divided, rounded half away from zero, offset and clamped, then inferred."""
    x = np.array([0.0, 1.0, -1.0, 0.015625, -0.015625, 0.046875, 100.0, -100.0, 3e38, -3e38], np.float32)
    steps = x.astype(np.float64) / 0.03125
    codes = np.clip(np.trunc(steps + np.copysign(0.5, steps)) - 28, -128, 127)
    reply = line.ask(INFER_F32, x.tobytes())
    assert reply.status == OK
    assert np.frombuffer(reply.payload, np.int8).tolist() == np.minimum(codes + 1, 127).tolist()


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("index", [0, 7, 63])
def test_infer_f32_refuses_what_is_not_finite(line, bad, index):
    """One NaN or infinity anywhere: its index, and no result."""
    x = np.zeros(64, np.float32)
    x[index:] = bad
    reply = line.ask(INFER_F32, x.tobytes())
    assert (reply.status, reply.payload) == (NOT_FINITE, struct.pack("<H", index))


def test_time_gives_overhead_and_raw_counts(line):
    """As many counts as repetitions, in host nanoseconds, each of them more than nothing."""
    reply = line.ask(TIME, struct.pack("<Hb", 63, 5))
    assert reply.status == OK
    counts = struct.unpack("<64I", reply.payload)
    assert all(0 < count < 1_000_000_000 for count in counts[1:])


def test_memory_measures_stack_and_arena(line):
    """The arena's mark is what the engine wrote; the stack's lies between nothing and what is reserved."""
    reply = line.ask(MEMORY)
    assert reply.status == OK
    planned, used, reserved, stack, static, invoke = struct.unpack("<6I", reply.payload)
    assert (planned, used, reserved, static) == (8, 5, 262144, 0xFFFFFFFF)
    assert 0 < invoke < stack < reserved


def test_memory_keeps_the_deepest_mark(line):
    """The mark never falls, although measuring `invoke` paints the stack anew."""
    marks = [struct.unpack("<6I", line.ask(MEMORY).payload)[3] for _ in range(3)]
    assert marks == sorted(marks)


def test_counters_count(quiet_line):
    """Answers, corrupt frames and lines of text are counted from reset."""
    assert struct.unpack("<4I", quiet_line.ask(COUNTERS).payload) == (0, 0, 0, 0)
    quiet_line.write(b"\0abc\0")
    quiet_line.write(b"\0")
    assert struct.unpack("<4I", quiet_line.ask(COUNTERS).payload) == (1, 1, 0, 0)
    quiet_line.text(b"1\r")
    assert struct.unpack("<4I", quiet_line.ask(COUNTERS).payload) == (2, 1, 0, 1)


def test_demo_tells_the_state_before(line):
    """On after reset; each DEMO answers with what was."""
    assert [line.ask(DEMO, bytes([on])).payload for on in (0, 0, 1, 1)] == [b"\1", b"\0", b"\0", b"\1"]


def test_fault_is_empty_without_a_fault(line):
    """No record after a normal start."""
    reply = line.ask(FAULT)
    assert (reply.status, reply.payload) == (OK, b"")


def test_reset_answers_first_and_starts_anew(quiet_line):
    """The reply is on the wire before the reset; counters begin again, and no fault is on record."""
    quiet_line.ask(IDENTIFY)
    reply = quiet_line.ask(RESET)
    assert (reply.status, reply.payload) == (OK, b"")
    assert quiet_line.ask(COUNTERS).payload == bytes(16)
    assert quiet_line.ask(FAULT).payload == b""


@pytest.mark.parametrize("request_code", [0, 10, 0x11, 0x7F])
def test_unknown_requests_are_refused(line, request_code):
    """A request that is not in the table is named unknown, whatever its payload."""
    reply = line.ask(request_code, b"abc")
    assert (reply.status, reply.payload) == (UNKNOWN_REQUEST, b"")


@pytest.mark.parametrize(
    ("request_code", "payload"),
    [
        (IDENTIFY, b"x"),
        (INFER, b""),
        (INFER_F32, b""),
        (INFER_F32, bytes(3)),
        (INFER_F32, bytes(5)),
        (TIME, b""),
        (TIME, b"\1\0"),
        (TIME, b"\1\0\0\0"),
        (MEMORY, b"x"),
        (FAULT, b"x"),
        (RESET, b"x"),
        (DEMO, b""),
        (DEMO, b"\0\0"),
        (COUNTERS, b"x"),
    ],
)
def test_bad_lengths_are_refused(line, request_code, payload):
    """A payload of the wrong length is refused and nothing is done."""
    reply = line.ask(request_code, payload)
    assert (reply.status, reply.payload) == (BAD_LENGTH, b"")


@pytest.mark.parametrize(
    ("request_code", "payload"),
    [(TIME, b"\0\0\5"), (TIME, b"\x40\0\5"), (TIME, b"\xff\xff\5"), (DEMO, b"\2")],
)
def test_bad_values_are_refused(line, request_code, payload):
    """A field out of range is refused: no repetitions, more than fit the reply, a demo neither off nor on."""
    reply = line.ask(request_code, payload)
    assert (reply.status, reply.payload) == (BAD_VALUE, b"")


def test_engine_refusal_carries_its_status(trapped_line):
    """An engine that returns -7 is answered ENGINE, 7, from every request that infers."""
    for request, payload in [
        (INFER, b"\x05\x7e\x05"),
        (INFER_F32, struct.pack("<f", (126 + 28) * 0.03125)),
        (TIME, b"\5\0\x7e"),
    ]:
        reply = trapped_line.ask(request, payload)
        assert (reply.status, reply.payload) == (ENGINE, b"\7")
    assert trapped_line.text(b"4.8125\r") == b"the engine failed\r\n"


def test_engine_that_does_not_start_is_reported(build_host, start_process):
    """When ts_engine_init fails, the device still speaks, and says so for every inference."""
    line = start_process(build_host("add_one", "-DTEST_INIT_REFUSES", sanitize=False))
    assert line.ask(IDENTIFY).status == OK
    for request, payload in [(INFER, b"\0"), (INFER_F32, bytes(4)), (TIME, b"\1\0\0")]:
        reply = line.ask(request, payload)
        assert (reply.status, reply.payload) == (ENGINE, b"\x09")
    assert struct.unpack("<6I", line.ask(MEMORY).payload)[5] == 0xFFFFFFFF
    assert line.text(b"1\n") == b"the engine failed\r\n"


@pytest.fixture(scope="module")
def float_line(build_host, start_process):
    """Three float32 in, two out."""
    return start_process(build_host("float", payload_bytes=128))


def test_float_models_take_and_give_float32(float_line):
    """The identity says so; INFER and INFER_F32 agree for a float32 model; the output bound is payload_max."""
    assert tuple(float_line.ask(IDENTIFY).payload[4:6]) == (0, 0)
    x = np.arange(30, dtype=np.float32).reshape(10, 3) / 7
    want = np.stack([(x[:, 0] + x[:, 1]) + x[:, 2], x[:, 2] * np.float32(2)], axis=1)
    for request in (INFER, INFER_F32):
        reply = float_line.ask(request, x.tobytes())
        assert reply.status == OK
        assert reply.payload == want.tobytes()


def test_float_models_refuse_what_is_not_finite(float_line):
    """INFER and TIME check a float32 model's inputs too."""
    x = np.array([1, 2, np.inf, 3, 4, 5], np.float32)
    for request in (INFER, INFER_F32):
        reply = float_line.ask(request, x.tobytes())
        assert (reply.status, reply.payload) == (NOT_FINITE, b"\2\0")
    reply = float_line.ask(TIME, b"\2\0" + x[:3].tobytes())
    assert (reply.status, reply.payload) == (NOT_FINITE, b"\2\0")
    assert float_line.ask(TIME, b"\2\0" + x[3:].tobytes()).status == OK


def test_float_models_refuse_parts_of_an_inference(float_line):
    """A payload that is not whole inferences is a bad length."""
    for request, size in [(INFER, 4), (INFER, 13), (INFER_F32, 16), (INFER, 0)]:
        assert float_line.ask(request, bytes(size)).status == BAD_LENGTH


def test_models_with_several_elements_have_no_text_and_no_demo(float_line):
    """What makes sense for one number only is refused for three."""
    assert float_line.ask(DEMO, b"\1").status == UNSUPPORTED
    assert float_line.text(b"1.5\r") == b"tinysine on host: this model takes frames only\r\n"


@pytest.fixture(scope="module")
def wide_line(build_host, start_process):
    """100 uint8 in, 120 int8 out, in payloads of 128 bytes: every buffer nearly full."""
    return start_process(build_host("wide", payload_bytes=128))


def test_wide_models_use_the_whole_payload(wide_line):
    """100 in and 120 out, in buffers for 128: the answers are right, and no sanitizer complains."""
    x = np.arange(100, dtype=np.uint8)
    reply = wide_line.ask(INFER, x.tobytes())
    assert reply.payload == bytes([int(x.sum()) & 255]) * 120
    assert struct.unpack("<6I", wide_line.ask(MEMORY).payload)[5] != 0xFFFFFFFF


def test_answers_that_do_not_fit_are_refused(build_host, start_process):
    """Two inferences whose inputs fit and whose outputs do not: a bad length, and nothing is overwritten."""
    line = start_process(build_host("wide", "-DTEST_INPUTS=4", payload_bytes=128))
    assert line.ask(INFER, bytes(4)).payload == bytes(120)
    for count in (2, 3, 32):
        assert line.ask(INFER, bytes(4 * count)).status == BAD_LENGTH
    assert line.ask(INFER_F32, bytes(32)).status == BAD_LENGTH


def test_wide_models_are_timed_only_where_the_answers_fit(wide_line):
    """120 bytes of answers fit behind one count (8 + 120 <= 128 + the CRC's room), not behind three."""
    x = bytes(100)
    assert len(wide_line.ask(TIME, b"\1\0" + x).payload) == 8
    assert wide_line.ask(TIME, b"\3\0" + x).status == BAD_VALUE
    assert wide_line.ask(INFER, x).payload == bytes(120)


def test_identity_fits_the_smallest_payload(wide_line):
    """128 bytes are enough for the identity, as the protocol says."""
    reply = wide_line.ask(IDENTIFY)
    assert reply.status == OK
    assert tuple(reply.payload[4:6]) == (3, 9), "uint8 in, int8 out"
    assert struct.unpack_from("<H", reply.payload, 10) == (128,)
    assert len(reply.payload) <= 128
