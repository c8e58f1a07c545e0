"""Frames: what goes in comes out, nothing else does, and it costs little."""

import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.errors import FrameCorrupt
from tinysine.link import FrameReader, Request, decode_frame, encode_frame
from tinysine.link.frames import KEPT_OUTSIDE_BYTES, MAX_CHUNK_BYTES
from tinysine.link.requests import REPLY_HEADER, request_content
from tinysine.testing.fake_device import stuff, unstuff, wrap

# A busy machine is no bug.
unhurried = settings(suppress_health_check=[HealthCheck.too_slow])

CONTENTS = st.binary(max_size=700) | st.lists(st.sampled_from([0, 1, 255]), max_size=600).map(bytes)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(str.encode)


def test_frame_bytes_are_those_of_the_specification() -> None:
    """A request worked out by hand: IDENTIFY, nonce 01 00 02 03, sequence 4."""
    content = bytes([1, 0, 2, 3, 4, 1])
    crc = zlib.crc32(content).to_bytes(4, "little")
    assert 0 not in crc
    assert encode_frame(content) == bytes([0, 2, 1, 9, 2, 3, 4, 1, *crc, 0])
    assert request_content(bytes([1, 0, 2, 3]), 4, Request.IDENTIFY, b"") == content


@unhurried
@given(CONTENTS)
def test_frame_round_trip(content: bytes) -> None:
    """Any content survives, and no zero stands inside the frame."""
    frame = encode_frame(content)
    assert frame[0] == frame[-1] == 0
    assert 0 not in frame[1:-1]
    assert decode_frame(frame[1:-1]) == content


@unhurried
@given(CONTENTS)
def test_frame_agrees_with_an_independent_encoder(content: bytes) -> None:
    """Both codecs read each other, whatever a block of 254 bytes at the very end is turned into."""
    assert decode_frame(wrap(content)[1:-1]) == content
    body = unstuff(encode_frame(content)[1:-1])
    assert body is not None
    assert body[:-4] == content
    assert unstuff(stuff(content)) == content


@unhurried
@given(st.lists(CONTENTS, max_size=5), st.data())
def test_reader_finds_frames_however_the_stream_is_cut(contents: list[bytes], data: st.DataObject) -> None:
    """The blocks in which a stream arrives make no difference."""
    stream = b"".join(encode_frame(content) for content in contents)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = FrameReader()
    found: list[bytes] = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[begin:end])
    assert found == contents
    assert (reader.noise_bytes, reader.corrupt_frames) == (0, 0)


@unhurried
@given(st.lists(st.tuples(CONTENTS, PRINTABLE), min_size=1, max_size=5))
def test_reader_drops_and_counts_text_between_frames(pairs: list[tuple[bytes, bytes]]) -> None:
    """Text before, between and after frames is counted byte by byte and harms no frame."""
    reader = FrameReader()
    found = []
    for content, text in pairs:
        found += reader.feed(text + encode_frame(content))
    assert found == [content for content, _ in pairs]
    assert reader.noise_bytes == sum(len(text) for _, text in pairs)
    assert reader.corrupt_frames == 0


@unhurried
@given(st.binary(min_size=1, max_size=300), st.data())
def test_reader_never_believes_a_flipped_bit(content: bytes, data: st.DataObject) -> None:
    """One flipped bit anywhere in the body loses the frame, counts it, and spares the next."""
    frame = bytearray(encode_frame(content))
    frame[data.draw(st.integers(1, len(frame) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    reader = FrameReader()
    assert reader.feed(bytes(frame)) == []
    assert reader.corrupt_frames + reader.noise_bytes > 0
    assert reader.feed(encode_frame(content)) == [content]


@unhurried
@given(st.binary(max_size=400))
def test_reader_recovers_after_anything(garbage: bytes) -> None:
    """Whatever came before, the next whole frame is found."""
    reader = FrameReader()
    reader.feed(garbage)
    assert reader.feed(encode_frame(b"after"))[-1:] == [b"after"]


@pytest.mark.parametrize("chunk", [b"\x05ab", b"\x02a", b"", b"\x05abcd"])
def test_decode_refuses_what_is_no_frame(chunk: bytes) -> None:
    """Broken stuffing, too few bytes for a CRC, and a wrong CRC are each refused."""
    with pytest.raises(FrameCorrupt) as caught:
        decode_frame(chunk)
    assert caught.value.frame == chunk


def test_reader_keeps_little_of_endless_babble() -> None:
    """A megabyte without a zero is counted, not kept."""
    reader = FrameReader()
    for _ in range(16):
        reader.feed(b"\x55" * 65536)
    assert len(reader.pending) <= MAX_CHUNK_BYTES
    assert len(reader.outside) <= KEPT_OUTSIDE_BYTES
    assert reader.noise_bytes + len(reader.pending) == 16 * 65536


@unhurried
@given(st.binary(min_size=256, max_size=256), st.binary(min_size=4, max_size=4), st.integers(0, 255))
def test_wire_cost_of_256_inferences(codes: bytes, nonce: bytes, sequence: int) -> None:
    """256 int8 inferences in a frame cost at most 1.06 bytes each, both ways, whatever the codes."""
    there = encode_frame(request_content(nonce, sequence, Request.INFER, codes))
    back = encode_frame(REPLY_HEADER.pack(nonce, sequence, Request.INFER | 0x80, 0) + codes)
    assert len(there) / 256 <= 1.06
    assert len(back) / 256 <= 1.06
