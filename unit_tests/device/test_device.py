"""Device: batches split and joined, arguments checked at the boundary, identity demanded, recovery."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.device import Device
from tinysine.errors import (
    DeviceError,
    IdentityMismatch,
    LinkTimeout,
    PortUnavailable,
    ProtocolError,
    VersionMismatch,
)
from tinysine.link import FaultKind, Request, Session, Status
from tinysine.quantization import Rounding, quantize
from tinysine.settings import CONNECT_TIMEOUT_S
from tinysine.testing import FLOAT32, INT8, UINT8, FakeClock, FakeDevice, FakeLine
from tinysine.testing.fake_device import unstuff
from tinysine.testing.fake_terminal import PtyDevice
from unit_tests.device.fake_image import image

# A busy machine is no bug.
unhurried = settings(suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Bench:
    """A device, its fake, and what lies between."""

    fake: FakeDevice
    wire: FakeLine
    clock: FakeClock
    device: Device


def bench(**options: int) -> Bench:
    """Connect to a fake device in memory."""
    clock, fake = FakeClock(), FakeDevice(**options)
    wire = FakeLine(fake, clock)

    def opener() -> Session:
        wire.closed = False
        return Session(wire, clock=clock)

    device = Device.connect(
        "wire",
        opener=opener,
        clock=clock,
        pause=clock.pause,
        request_timeout_s=2.0,
    )
    return Bench(fake, wire, clock, device)


@unhurried
@given(
    shape=st.tuples(st.integers(0, 150), st.integers(1, 9), st.integers(1, 9)),
    dtype=st.sampled_from([9, 3, 0]),
    payload_max=st.integers(128, 300),
    seed=st.integers(0, 99),
)
def test_infer_answers_every_element_of_any_batch_in_order(
    shape: tuple[int, int, int], dtype: int, payload_max: int, seed: int
) -> None:
    """Batches of any size, over frames of any size, come back whole, in order, in the output dtype."""
    count, inputs, outputs = shape
    rig = bench(inputs=inputs, outputs=outputs, dtype=dtype, payload_max=payload_max)
    codes = np.random.default_rng(seed).integers(0, 100, (count, inputs))
    codes = codes.astype(rig.device.identity.inputs[0].dtype)
    answers = rig.device.infer(codes)
    assert answers.dtype == rig.device.identity.outputs[0].dtype
    assert answers.shape == (count, outputs)
    np.testing.assert_array_equal(answers, rig.fake.expected(codes))
    assert all(len(frame) - 6 <= payload_max for frame in rig.fake.frames)


def test_infer_splits_no_more_than_needed() -> None:
    """As many inferences as fit travel in one frame, or as many as asked for."""
    rig = bench(payload_max=256)
    assert rig.device.inferences_per_frame == 256
    rig.device.infer(np.zeros((100, 1), np.int8))
    rig.fake.frames.clear()
    rig.device.infer(np.zeros((513, 1), np.int8))
    assert [len(frame) - 6 for frame in rig.fake.frames] == [256, 256, 1]
    rig.fake.frames.clear()
    rig.device.infer(np.zeros((20, 1), np.int8), per_frame=8)
    assert [len(frame) - 6 for frame in rig.fake.frames] == [8, 8, 4]


def test_infer_gives_a_slow_board_its_time() -> None:
    """A model of 0.3 s an inference is asked in growing frames, until they take 5 s; none is sent again."""
    rig = bench(payload_max=256)
    rig.wire.to_host = lambda data: [(0.001 + 0.3 * (len(rig.fake.frames[-1]) - 6), data)]
    codes = np.arange(400, dtype=np.int8)[:, None]
    np.testing.assert_array_equal(rig.device.infer(codes), rig.fake.expected(codes))
    sizes = [len(frame) - 6 for frame in rig.fake.frames if frame[5] == Request.INFER]
    assert sizes[:3] == [1, 8, 16]
    assert set(sizes[3:-1]) == {16}
    assert rig.device.stats.retries == 0


def test_a_device_that_answers_ever_more_slowly_is_not_waited_for_without_end() -> None:
    """Each answer comes just before it would be asked for again; no request is given more than two minutes."""
    rig = bench()
    waits = [0.4, 1.2, 2.8, 6.0, 12.0, 25.0, 29.0, 29.0, 200.0]
    for slow_s in waits:
        rig.wire.to_host = lambda data, slow_s=slow_s: [(slow_s, data)]
        began = rig.clock.now
        if slow_s < 130:
            rig.device.infer(np.zeros((1, 1), np.int8))
        else:
            with pytest.raises(LinkTimeout):
                rig.device.infer(np.zeros((1, 1), np.int8))
        assert rig.clock.now - began < 130


@pytest.mark.parametrize("lost", ["request", "reply"])
def test_reset_survives_the_loss_of_its_request_or_its_reply(lost: str) -> None:
    """The board's own counters tell whether it has reset; it does so once."""
    rig = bench()
    rig.device.infer(np.zeros((100, 1), np.int8))
    dropped: list[bytes] = []

    def drop_one_reset(data: bytes) -> list[tuple[float, bytes]]:
        if rig.fake.resets == (lost == "reply") and not dropped and rig.asked == Request.RESET:
            dropped.append(data)
            return []
        return [(0.001, data)]

    def note(data: bytes) -> list[tuple[float, bytes]]:
        rig.asked = Request(unwrap_request(data))
        return drop_one_reset(data) if lost == "request" else [(0.0, data)]

    rig.wire.to_device = note
    if lost == "reply":
        rig.wire.to_host = drop_one_reset
    rig.device.reset()
    assert dropped
    assert rig.fake.resets == 1


def unwrap_request(frame: bytes) -> int:
    """The number of the request in a whole frame."""
    body = unstuff(frame[1:-1])
    assert body is not None
    return body[5]


def test_infer_takes_arrays_that_are_not_contiguous() -> None:
    """Strides make no difference."""
    rig = bench(inputs=2)
    codes = np.arange(24, dtype=np.int8).reshape(2, 12).T[::2]
    np.testing.assert_array_equal(rig.device.infer(codes), rig.fake.expected(codes))


def test_infer_f32_sends_floats_and_returns_codes() -> None:
    """Real inputs go out as float32; answers come back in the model's output dtype."""
    rig = bench(inputs=1)
    x = np.linspace(0, 6, 200, dtype=np.float32)[:, None]
    answers = rig.device.infer_f32(x)
    assert answers.dtype == np.int8
    codes = np.clip(np.trunc(x / np.float32(0.5) + 0.5) - 128, -128, 127).astype(np.int8)
    np.testing.assert_array_equal(answers, rig.fake.expected(codes))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 5, 70, 149])
def test_infer_f32_names_the_element_that_is_not_finite(bad: float, place: int) -> None:
    """The index counts in the caller's batch, not in the frame."""
    rig = bench(inputs=2)
    x = np.zeros((75, 2), np.float32)
    x.flat[place] = bad
    with pytest.raises(DeviceError, match=f"element {place}") as caught:
        rig.device.infer_f32(x)
    assert (caught.value.status, caught.value.detail) == (Status.NOT_FINITE, place)


@pytest.mark.parametrize("dtype", [INT8, UINT8, FLOAT32])
@pytest.mark.parametrize("count", [65, 1000])  # as codes, the first fits a frame
def test_infer_f32_of_any_size_gets_its_answers(count: int, dtype: int) -> None:
    """Inputs that are too large for a frame are quantised here and sent as by `infer`, without INFER_F32."""
    rig = bench(inputs=count, dtype=dtype, payload_max=256)
    x = np.random.default_rng(count).uniform(-70, 70, (3, count)).astype(np.float32)
    (tensor,) = rig.device.identity.inputs
    codes = x if tensor.quantization is None else quantize(x, tensor.quantization, tensor.dtype)
    np.testing.assert_array_equal(rig.device.infer_f32(x), rig.fake.expected(codes))
    assert Request.INFER_F32 not in {frame[5] for frame in rig.fake.frames}
    assert all(len(frame) - 6 <= 256 for frame in rig.fake.frames)


@pytest.mark.parametrize("place", [0, 999, 1500])
def test_a_number_that_is_not_finite_is_named_in_parts_too(place: int) -> None:
    """By its index in the caller's batch, and nothing is sent."""
    rig = bench(inputs=1000, payload_max=256)
    x = np.zeros((2, 1000), np.float32)
    x.flat[place] = np.nan
    sent = rig.device.stats.requests
    with pytest.raises(DeviceError, match=f"refused INFER_F32: element {place} is NaN") as caught:
        rig.device.infer_f32(x)
    assert (caught.value.status, caught.value.detail) == (Status.NOT_FINITE, place)
    assert rig.device.stats.requests == sent


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (np.zeros((4, 1), np.uint8), "uint8, but must be int8"),
        (np.zeros((4, 1), np.int64), "int64"),
        (np.zeros((4, 2), np.int8), r"\[4, 2\], but must be int8 \[n, 1\]"),
        (np.zeros(4, np.int8), r"\[4\]"),
    ],
)
def test_infer_refuses_wrong_arrays_before_sending(codes: np.ndarray, words: str) -> None:
    """A wrong dtype or shape is the caller's mistake, and nothing is sent."""
    rig = bench()
    sent = rig.device.stats.requests
    with pytest.raises(ValueError, match=words):
        rig.device.infer(codes)
    assert rig.device.stats.requests == sent


def test_infer_refuses_an_impossible_frame_size() -> None:
    """More inferences than fit in a frame cannot be asked for."""
    rig = bench()
    for per_frame in (0, 257):
        with pytest.raises(ValueError, match="1 to 256"):
            rig.device.infer(np.zeros((1, 1), np.int8), per_frame=per_frame)


def test_reply_of_a_wrong_length_is_a_protocol_error() -> None:
    """Too few answers are never padded or cut to fit."""
    rig = bench()
    rig.fake.short_by = 1
    with pytest.raises(ProtocolError, match="0 bytes instead of 1"):
        rig.device.infer(np.zeros((256, 1), np.int8))


@pytest.mark.parametrize("repetitions", [1, 2, 63, 64, 500])
@pytest.mark.parametrize("outputs", [1, 100])
def test_time_returns_each_repetition_raw(repetitions: int, outputs: int) -> None:
    """However many frames it takes, there are as many counts as asked for, overhead beside them."""
    rig = bench(payload_max=256, outputs=outputs)
    timing = rig.device.time(np.zeros(1, np.int8), repetitions=repetitions)
    assert timing.counts.shape == (repetitions,)
    assert timing.counts.dtype == np.int64
    assert (timing.overhead, timing.counts[0], timing.net[0], timing.unit) == (11, 400, 389, "cycles")


def test_time_gives_a_slow_device_its_time() -> None:
    """The first frame shows how long one repetition takes; larger ones wait for as long as theirs do, unrepeated."""
    rig = bench()

    def slowly(data: bytes) -> list[tuple[float, bytes]]:
        repetitions = int.from_bytes(rig.fake.frames[-1][6:8], "little")
        return [(0.1 * (repetitions + 1), data)]

    rig.wire.to_host = slowly
    rig.fake.frames.clear()
    timing = rig.device.time(np.zeros(1, np.int8), repetitions=40)
    assert timing.counts.shape == (40,)
    assert [frame[6] for frame in rig.fake.frames] == [1, 16, 23]
    assert rig.device.stats.retries == 0


def test_time_checks_its_arguments() -> None:
    """One input, of the right dtype, at least once."""
    rig = bench()
    with pytest.raises(ValueError, match="1 or more"):
        rig.device.time(np.zeros(1, np.int8), repetitions=0)
    with pytest.raises(ValueError, match="codes has shape"):
        rig.device.time(np.zeros((1, 1), np.int8), repetitions=1)


def test_small_questions_are_answered_with_values() -> None:
    """Memory, fault, counters, demo and text each come back as what they mean."""
    rig = bench()
    device = rig.device
    assert device.memory().arena_used_bytes == 24
    assert device.memory().invoke_stack_bytes is None
    assert device.last_fault() is None
    rig.fake.fault = bytes([5]) + bytes(35) + bytes([1, 0, 0, 0])
    fault = device.last_fault()
    assert fault is not None
    assert fault.kind is FaultKind.ASSERTION
    assert device.counters().corrupt == 2
    assert (device.demo(False), device.demo(True), device.demo(True)) == (True, False, True)
    assert device.text("1.5708").startswith("you typed 1.5708")


def test_require_accepts_the_image_that_runs() -> None:
    """Board names are compared as far as the wire carries them."""
    rig = bench()
    rig.device.require(image())
    rig = bench()
    rig.fake.board_name = b"stm32f746g-disc"
    rig.device.resync()
    rig.device.require(image(board=SimpleNamespace(name="stm32f746g-disco")))


@pytest.mark.parametrize(
    ("field", "expected", "changes"),
    [
        ("board", "other", {"board": SimpleNamespace(name="other"), "build_id": bytes(16)}),
        ("model_sha256", "00" * 32, {"model_sha256": "00" * 32, "build_id": bytes(16)}),
        ("rounding", "tflm", {"rounding": Rounding.TFLM, "build_id": bytes(16)}),
        ("build_id", "00" * 16, {"build_id": bytes(16)}),
    ],
)
def test_require_names_the_field_that_differs(field: str, expected: str, changes: dict[str, object]) -> None:
    """The most telling difference is named, with what was expected and what was reported."""
    with pytest.raises(IdentityMismatch) as caught:
        bench().device.require(image(**changes))
    error = caught.value
    assert (error.field, error.expected) == (field, expected)
    assert error.got != expected
    assert isinstance(error, DeviceError)


@pytest.mark.parametrize("ask_again", ["identify", "resync", "reset"])
def test_what_was_required_is_proved_again(ask_again: str) -> None:
    """A board that was flashed with something else behind our back is found out, whichever way it is asked."""
    rig = bench()
    rig.device.require(image())
    assert getattr(rig.device, ask_again)().board == "host"
    rig.fake.board_name = b"another"
    with pytest.raises(IdentityMismatch, match=r"reports board .another., not .host."):
        getattr(rig.device, ask_again)()
    assert rig.device.identity.board == "another"


def test_identity_is_proved_by_one_request() -> None:
    """It is asked before every test, so it must not cost much."""
    rig = bench()
    rig.device.require(image())
    before = rig.device.stats.requests
    rig.device.identify()
    assert rig.device.stats.requests == before + 1


def test_a_requirement_that_was_refused_is_not_remembered() -> None:
    """A build that never ran here cannot be demanded after each reset."""
    rig = bench()
    with pytest.raises(IdentityMismatch):
        rig.device.require(image(build_id=bytes(16)))
    assert rig.device.resync().board == "host"


@pytest.mark.parametrize("major", [1, 3])
def test_connect_refuses_another_protocol(major: int) -> None:
    """Another major version is refused, and the port is let go."""
    clock, fake = FakeClock(), FakeDevice()
    fake.major = major
    wire = FakeLine(fake, clock)
    with pytest.raises(VersionMismatch):
        Device.connect("wire", opener=lambda: Session(wire, clock=clock), clock=clock, pause=clock.pause)
    assert wire.closed


def test_connect_waits_for_a_port_that_comes_back() -> None:
    """A port that is missing for 700 ms, and then vanishes once more, is waited for."""
    clock = FakeClock()
    wire = FakeLine(FakeDevice(), clock)
    began = clock()
    tries: list[float] = []

    def opener() -> Session:
        tries.append(clock())
        if clock() < began + 0.7:
            raise PortUnavailable("not there yet", port="wire", cause="missing")
        if len(tries) < 18:
            raise PortUnavailable("gone again", port="wire", cause="vanished")
        return Session(wire, clock=clock)

    device = Device.connect("wire", opener=opener, clock=clock, pause=clock.pause)
    assert device.identity.board == "host"
    assert clock() - began < 1.2


@pytest.mark.parametrize(
    ("cause", "seconds"), [("missing", CONNECT_TIMEOUT_S), ("busy", 1.0), ("permission", 1.0)]
)
def test_connect_gives_up_in_time(cause: str, seconds: float) -> None:
    """A missing port is waited for to the deadline, a busy or forbidden one for a second."""
    clock = FakeClock()
    began = clock()

    def opener() -> Session:
        raise PortUnavailable("no", port="wire", cause=cause)

    with pytest.raises(PortUnavailable):
        Device.connect("wire", opener=opener, clock=clock, pause=clock.pause)
    assert seconds - 0.1 < clock() - began <= seconds


def test_connect_to_silence_is_a_timeout_at_the_deadline() -> None:
    """No handshake until the deadline is an error that says what came instead, and the port is let go."""
    clock = FakeClock()
    wire = FakeLine(FakeDevice(), clock)
    wire.to_device = lambda _: []
    began = clock()
    with pytest.raises(LinkTimeout, match="not one byte came"):
        Device.connect("wire", opener=lambda: Session(wire, clock=clock), clock=clock, pause=clock.pause)
    assert clock() - began == pytest.approx(CONNECT_TIMEOUT_S, abs=0.01)
    assert wire.closed


def test_reset_shakes_hands_again_even_when_the_port_vanishes() -> None:
    """After a reset the port may be gone for a while; counts of both sessions add up."""
    rig = bench()
    original_write = rig.wire.write
    gone_until = rig.clock() + 1.0

    def write(data: bytes, timeout_s: float) -> int:
        if rig.fake.resets and rig.clock() < gone_until:
            raise PortUnavailable("gone", port="wire", cause="vanished")
        return original_write(data, timeout_s)

    rig.wire.write = write  # type: ignore[method-assign]
    before = rig.device.session
    identity = rig.device.reset()
    assert rig.clock() >= gone_until
    assert rig.fake.resets == 1
    assert identity.board == "host"
    assert rig.device.session is not before
    assert rig.device.stats.requests >= 3


def test_resync_recovers_from_a_half_sent_frame_and_takes_a_new_nonce() -> None:
    """A disturbed conversation goes on with a fresh identity."""
    rig = bench()
    rig.fake.feed(b"\0\7half a frame")
    rig.device.resync()
    assert rig.device.infer(np.ones((1, 1), np.int8))[0, 0] == 10
    assert len({frame[:4] for frame in rig.fake.frames}) == 2


def test_last_fault_can_be_asked_after_an_engine_error() -> None:
    """A refusal leaves the conversation in order."""
    rig = bench()
    rig.fake.refuse[Request.INFER] = (Status.ENGINE, b"\x04")
    with pytest.raises(DeviceError, match="ENGINE"):
        rig.device.infer(np.zeros((1, 1), np.int8))
    assert rig.device.last_fault() is None


@pytest.mark.parametrize("dtype", [UINT8, FLOAT32])
def test_infer_speaks_the_models_own_dtype(dtype: int) -> None:
    """uint8 and float32 models take and give their own dtype."""
    rig = bench(dtype=dtype)
    values = np.array([[1], [2]]).astype(rig.device.identity.inputs[0].dtype)
    assert rig.device.infer(values).dtype == values.dtype


def test_device_over_a_pseudo_terminal() -> None:
    """The whole walk over a real pty: connect, infer, reset, close."""
    twin = PtyDevice()
    try:
        with Device.connect(twin.port) as device:
            codes = np.arange(-128, 128, dtype=np.int8)[:, None]
            np.testing.assert_array_equal(device.infer(codes), twin.device.expected(codes))
            device.reset()
            assert device.stats.retries == 0
    finally:
        twin.close()
