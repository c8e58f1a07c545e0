"""Frames on the wire, `00 COBS(content, CRC-32) 00`: encode, check, find them in a stream. Pure."""

from __future__ import annotations

import zlib

from cobs import cobs

from tinysine.errors import FrameCorrupt

CRC_BYTES = 4
# The largest reply that the 16-bit payload_max allows, with header, CRC and COBS overhead.
MAX_CHUNK_BYTES = 65535 + 7 + CRC_BYTES + 260
KEPT_OUTSIDE_BYTES = 4096

# Printable ASCII and the control characters that terminals and loggers send.
_TEXT_BYTES = bytes([*range(0x20, 0x7F), 0x07, 0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x1B])


def encode_frame(content: bytes) -> bytes:
    """Wrap content for the wire.

    Args:
        content: everything before the CRC.
    Returns:
        A zero, the stuffed content with its CRC-32, a zero.
    """
    crc = zlib.crc32(content).to_bytes(CRC_BYTES, "little")
    return b"\0" + bytes(cobs.encode(content + crc)) + b"\0"


def decode_frame(chunk: bytes) -> bytes:
    """Unwrap and check what stood between two zeros.

    Args:
        chunk: without the zeros.
    Returns:
        The content, without its CRC.
    Raises:
        FrameCorrupt: the stuffing, the length or the CRC is wrong.
    """
    try:
        body = bytes(cobs.decode(chunk))
    except cobs.DecodeError as error:
        raise FrameCorrupt(f"a frame of {len(chunk)} bytes is not COBS", frame=chunk) from error
    content, crc = body[:-CRC_BYTES], body[-CRC_BYTES:]
    if len(body) < CRC_BYTES or zlib.crc32(content) != int.from_bytes(crc, "little"):
        raise FrameCorrupt(f"a frame of {len(chunk)} bytes fails its CRC", frame=chunk)
    return content


def is_text(data: bytes) -> bool:
    """Tell whether every byte could be text for a person. True for no bytes at all."""
    return not data.translate(None, _TEXT_BYTES)


class FrameReader:
    """Finds frames in a stream that arrives in blocks of any size.

    Attributes:
        noise_bytes: bytes of text, or of endless babble, that stood outside frames.
        corrupt_frames: stretches between zeros that are neither text nor a valid frame.
        last_corrupt: why the last of those was refused.
        outside: the last bytes that were not part of a valid frame, zeros left out.
    """

    def __init__(self) -> None:
        self.noise_bytes = 0
        self.corrupt_frames = 0
        self.last_corrupt: FrameCorrupt | None = None
        self.outside = bytearray()
        self._pending = b""

    @property
    def pending(self) -> bytes:
        """Bytes since the last zero: a frame under way, or text."""
        return self._pending

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next block of the stream.

        Args:
            data: any number of bytes.
        Returns:
            The contents of the valid frames that this block completed, in order.
        """
        *chunks, self._pending = (self._pending + data).split(b"\0")
        if len(self._pending) > MAX_CHUNK_BYTES:
            self._drop(self._pending, noise=True)
            self._pending = b""
        frames = []
        for chunk in chunks:
            if not chunk:
                continue
            try:
                frames.append(decode_frame(chunk))
            except FrameCorrupt as error:
                noise = is_text(chunk)
                self.last_corrupt = self.last_corrupt if noise else error
                self._drop(chunk, noise=noise)
        return frames

    def forget(self) -> None:
        """Drop the frame under way."""
        self._drop(self._pending, noise=True)
        self._pending = b""

    def _drop(self, chunk: bytes, *, noise: bool) -> None:
        if noise:
            self.noise_bytes += len(chunk)
        else:
            self.corrupt_frames += 1
        self.outside += chunk
        del self.outside[:-KEPT_OUTSIDE_BYTES]
