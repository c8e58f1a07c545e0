"""Requests and status codes of the protocol, by number. docs/protocol.md specifies the bytes. Pure."""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np

PROTOCOL_MAJOR = 2
PROTOCOL_MINOR = 0
REPLY_BIT = 0x80
PLACE_BYTES = 4  # tensor and offset, before what WRITE carries

REQUEST_HEADER = struct.Struct("<4sBB")  # nonce, sequence, request
REPLY_HEADER = struct.Struct("<4sBBB")  # nonce, sequence, request | REPLY_BIT, status


class Request(IntEnum):
    """Request of the host."""

    IDENTIFY = 1
    INFER = 2
    INFER_F32 = 3
    TIME = 4
    MEMORY = 5
    FAULT = 6
    RESET = 7
    DEMO = 8
    COUNTERS = 9
    DESCRIBE = 10
    WRITE = 11
    RUN = 12
    READ = 13
    LAYER = 14
    READ_LAYER = 15

    @property
    def idempotent(self) -> bool:
        """Tell whether a repeated request does no harm."""
        return self not in (Request.RESET, Request.DEMO)


class Capability(IntFlag):
    """Capabilities that a device announces; a request that is not announced is never sent."""

    INFER = 1
    INFER_F32 = 2
    TIME = 4
    MEMORY = 8
    FAULT = 16
    RESET = 32
    DEMO = 64
    COUNTERS = 128
    TEXT = 256
    LAYERS = 512
    PARTS = 1024


class Status(IntEnum):
    """Result of a request: done, or the reason why not."""

    OK = 0
    UNKNOWN_REQUEST = 1
    BAD_LENGTH = 2
    NOT_FINITE = 3
    ENGINE = 4
    UNSUPPORTED = 5
    BAD_VALUE = 6


class Counter(IntEnum):
    """Counter of the device's latency figures."""

    NONE = 0
    DWT = 1
    SYSTICK = 2
    TIMER = 3
    HOST_NS = 4

    @property
    def unit(self) -> str:
        """The name of one count, "" where nothing is counted."""
        return {
            Counter.NONE: "",
            Counter.DWT: "cycles",
            Counter.SYSTICK: "cycles",
            Counter.TIMER: "ticks",
            Counter.HOST_NS: "ns",
        }[self]


DTYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    3: np.dtype(np.uint8),
    7: np.dtype("<i2"),
    9: np.dtype(np.int8),
}

MEANING = {
    Status.UNKNOWN_REQUEST: "this firmware has no such request",
    Status.BAD_LENGTH: "the payload's length is not what the request needs",
    Status.NOT_FINITE: "an input is NaN or infinite; nothing was inferred",
    Status.ENGINE: "the engine refused or failed",
    Status.UNSUPPORTED: "the board cannot do this",
    Status.BAD_VALUE: "a field of the request is out of range",
}


def request_content(nonce: bytes, sequence: int, request: Request, payload: bytes) -> bytes:
    """Everything of a request frame before its CRC.

    Args:
        nonce: 4 bytes.
        sequence: 0..255.
        request: what is asked.
        payload: as the request needs.
    """
    return REQUEST_HEADER.pack(nonce, sequence, request) + payload


def describe_payload(end: int, index: int) -> bytes:
    """Return the payload of DESCRIBE for one tensor: end 0 for inputs, 1 for outputs."""
    return bytes([end, index])


def write_payload(index: int, offset: int, data: bytes) -> bytes:
    """Bytes for one input of the engine, from an offset on; the offset has 24 bits."""
    return bytes([index]) + offset.to_bytes(PLACE_BYTES - 1, "little") + data


def read_payload(index: int, offset: int, length: int) -> bytes:
    """A request for bytes of one output of the engine."""
    return bytes([index]) + offset.to_bytes(PLACE_BYTES - 1, "little") + length.to_bytes(2, "little")


def layer_payload(index: int) -> bytes:
    """Return the payload of LAYER for one layer."""
    return index.to_bytes(2, "little")


def read_layer_payload(index: int, offset: int, length: int) -> bytes:
    """A request for bytes of one layer, as the last inference left them."""
    return struct.pack("<HHI", index, length, offset)


def status_detail(status: int, payload: bytes) -> int | None:
    """The number a refusal carries: the offending element's index, or the engine's own status, negated."""
    if status == Status.NOT_FINITE and len(payload) == 2:
        return int.from_bytes(payload, "little")
    if status == Status.ENGINE and len(payload) == 1:
        return payload[0]
    return None


def status_text(status: int, detail: int | None) -> str:
    """A refusal in words, such as "NOT_FINITE: an input is NaN ... (element 3)"."""
    try:
        known = Status(status)
    except ValueError:
        return f"status {status}, which this version of tinysine does not know"
    extra = ""
    if detail is not None:
        extra = f" (element {detail})" if known is Status.NOT_FINITE else f" (engine status -{detail})"
    return f"{known.name}: {MEANING.get(known, 'done')}{extra}"
