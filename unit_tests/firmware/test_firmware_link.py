"""Behaviour of the firmware on bytes that are not good frames: damage, noise, and people."""

import struct
import termios
import time
import zlib

import numpy as np
import pytest
from cobs import cobs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

IDENTIFY, INFER, COUNTERS, RESET = 1, 2, 9, 7


def corrupt_count(line):
    """Frames that the device says it dropped."""
    return struct.unpack("<4I", line.ask(COUNTERS).payload)[1]


def test_bytes_may_come_one_at_a_time(line):
    """A frame is decoded while it arrives, however slowly."""
    for byte in line.frame(IDENTIFY, sequence=200):
        line.write(bytes([byte]))
    assert line.receive().sequence == 200


def test_frames_back_to_back_are_all_answered(line):
    """Requests that arrive in one piece are answered one by one, in order."""
    line.write(b"".join(line.frame(INFER, bytes([n]), sequence=n) for n in range(100)))
    replies = [line.receive() for _ in range(100)]
    assert [(r.sequence, r.payload) for r in replies] == [(n, bytes([n + 1])) for n in range(100)]


def test_a_repeated_request_is_answered_again_and_not_carried_out_again(line):
    """The same bytes twice get the same reply twice; another payload or sequence is another request."""
    for sequence in (240, 240, 241):
        line.write(line.frame(COUNTERS, sequence=sequence))
    first, again, next_one = (struct.unpack("<4I", line.receive().payload)[0] for _ in range(3))
    assert (again, next_one) == (first, first + 1)
    line.write(line.frame(INFER, b"\1", sequence=242) + line.frame(INFER, b"\2", sequence=242))
    assert [line.receive().payload for _ in range(2)] == [b"\2", b"\3"]


def test_a_repeated_request_after_a_reset_is_carried_out(quiet_line):
    """A device that was reset remembers no reply."""
    quiet_line.write(quiet_line.frame(INFER, b"\1", sequence=9))
    assert quiet_line.receive().payload == b"\2"
    quiet_line.ask(RESET)
    quiet_line.wake()
    quiet_line.write(quiet_line.frame(INFER, b"\1", sequence=9))
    assert quiet_line.receive().payload == b"\2"


def test_replies_carry_the_nonce(line):
    """Nonces come back as sent, zeros included."""
    for nonce in (bytes(4), b"\xff\0\xff\0", b"abcd"):
        line.write(line.frame(IDENTIFY, nonce=nonce))
        assert line.receive().nonce == nonce


def test_empty_frames_are_ignored(line):
    """Zeros in a row are no frame, and count as none."""
    before = corrupt_count(line)
    line.write(bytes(50))
    assert corrupt_count(line) == before


@pytest.mark.parametrize("position", range(17))
def test_one_lost_byte_drops_the_frame_and_not_the_next(line, position):
    """Whichever byte of a frame is lost, no answer comes to it, and the next frame is answered."""
    whole = line.frame(INFER, bytes([1, 0, 3, 4]), sequence=90)
    line.write(whole[:position] + whole[position + 1 :])
    line.write(line.frame(IDENTIFY, sequence=91))
    replies = [line.receive()]
    if position == len(whole) - 1:  # only its end was lost: the next frame's first zero ends it as well
        assert (replies[0].sequence, replies[0].payload) == (90, b"\2\1\4\5")
        line.write(line.frame(IDENTIFY, sequence=91))
        replies = [line.receive()]
    assert [r.sequence for r in replies] == [91]


@pytest.mark.parametrize("bit", range(0, 8 * 15, 5))
def test_one_flipped_bit_drops_the_frame(line, bit):
    """A frame that fails its CRC, its coding or its length is counted, and nothing is said."""
    before = corrupt_count(line)
    encoded = bytearray(line.frame(INFER, bytes([1, 2, 3, 4]), sequence=90)[1:-1])
    encoded[bit // 8] ^= 1 << bit % 8
    line.write(b"\0" + bytes(encoded) + b"\0")
    assert corrupt_count(line) in (before + 1, before + 2)  # a flip to zero makes two of one


@pytest.mark.parametrize("size", range(10))
def test_bodies_too_short_for_a_request_are_dropped(line, size):
    """Less than nonce, sequence, request and CRC is no request, even with a right CRC."""
    before = corrupt_count(line)
    content = bytes(range(1, size + 1))
    if size >= 4:
        content = content[:-4] + struct.pack("<I", zlib.crc32(content[:-4]))
    line.write(b"\0" + cobs.encode(content) + b"\0")
    assert corrupt_count(line) == before + 1


@pytest.mark.parametrize("lowest", [0, 1])
@pytest.mark.parametrize("size", range(235, 257))
def test_the_largest_frames_are_taken(line, size, lowest):
    """Up to payload_max bytes are answered, with zeros among them and without, on both sides of a full COBS block."""
    codes = np.arange(size) % 100 + lowest
    line.write(line.frame(INFER, codes.astype(np.int8).tobytes(), nonce=b"abcd", sequence=1))
    assert line.receive().payload == (codes + 1).astype(np.int8).tobytes()


@pytest.mark.parametrize("size", [257, 258, 300, 5000, 70000])
def test_larger_frames_are_dropped(line, size):
    """One byte more than payload_max, or many more, are dropped as corrupt and overwrite nothing."""
    before = corrupt_count(line)
    line.write(line.frame(INFER, bytes(size)))
    assert corrupt_count(line) == before + 1


def test_a_frame_that_ends_early_is_dropped(line):
    """A zero inside a COBS block is damage, whatever the CRC says."""
    before = corrupt_count(line)
    encoded = line.frame(IDENTIFY)[1:-1]
    line.write(b"\0" + bytes([encoded[-1] + 1]) + encoded + b"\0")
    assert corrupt_count(line) == before + 1


TYPED = [
    (b"0", 0.0),
    (b"1.5708", 1.5708),
    (b"-1", -1.0),
    (b"+.5", 0.5),
    (b"3.", 3.0),
    (b"0.000000000000000000000000000000000001", None),
    (b"99999999", 99999999.0),
]


def answer(typed):
    """Return the reply of the add-one engine's firmware to a number."""
    if typed is None:
        return b"tinysine on host: type a number such as 1.5708\r\n"
    x = np.float32(typed)
    steps = float(x / np.float32(0.03125))
    code = min(max(int(np.trunc(steps + np.copysign(0.5, steps))) - 28, -128), 127)
    code = min(code + 1, 127)
    y = 0.0078125 * (code - 3)
    shown = f"{x:.4f}" if abs(x) < 99999 else f"{x:.4e}".replace("e+0", "e0")
    sign = "-" if y < 0 else ""
    return f"{shown} -> {sign}{np.floor(abs(y) * 10000 + 0.5) / 10000:.4f} (code {code})\r\n".encode()


@pytest.mark.parametrize("end", [b"\r", b"\n"])
@pytest.mark.parametrize(("typed", "value"), TYPED)
def test_numbers_typed_are_inferred(line, typed, value, end):
    """A decimal number and Enter: one line with the inferred value and its code."""
    assert line.text(typed + end) == answer(value)


@pytest.mark.parametrize("typed", [b"?", b"help", b"1.5.2", b"1e3", b"--1", b"-", b".", b"nan", b"1,5", b" "])
def test_other_lines_are_answered_with_help(line, typed):
    """Anything else that a person types gets a line that says what can be typed."""
    assert line.text(typed + b"\r\n") == answer(None)


def test_a_typing_mistake_can_be_corrected(line):
    """Backspace and delete take back characters, at the line's start nothing."""
    assert line.text(b"\b2\x7f1.x\b5\r") == answer(1.5)
    assert line.text(b"0" * 39 + b"2\b1\r") == answer(1.0), "also when the line is full"


@pytest.mark.parametrize("typed", [b"", b"1" * 41, b"1" * 300, b"\x01" + b"5", b"\xc3\xa4", b"5\t"])
def test_lines_that_are_none_of_a_persons_are_dropped(line, typed):
    """Empty lines, long ones and ones with other bytes are dropped without a word; the next is answered."""
    line.write(typed + b"\r")
    assert line.text(b"1\r") == answer(1.0)


def test_forty_characters_are_a_line(line):
    """The longest line that is answered."""
    assert line.text(b"0" * 39 + b"1\r") == answer(1.0)


def test_text_and_frames_mix(line):
    """Text before and after a frame is answered as text, the frame as a frame."""
    assert line.text(b"1\r") == answer(1.0)
    assert line.ask(INFER, b"\5").payload == b"\6"
    assert line.text(b"2\r") == answer(2.0)


def test_text_begun_is_forgotten_when_a_frame_comes(line):
    """Half a line is no part of the line after the frame."""
    line.write(b"12")
    assert line.ask(INFER, b"\5").payload == b"\6"
    assert line.text(b"3\r") == answer(3.0)


def test_silence_ends_a_frame(quiet_line):
    """A frame begun and never finished is given up after two seconds, and text is text again."""
    quiet_line.write(b"\0\x20abc")
    assert quiet_line.read(2.5) == b""
    assert quiet_line.text(b"1\r") == answer(1.0)
    assert struct.unpack("<4I", quiet_line.ask(COUNTERS).payload)[1:] == (1, 0, 1)


@st.composite
def byte_soup(draw):
    """Zeros, text, noise, and good frames that were damaged; never a whole good one."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.integers(0, 4))
        if kind == 0:
            parts.append(bytes(draw(st.integers(1, 5))))
        elif kind == 1:
            parts.append(draw(st.binary(max_size=80)))
        elif kind == 2:
            parts.append(draw(st.binary(min_size=250, max_size=600)).replace(b"\0", b"\1"))
        elif kind == 3:
            parts.append(draw(st.sampled_from([b"1.5\r", b"?\n", b"\b\b\r\n", b"9" * 50 + b"\r", b"\xff\r"])))
        else:
            content = bytes(
                draw(st.binary(min_size=4, max_size=4)) + draw(st.binary(min_size=2, max_size=300))
            )
            damaged = bytearray(
                b"\0" + cobs.encode(content + struct.pack("<I", zlib.crc32(content) ^ 1)) + b"\0"
            )
            for _ in range(draw(st.integers(0, 3))):
                at = draw(st.integers(0, len(damaged) - 1))
                if draw(st.booleans()):
                    del damaged[at]
                else:
                    damaged.insert(at, draw(st.integers(0, 255)))
                if not damaged:
                    break
            parts.append(bytes(damaged))
    return b"".join(parts)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(soup=byte_soup(), nonce=st.binary(min_size=4, max_size=4))
def test_a_good_frame_is_answered_after_anything(line, soup, nonce):
    """Whatever came before, an IDENTIFY is answered at the first try, and no sanitizer complains."""
    line.write(soup)
    line.sequence = (line.sequence + 1) % 256
    line.write(line.frame(IDENTIFY, nonce=nonce, sequence=line.sequence))
    while (reply := line.receive()).nonce != nonce or reply.sequence != line.sequence:
        pass
    assert (reply.request, reply.status) == (IDENTIFY, 0)


def test_a_terminal_line_is_made_raw(build_host, start_process):
    """On a pseudo-terminal no byte is translated, and nothing is echoed once the firmware runs."""
    line = start_process(build_host("add_one"), terminal=True)
    deadline = time.monotonic() + 60
    while termios.tcgetattr(line.to_device)[3] & termios.ECHO:
        assert time.monotonic() < deadline, "the terminal was not made raw"
        time.sleep(0.01)
    codes = bytes([3, 4, 10, 13, 17, 19, 26, 28, 127])
    assert line.ask(INFER, codes).payload == bytes([4, 5, 11, 14, 18, 20, 27, 29, 127])
    assert line.noise == b""
    line.close()
    assert line.process.wait(10) == 0
