"""Diagnosis of a missing answer: silence, text, another protocol, an echo, or noise. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cobs import cobs

from tinysine.errors import FrameCorrupt
from tinysine.link.frames import decode_frame, is_text
from tinysine.link.requests import REPLY_BIT, REPLY_HEADER

Kind = Literal["silence", "text", "frames", "echo", "foreign", "damaged", "late", "begun", "garbage"]

_SHOWN_TEXT = 160
_SHOWN_BYTES = 24
_SLIP_END, _HDLC_FLAG = b"\xc0", b"\x7e"


@dataclass(frozen=True)
class Diagnosis:
    """Reason for a missing answer.

    Attributes:
        kind: "silence" no byte; "text" another application printing; "frames" frames of another protocol;
            "echo" our own requests came back; "foreign" answers to somebody else's requests;
            "damaged" answers to us that failed their check; "late" answers to us that came too late;
            "begun" an answer to us whose end did not come;
            "garbage" the rest.
        what: what was seen, for the middle of a sentence.
        hint: what to try.
    """

    kind: Kind
    what: str
    hint: str


@dataclass(frozen=True)
class Past:
    """Earlier answers of a device that then gave none.

    Attributes:
        answered: requests that it answered in this session, 1 or more.
        ago_s: seconds since the last of them.
    """

    answered: int
    ago_s: float

    @property
    def words(self) -> str:
        """For the end of a sentence."""
        requests = "1 request" if self.answered == 1 else f"{self.answered} requests"
        return f"it answered {requests} before, the last {self.ago_s:.1f} s earlier"


def diagnose(received: bytes, *, nonce: bytes, past: Past | None = None) -> Diagnosis:
    """Judge the bytes that came instead of an answer.

    Args:
        received: the last bytes, oldest first; may begin in the middle of something.
        nonce: this session's, 4 bytes.
        past: what the device answered before; None for nothing.
    """
    now = _diagnose_bytes(received, nonce)
    if past is None:
        return now
    hint = _STOPPED_HINTS.get(now.kind, now.hint)
    return Diagnosis(now.kind, f"{now.what}; {past.words}", hint)


def _diagnose_bytes(received: bytes, nonce: bytes) -> Diagnosis:
    if not received:
        return Diagnosis(
            "silence",
            "not one byte came",
            "check power, cable and port; flash tinysine's firmware; reset the board",
        )
    chunks = [chunk for chunk in received.split(b"\0") if len(chunk) >= 3]
    kinds = {kind for chunk in chunks if (kind := _kind_of(chunk, nonce))}
    if _begins_an_answer(received.rpartition(b"\0")[2], nonce):
        kinds.add("begun")
    for kind in ("begun", "echo", "late", "foreign", "damaged"):
        if kind in kinds:
            return _FRAME_DIAGNOSES[kind]
    text = received.replace(b"\0", b"")
    framed = "cobs" in kinds or _delimited(received, _SLIP_END) or _delimited(received, _HDLC_FLAG)
    if text and (is_text(text) or (not framed and _mostly_text(text))):
        shown = text.decode("utf-8", "replace").strip()[-_SHOWN_TEXT:]
        return Diagnosis(
            "text",
            f"another application is printing text there: {shown!r}",
            "flash tinysine's firmware; if it is there already, check the port and reset the board",
        )
    if framed:
        return Diagnosis(
            "frames",
            f"frames of another protocol came, the last bytes {_hex(received)}",
            "another firmware runs on the board; flash tinysine's",
        )
    return Diagnosis(
        "garbage",
        f"only garbage came, the last bytes {_hex(received)}",
        "check the baud rate at both ends, the ground wire, and that nobody else reads this port",
    )


_FRAME_DIAGNOSES = {
    "echo": Diagnosis(
        "echo",
        "our own requests came back",
        "RX and TX are joined, or a terminal at the other end echoes",
    ),
    "late": Diagnosis(
        "late",
        "answers to earlier requests came, none to this one",
        "the device is slower than the timeout; allow it more time",
    ),
    "begun": Diagnosis(
        "begun",
        "an answer began, and its end did not come",
        "the device sends too slowly, or stopped in the middle: allow it more time, and check its baud rate",
    ),
    "foreign": Diagnosis(
        "foreign",
        "answers to somebody else's requests came",
        "another program is using this port; close it",
    ),
    "damaged": Diagnosis(
        "damaged",
        "answers came but failed their check",
        "bytes are lost or changed on the way: check cable, ground and baud rate",
    ),
}


# A board that answered runs the right firmware at the right baud rate: other advice helps.
_STOPPED_HINTS: dict[Kind, str] = {
    "silence": "it hangs, was reset, or lost its power or its line: check power and cable, reset it, and ask for its "
    "fault record",
    "text": "the board was reset into another program, or somebody else prints to this line: reset the board",
    "frames": "the board was reset into another program: reset it, or flash tinysine's firmware again",
    "garbage": "bytes are lost or changed on the way: check cable and ground, and that nobody else reads this port",
}


def _kind_of(chunk: bytes, nonce: bytes) -> str:
    try:
        content = decode_frame(chunk)
    except FrameCorrupt:
        try:
            body = bytes(cobs.decode(chunk))
        except cobs.DecodeError:
            return ""
        return "damaged" if body.startswith(nonce) else "cobs"
    if len(content) < REPLY_HEADER.size - 1:
        return "cobs"
    ours, reply = content.startswith(nonce), content[5] & REPLY_BIT
    if reply:
        return "late" if ours else "foreign"
    return "echo" if ours else "cobs"


def _begins_an_answer(unfinished: bytes, nonce: bytes) -> bool:
    """Tell whether bytes begin a frame for us: COBS puts a count before each run of bytes."""
    body = b""
    while unfinished and len(body) <= len(nonce):
        run = unfinished[0]
        body += unfinished[1:run] + (b"\0" if run < len(unfinished) else b"")
        unfinished = unfinished[run:]
    return len(body) > 1 and body[: len(nonce)] == nonce[: len(body)]


def _mostly_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    readable = sum(character.isprintable() or character.isspace() for character in text)
    return len(text) >= 4 and readable >= 0.9 * len(text)


def _delimited(data: bytes, delimiter: bytes) -> bool:
    return data.endswith(delimiter) and any(len(chunk) >= 3 for chunk in data.split(delimiter)[1:-1])


def _hex(data: bytes) -> str:
    return data[-_SHOWN_BYTES:].hex(" ")
