"""Every request and every status, against docs/protocol.md, of the firmware compiled for this computer."""

import struct
import zlib

import numpy as np
import pytest

from tinysine.boards import TWIN_ID

OK, UNKNOWN_REQUEST, BAD_LENGTH, NOT_FINITE, ENGINE, UNSUPPORTED, BAD_VALUE = range(7)
IDENTIFY, INFER, INFER_F32, TIME, MEMORY, FAULT, RESET, DEMO, COUNTERS, DESCRIBE, WRITE, RUN, READ = range(
    1, 14
)
CAN_INFER, CAN_INFER_F32, CAN_TIME, CAN_DEMO, CAN_PARTS = 1, 2, 4, 64, 1024
CAN_ALWAYS = 8 | 16 | 32 | 128 | 256 | CAN_PARTS  # MEMORY, FAULT, RESET, COUNTERS, text


def test_identify_says_what_was_built(line):
    """The identity has every field of the table, names cut to 15 characters; its unique id says that it is a twin."""
    reply = line.ask(IDENTIFY)
    assert reply.status == OK
    head = struct.unpack_from("<4B2H2BHII", reply.payload)
    assert head[:4] == (2, 0, 1, 2)
    assert head[4] == CAN_ALWAYS | CAN_INFER | CAN_INFER_F32 | CAN_TIME | CAN_DEMO
    assert head[5:] == (256, 1, 1, 4, 0, 1_000_000_000)
    assert reply.payload[20:36] == bytes(range(100, 116))
    assert reply.payload[36:68] == bytes(range(1, 33))
    assert reply.payload[68:76] == TWIN_ID + line.process.pid.to_bytes(4, "little")
    assert reply.payload[76:] == b"add-one-and-a-l\0host\0"


def test_describe_says_what_each_tensor_is(line, two_line):
    """Dtype, bytes, scale, zero point and dims of every input and output; one that does not exist is a bad value."""
    assert line.ask(DESCRIBE, b"\0\0").payload == struct.pack("<BBHIfi2I", 9, 2, 0, 1, 0.03125, -28, 1, 1)
    assert line.ask(DESCRIBE, b"\1\0").payload == struct.pack("<BBHIfi2I", 9, 2, 0, 1, 0.0078125, 3, 1, 1)
    assert two_line.ask(DESCRIBE, b"\0\0").payload == struct.pack(
        "<BBHIfi3I", 7, 3, 0, 600, 0.25, 0, 1, 20, 15
    )
    assert two_line.ask(DESCRIBE, b"\0\1").payload == struct.pack("<BBHIfiI", 0, 1, 0, 8, 0, 0, 2)
    assert two_line.ask(DESCRIBE, b"\1\1").payload == struct.pack("<BBHIfi", 0, 0, 0, 4, 0, 0)
    for place in (b"\0\1", b"\1\1", b"\2\0", b"\xff\xff"):
        assert line.ask(DESCRIBE, place).status == BAD_VALUE


def place(index, offset, rest=b""):
    """Return the first bytes of WRITE and READ."""
    return bytes([index]) + offset.to_bytes(3, "little") + rest


def crc_of(*tensors):
    """CRC-32 of tensors back to back, as RUN carries it."""
    return struct.pack("<I", zlib.crc32(b"".join(tensor.tobytes() for tensor in tensors)))


def write_all(line, index, tensor, step=252, order=1):
    """Write a tensor in parts."""
    data = tensor.tobytes()
    for offset in list(range(0, len(data), step))[::order]:
        reply = line.ask(WRITE, place(index, offset, data[offset : offset + step]))
        assert (reply.status, reply.payload) == (OK, b"")


def read_all(line, index, size, step):
    """Read a tensor in parts."""
    parts = [
        line.ask(READ, place(index, at, struct.pack("<H", min(step, size - at)))).payload
        for at in range(0, size, step)
    ]
    return b"".join(parts)


@pytest.fixture(scope="module")
def two_line(build_host, start_process):
    """Two inputs of 600 and 8 bytes, two outputs of 800 and 4, in payloads of 128."""
    return start_process(build_host("two", payload_bytes=128))


@pytest.mark.parametrize(
    ("write_step", "read_step", "order"), [(124, 128, 1), (124, 100, -1), (7, 1, 1), (50, 33, -1)]
)
def test_an_inference_larger_than_a_frame_goes_in_parts(two_line, write_step, read_step, order):
    """Inputs written in parts of any size and order, run, outputs read in parts; CRCs of both ends prove it."""
    rng = np.random.default_rng(write_step)
    codes = rng.integers(-(2**15), 2**15, 300).astype(np.int16)
    reals = rng.normal(size=2).astype(np.float32)
    write_all(two_line, 0, codes, write_step, order)
    write_all(two_line, 1, reals, write_step, order)
    reply = two_line.ask(RUN, crc_of(codes, reals))
    sums = (int(codes.astype(np.int64).sum()) + np.arange(400)).astype(np.uint16)
    assert (reply.status, reply.payload[:4]) == (OK, crc_of(sums, reals[:1] + reals[1:]))
    assert reply.payload[4:] == sums.tobytes()[:124]
    assert read_all(two_line, 0, 800, read_step) == sums.tobytes()
    assert read_all(two_line, 1, 4, read_step) == (reals[:1] + reals[1:]).tobytes()


def test_run_says_that_the_inputs_are_others(two_line):
    """If the CRC that was sent is not that of the inputs, nothing is run. Without a CRC, the inputs are run."""
    codes, reals = np.arange(300, dtype=np.int16), np.ones(2, np.float32)
    write_all(two_line, 0, codes, 124)
    write_all(two_line, 1, reals)
    before = two_line.ask(RUN).payload
    other = codes.copy()
    other[299] ^= 1
    write_all(two_line, 0, other, 124)
    assert two_line.ask(RUN, crc_of(codes, reals)).status == BAD_VALUE
    assert two_line.ask(RUN).payload != before
    write_all(two_line, 0, codes, 124)
    assert two_line.ask(RUN, crc_of(codes, reals)).payload == before


def test_run_refuses_what_is_not_finite(two_line):
    """The index counts the elements of all inputs."""
    write_all(two_line, 1, np.array([1, np.nan], np.float32))
    for request, payload in ((RUN, b""), (TIME, b"\1\0")):
        reply = two_line.ask(request, payload)
        assert (reply.status, reply.payload) == (NOT_FINITE, struct.pack("<H", 301))
    write_all(two_line, 1, np.ones(2, np.float32))


def test_what_does_not_fit_a_frame_is_neither_announced_nor_done(two_line, wide_line):
    """INFER needs inputs and outputs that fit, INFER_F32 one input that fits as float32."""
    assert struct.unpack_from("<H", two_line.ask(IDENTIFY).payload, 4)[0] == CAN_ALWAYS | CAN_TIME
    assert two_line.ask(INFER, bytes(128)).status == UNSUPPORTED
    assert two_line.ask(INFER_F32, bytes(128)).status == UNSUPPORTED
    assert (
        struct.unpack_from("<H", wide_line.ask(IDENTIFY).payload, 4)[0] == CAN_ALWAYS | CAN_TIME | CAN_INFER
    )
    assert wide_line.ask(INFER_F32, bytes(128)).status == UNSUPPORTED


@pytest.mark.parametrize(
    ("request_code", "payload"),
    [
        (WRITE, place(0, 0, bytes(124))),
        (WRITE, place(0, 599, b"x")),
        (WRITE, place(1, 7, b"x")),
        (READ, place(0, 799, b"\1\0")),
        (READ, place(0, 672, b"\x80\0")),
        (READ, place(1, 0, b"\4\0")),
    ],
)
def test_places_up_to_the_end_are_good(two_line, request_code, payload):
    """The last byte of each tensor is one of its bytes."""
    assert two_line.ask(request_code, payload).status == OK


@pytest.mark.parametrize(
    ("request_code", "payload"),
    [
        (WRITE, place(0, 600, b"x")),
        (WRITE, place(0, 477, bytes(124))),
        (WRITE, place(0, 0xFFFFFF, bytes(124))),
        (WRITE, place(1, 8, b"x")),
        (WRITE, place(2, 0, b"x")),
        (WRITE, place(255, 0, b"x")),
        (READ, place(0, 800, b"\1\0")),
        (READ, place(0, 799, b"\2\0")),
        (READ, place(0, 0xFFFFFF, b"\1\0")),
        (READ, place(0, 0, b"\0\0")),
        (READ, place(0, 0, b"\x81\0")),
        (READ, place(0, 0, b"\xff\xff")),
        (READ, place(1, 1, b"\4\0")),
        (READ, place(2, 0, b"\1\0")),
    ],
)
def test_places_outside_a_tensor_are_bad_values(two_line, request_code, payload):
    """Nothing is written to or read from what is not a tensor, nor more than a frame carries."""
    reply = two_line.ask(request_code, payload)
    assert (reply.status, reply.payload) == (BAD_VALUE, b"")


def test_time_without_inputs_times_what_was_written(two_line):
    """Only the repetitions in the frame: counts of the inputs that are there."""
    write_all(two_line, 1, np.ones(2, np.float32))
    assert len(two_line.ask(TIME, struct.pack("<H", 31)).payload) == 4 + 4 * 31
    assert two_line.ask(TIME, struct.pack("<H", 32)).status == BAD_VALUE


def test_a_written_input_is_what_a_frame_leaves_behind(line):
    """INFER, INFER_F32, text and WRITE work in the same buffers."""
    line.ask(INFER, b"\5\7")
    assert line.ask(READ, place(0, 0, b"\1\0")).payload == b"\x08"
    # Codes 5 and 9: the last inference is the last that was asked for.
    line.ask(INFER_F32, struct.pack("<2f", (5 + 28) * 0.03125, (9 + 28) * 0.03125))
    assert line.ask(READ, place(0, 0, b"\1\0")).payload == b"\x0a"
    line.ask(WRITE, place(0, 0, b"\x11"))
    assert (
        line.ask(RUN, crc_of(np.array([0x11], np.int8))).payload
        == crc_of(np.array([0x12], np.int8)) + b"\x12"
    )
    assert line.ask(READ, place(0, 0, b"\1\0")).payload == b"\x12"


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


@pytest.mark.parametrize("request_code", [0, 14, 0x11, 0x7F])
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
        (TIME, b"\1"),
        (TIME, b"\1\0\0\0"),
        (DESCRIBE, b"\0"),
        (DESCRIBE, b"\0\0\0"),
        (WRITE, b""),
        (WRITE, b"\0\0\0"),
        (WRITE, b"\0\0\0\0"),
        (RUN, b"\0"),
        (RUN, bytes(5)),
        (READ, b"\0\0\0\0\1"),
        (READ, b"\0\0\0\0\1\0\0"),
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
        (RUN, b""),
        (TIME, b"\5\0"),
    ]:
        reply = trapped_line.ask(request, payload)
        assert (reply.status, reply.payload) == (ENGINE, b"\7")
    assert trapped_line.text(b"4.8125\r") == b"the engine failed\r\n"


def test_engine_that_does_not_start_is_reported(build_host, start_process):
    """If ts_engine_init fails, the device still answers, and reports the failure for every inference."""
    line = start_process(build_host("add_one", "-DTEST_INIT_REFUSES", sanitize=False))
    assert line.ask(IDENTIFY).status == OK
    asked = [
        (INFER, b"\0"),
        (INFER_F32, bytes(4)),
        (TIME, b"\1\0\0"),
        (WRITE, bytes(5)),
        (RUN, b""),
        (RUN, bytes(4)),
        (READ, bytes(4) + b"\1\0"),
    ]
    for request, payload in asked:
        line.ask(IDENTIFY)  # nothing of the answer before is left
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
    assert [float_line.ask(DESCRIBE, bytes([end, 0])).payload[0] for end in (0, 1)] == [0, 0]
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
    """A model with three elements refuses text and the demo, which need a single number."""
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


def test_wide_models_are_timed_as_often_as_counts_fit(wide_line):
    """The outputs need no room in the reply: 31 counts and the overhead fill it."""
    x = bytes(100)
    assert len(wide_line.ask(TIME, b"\1\0" + x).payload) == 8
    assert len(wide_line.ask(TIME, b"\x1f\0" + x).payload) == 128
    assert wide_line.ask(TIME, b"\x20\0" + x).status == BAD_VALUE
    assert wide_line.ask(INFER, x).payload == bytes(120)


def test_identity_fits_the_smallest_payload(wide_line):
    """128 bytes are enough for the identity, as the protocol says."""
    reply = wide_line.ask(IDENTIFY)
    assert reply.status == OK
    assert [wide_line.ask(DESCRIBE, bytes([end, 0])).payload[0] for end in (0, 1)] == [3, 9]
    assert struct.unpack_from("<H", reply.payload, 6) == (128,)
    assert len(reply.payload) <= 128
