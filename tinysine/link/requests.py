"""What can be asked and answered, by number. docs/protocol.md specifies the bytes. Pure."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any

import numpy as np

PROTOCOL_MAJOR = 1
PROTOCOL_MINOR = 0
REPLY_BIT = 0x80

REQUEST_HEADER = struct.Struct("<4sBB")  # nonce, sequence, request
REPLY_HEADER = struct.Struct("<4sBBB")  # nonce, sequence, request | REPLY_BIT, status


class Request(IntEnum):
    """What the host can ask."""

    IDENTIFY = 1
    INFER = 2
    INFER_F32 = 3
    TIME = 4
    MEMORY = 5
    FAULT = 6
    RESET = 7
    DEMO = 8
    COUNTERS = 9

    @property
    def idempotent(self) -> bool:
        """Whether asking again is harmless."""
        return self not in (Request.RESET, Request.DEMO)


class Status(IntEnum):
    """Whether the device did it, or why not."""

    OK = 0
    UNKNOWN_REQUEST = 1
    BAD_LENGTH = 2
    NOT_FINITE = 3
    ENGINE = 4
    UNSUPPORTED = 5
    BAD_VALUE = 6


class Counter(IntEnum):
    """What the device's latency figures count."""

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


DTYPES: dict[int, np.dtype[Any]] = {0: np.dtype("<f4"), 3: np.dtype(np.uint8), 9: np.dtype(np.int8)}

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
