"""The kinds of faults that a serial line has, each by itself."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from cobs import cobs

from trust.link_faults.line import RESET, Line, Passing

Harm = Callable[[Line, "FaultOnLine", bytes], Passing]
"""Fate of one block of bytes."""

KINDS: dict[str, Kind] = {}


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Attributes:
        harm: applied to a block.
        directions: where it can be: "device", "host" or both.
    """

    harm: Harm
    directions: tuple[str, ...]


@dataclass
class FaultOnLine:
    """One kind at work, on some of the blocks in one or both directions.

    Attributes:
        often: how probable it is that a block is harmed.
        most: how many blocks are harmed at most.
        held: what a harm keeps for later, by direction.
    """

    kind: Kind
    directions: tuple[str, ...]
    often: float
    most: int
    direction: str = ""
    held: dict[str, bytes] = field(default_factory=dict)

    def to_device(self, line: Line, data: bytes) -> Passing:
        """As Fault."""
        return self._pass("device", line, data)

    def to_host(self, line: Line, data: bytes) -> Passing:
        """As Fault."""
        return self._pass("host", line, data)

    def _pass(self, direction: str, line: Line, data: bytes) -> Passing:
        if direction in self.directions and self.most and line.rng.random() < self.often:
            self.most -= 1
            self.direction = direction
            return self.kind.harm(line, self, data)
        return [(0.0, data)]


def fault_of(kind: Kind, rng: random.Random) -> FaultOnLine:
    """A fault of a kind: once, now and then, or always; in one direction, or both."""
    directions = kind.directions if rng.random() < 0.3 else (rng.choice(kind.directions),)
    most = rng.choice((1, 1, 2, 3, 8, 1000))
    return FaultOnLine(kind, directions, rng.choice((0.2, 0.5, 1.0)), most)


def _kind(name: str, *directions: str) -> Callable[[Harm], Harm]:
    def register(harm: Harm) -> Harm:
        KINDS[name] = Kind(harm, directions or ("device", "host"))
        return harm

    return register


def framed(content: bytes) -> bytes:
    """A whole frame with a right CRC, whatever it says."""
    return b"\0" + bytes(cobs.encode(content + struct.pack("<I", zlib.crc32(content)))) + b"\0"


def unframed(frame: bytes) -> bytes:
    """The content of a whole frame, without its CRC."""
    return bytes(cobs.decode(frame.strip(b"\0")))[:-4]


def _place(line: Line, data: bytes) -> int:
    return line.rng.randrange(len(data))


def _noise(line: Line, most: int) -> bytes:
    return line.rng.randbytes(line.rng.randint(1, most))


@_kind("byte lost")
def _byte_lost(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at] + data[at + 1 :])]


@_kind("bit flipped")
def _bit_flipped(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at] + bytes([data[at] ^ 1 << line.rng.randrange(8)]) + data[at + 1 :])]


@_kind("byte inserted")
def _byte_inserted(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at] + line.rng.randbytes(1) + data[at:])]


@_kind("byte doubled")
def _byte_doubled(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[: at + 1] + data[at:])]


@_kind("bytes swapped")
def _bytes_swapped(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at] + data[at : at + 2][::-1] + data[at + 2 :])]


@_kind("burst lost")
def _burst_lost(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    begin, end = sorted((_place(line, data), _place(line, data)))
    return [(0.0, data[:begin] + data[end + 1 :])]


@_kind("burst garbled")
def _burst_garbled(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    begin, end = sorted((_place(line, data), _place(line, data)))
    return [(0.0, data[:begin] + line.rng.randbytes(end - begin + 1) + data[end + 1 :])]


@_kind("frame cut short")
def _cut_short(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    return [(0.0, data[: _place(line, data)])]


@_kind("frame without its head")
def _beheaded(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    return [(0.0, data[_place(line, data) :])]


@_kind("frame lost")
def _frame_lost(_line: Line, _fault: FaultOnLine, _data: bytes) -> Passing:
    return []


@_kind("frame delivered twice")
def _twice(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    return [(0.0, data), (line.rng.choice((0.0, 0.001, 0.5, 6.0)), data)]


@_kind("two frames merged")
def _merged(_line: Line, fault: FaultOnLine, data: bytes) -> Passing:
    before = fault.held.pop(fault.direction, b"")
    if not before:
        fault.held[fault.direction] = data
        return []
    return [(0.0, before[:-1] + data[1:])]


@_kind("frames reordered")
def _reordered(_line: Line, fault: FaultOnLine, data: bytes) -> Passing:
    before = fault.held.pop(fault.direction, b"")
    if not before:
        fault.held[fault.direction] = data
        return []
    return [(0.0, data), (0.0, before)]


@_kind("delayed, also beyond the deadline")
def _delayed(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    return [(line.rng.choice((0.1, 1.0, 4.9, 5.0, 5.1, 12.0)) * line.rng.uniform(0.9, 1.1), data)]


@_kind("in pieces, with pauses")
def _pieces(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at]), (line.rng.choice((0.01, 0.3, 2.5)), data[at:])]


@_kind("noise before and after")
def _noisy(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    return [(0.0, _noise(line, 40) + data + _noise(line, 40))]


@_kind("zeros inserted")
def _zeros(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at] + bytes(line.rng.randint(1, 5)) + data[at:])]


@_kind("wrong baud rate")
def _wrong_baud(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    # Twice too slow: two bits are read as one, and a byte in two becomes one.
    return [(0.0, bytes((first & 0x55) * 3 & 0xFF ^ line.rng.choice((0, 0x80)) for first in data[::2]))]


@_kind("heartbeat between the bytes", "host")
def _heartbeat(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at] + b"alive %d\r\n" % line.rng.randrange(1000) + data[at:])]


@_kind("earlier reply replayed", "host")
def _replayed(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    return [(0.0, line.rng.choice(line.replies)), (line.rng.choice((0.0, 8.0)), data)]


@_kind("reply with another sequence", "host")
def _other_sequence(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    content = unframed(data)
    other = bytes([(content[4] + line.rng.randint(1, 255)) % 256])
    return [(0.0, framed(content[:4] + other + content[5:7] + _other_payload(line, content)))]


@_kind("reply of another session", "host")
def _other_session(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    content = unframed(data)
    nonce = bytes([content[0] ^ 1 << line.rng.randrange(8)])
    return [(0.0, framed(nonce + content[1:7] + _other_payload(line, content)))]


@_kind("reply to another request", "host")
def _other_request(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    content = unframed(data)
    other = bytes([content[5] ^ line.rng.randint(1, 0x7F)])
    return [(0.0, framed(content[:5] + other + content[6:7] + _other_payload(line, content)))]


@_kind("right head, CRC of something else", "host")
def _wrong_crc(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    content = unframed(data)
    changed = content[:7] + _other_payload(line, content)
    crc = struct.pack("<I", zlib.crc32(changed) ^ 1 << line.rng.randrange(32))
    return [(0.0, b"\0" + bytes(cobs.encode(changed + crc)) + b"\0")]


@_kind("refusal meant for somebody else", "host")
def _refusal(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    content = unframed(data)
    nonce = bytes(byte ^ 0x5A for byte in content[:4])
    return [(0.0, framed(nonce + content[4:6] + bytes([line.rng.randint(1, 9)]))), (0.0, data)]


@_kind("own request echoed", "host")
def _echo(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    return [(0.0, line.requests[-1])] if line.rng.random() < 0.5 else [(0.0, line.requests[-1] + data)]


@_kind("another program asks, too", "device")
def _second_host(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    content = unframed(data)
    theirs = framed(b"them" + content[4:6] + bytes(byte ^ 0xFF for byte in content[6:]))
    return [(0.0, theirs), (0.0, data)] if line.rng.random() < 0.5 else [(0.0, data), (0.0, theirs)]


@_kind("line half open")
def _half_open(_line: Line, fault: FaultOnLine, _data: bytes) -> Passing:
    fault.most, fault.often, fault.directions = 1_000_000, 1.0, (fault.direction,)
    return []


@_kind("flow stalled", "device")
def _stalled(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    line.stalled_until = line.now + line.rng.choice((0.1, 1.0, 4.0, 9.0)) * line.rng.uniform(0.5, 1.5)
    return [(0.0, data[: _place(line, data)])] if line.rng.random() < 0.5 else []


@_kind("reset in the middle", "device")
def _reset(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at]), (0.0, RESET), (0.0, data[at:])]


@_kind("double reset", "device")
def _double_reset(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    at = _place(line, data)
    return [(0.0, data[:at]), (0.0, RESET), (line.rng.uniform(0.0, 1.0), RESET), (0.0, data[at:])]


@_kind("reset with a banner of text", "device")
def _banner(line: Line, _fault: FaultOnLine, data: bytes) -> Passing:
    line.arrive(b"\r\nboot v1.%d\r\nReady." % line.rng.randrange(10), delay_s=line.rng.uniform(0.0, 1.5))
    return [(0.0, RESET), (0.0, data)]


@_kind("port vanishes", "device")
def _vanishes(line: Line, _fault: FaultOnLine, _data: bytes) -> Passing:
    line.unplug(line.rng.choice((0.2, 2.0, 20.0)))
    line.reset_device()
    return []


def _other_payload(line: Line, content: bytes) -> bytes:
    payload = content[7:]
    return line.rng.randbytes(len(payload)) if payload else b""
