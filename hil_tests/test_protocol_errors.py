"""Whatever arrives on the wire, the device answers what docs/protocol.md says or nothing, and stays alive."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.device import Device
from tinysine.image import Image
from tinysine.link import FrameReader, Request, Status, encode_frame
from tinysine.link.requests import Capability

NONCE = b"\xa5\x5a\x01\xfe"
SILENCE_S = 0.3  # longer than any answer takes to begin
BUSY_S = 60.0  # until the board is given up
over_the_link = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


class Wire:
    """Raw bytes to and from the device, under its session."""

    def __init__(self, device: Device) -> None:
        self.port = device.session.port
        self.reader = FrameReader()
        self.sequence = 0

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        assert self.port.write(raw, 2.0) == len(raw)

    def replies(self, count: int, *, wait_s: float = 2.0, nonce: bytes = b"") -> list[bytes]:
        """The next frames' contents, of those that begin so; fewer than `count` when the device says no more."""
        deadline = time.monotonic() + wait_s
        frames: list[bytes] = []
        while len(frames) < count and (left := deadline - time.monotonic()) > 0:
            arrived = self.reader.feed(self.port.read(left))
            frames += [frame for frame in arrived if frame.startswith(nonce)]
        return frames

    def ask(self, request: int, payload: bytes = b"", *, nonce: bytes = NONCE) -> tuple[int, bytes]:
        """One request by number; returns status and payload of the reply, whose header must match.

        A slow board may still be answering what a handshake has asked it more than once: other nonces do not count.
        """
        self.sequence = (self.sequence + 1) % 256
        content = nonce + bytes([self.sequence, request]) + payload
        self.send(encode_frame(content))
        (reply, *_) = self.replies(1, nonce=nonce)
        assert reply[:6] == nonce + bytes([self.sequence, (request + 0x80) % 256])
        return reply[6], reply[7:]


@pytest.fixture
def wire(tinysine_device: Device, tinysine_image: Image) -> Iterator[Wire]:
    """A wire; afterwards the device must still be well."""
    yield Wire(tinysine_device)
    tinysine_device.resync()
    tinysine_device.require(tinysine_image)
    assert tinysine_device.last_fault() is None


@pytest.mark.parametrize("request_code", [0, 0x0E, 0x0F, 0x40, 0x7F, 0x80, 0x81, 0xFF])
def test_unknown_request_is_named_so(wire: Wire, request_code: int) -> None:
    """A request that does not exist is answered UNKNOWN_REQUEST, with no payload."""
    assert wire.ask(request_code) == (Status.UNKNOWN_REQUEST, b"")


@pytest.mark.parametrize(
    ("request_code", "payload"),
    [
        (Request.IDENTIFY, b"x"),
        (Request.INFER, b""),
        (Request.INFER_F32, b""),
        (Request.INFER_F32, b"\0" * 3),
        (Request.INFER_F32, b"\0" * 5),
        (Request.TIME, b""),
        (Request.TIME, b"\1"),
        (Request.DESCRIBE, b"\0"),
        (Request.WRITE, b"\0" * 4),
        (Request.RUN, b"x"),
        (Request.READ, b"\0" * 5),
        (Request.MEMORY, b"x"),
        (Request.FAULT, b"x"),
        (Request.RESET, b"x"),
        (Request.DEMO, b""),
        (Request.DEMO, b"\1\1"),
        (Request.COUNTERS, b"x"),
    ],
)
def test_wrong_length_is_refused(
    wire: Wire, tinysine_device: Device, request_code: int, payload: bytes
) -> None:
    """A payload whose length is not what the request needs is BAD_LENGTH, and nothing is done."""
    has_it = request_code != Request.INFER_F32 or Capability.INFER_F32 in tinysine_device.capabilities
    assert wire.ask(request_code, payload) == (Status.BAD_LENGTH if has_it else Status.UNSUPPORTED, b"")


def test_value_out_of_range_is_refused(wire: Wire, tinysine_device: Device, tinysine_image: Image) -> None:
    """No repetitions, more than a frame can carry, and a demo state that is neither: BAD_VALUE."""
    identity = tinysine_device.identity
    one_input = b"\0" * (identity.input_bytes)
    too_many = tinysine_image.board.limits.payload_bytes // 4
    assert wire.ask(Request.TIME, b"\0\0" + one_input) == (Status.BAD_VALUE, b"")
    assert wire.ask(Request.TIME, too_many.to_bytes(2, "little") + one_input) == (Status.BAD_VALUE, b"")
    status, _ = wire.ask(Request.DEMO, b"\2")
    assert status in (Status.BAD_VALUE, Status.UNSUPPORTED)


def test_largest_frame_is_answered_and_a_larger_one_dropped(
    wire: Wire, tinysine_device: Device, tinysine_image: Image
) -> None:
    """A request of payload_max bytes is understood; one byte more is dropped and counted, and harms none."""
    corrupt = tinysine_device.counters().corrupt
    full = bytes(tinysine_image.board.limits.payload_bytes)
    assert wire.ask(Request.COUNTERS, full)[0] == Status.BAD_LENGTH
    for excess in (1, 2, 100, 5000):
        wire.send(encode_frame(NONCE + bytes([0, Request.INFER]) + full + bytes(excess)))
        assert wire.replies(1, wait_s=SILENCE_S) == []
    # QEMU takes such a frame byte by byte, each with a change of threads: on a busy computer for more than 5 s.
    patience, tinysine_device.timeout_s = tinysine_device.timeout_s, BUSY_S
    try:
        assert tinysine_device.counters().corrupt == corrupt + 4
    finally:
        tinysine_device.timeout_s = patience


def test_frame_with_any_damage_is_dropped(wire: Wire, tinysine_device: Device) -> None:
    """A flipped bit, a missing byte, a frame cut short: no answer, and one more corrupt frame counted."""
    good = encode_frame(NONCE + bytes([7, Request.COUNTERS]))[1:-1]
    before = tinysine_device.counters()
    damaged = [bytes([*good[:i], good[i] ^ bit, *good[i + 1 :]]) for i, bit in ((5, 1), (6, 0x10), (8, 0x80))]
    damaged += [good[:-1], good[:4], good[1:], good + b"\1"]
    for frame in damaged:
        assert 0 not in frame
        wire.send(b"\0" + frame + b"\0")
    assert wire.replies(1, wait_s=SILENCE_S) == []
    after = tinysine_device.counters()
    assert after.corrupt == before.corrupt + len(damaged)
    assert after.answered == before.answered + 1  # the earlier counters


def test_frames_back_to_back_are_each_answered_in_order(wire: Wire) -> None:
    """Frames sent in one go, with empty frames between them, are answered one after another."""
    contents = [NONCE + bytes([sequence, Request.COUNTERS]) for sequence in range(3)]
    first, second, third = (encode_frame(content) for content in contents)
    wire.send(first + second + b"\0\0" + third)
    assert [reply[4] for reply in wire.replies(3)] == [0, 1, 2]


def test_answers_to_another_session_are_not_believed(wire: Wire, tinysine_device: Device) -> None:
    """A reply that belongs to another nonce is dropped and counted by the host, whatever it says."""
    stale = tinysine_device.stats.stale
    wire.send(encode_frame(NONCE + bytes([9, Request.COUNTERS])))
    assert tinysine_device.counters().answered > 0
    assert tinysine_device.stats.stale == stale + 1


@over_the_link
@given(noise=st.binary(max_size=400))
def test_noise_is_survived(tinysine_device: Device, noise: bytes) -> None:
    """Random bytes, whatever they look like, leave a device that answers the next proper request."""
    Wire(tinysine_device).send(noise + b"\0\0")
    tinysine_device.resync()
    status, _ = Wire(tinysine_device).ask(Request.IDENTIFY)
    assert status == Status.OK
