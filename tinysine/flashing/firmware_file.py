"""An image in the form that a flash tool takes: raw, or Intel HEX."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinysine.errors import FlashError
from tinysine.image import Image

RECORD_BYTES = 16
_DATA, _END, _UPPER_ADDRESS = 0, 1, 4


def image_bytes(image: Image) -> bytes:
    """The raw bytes that go into flash, from its origin.

    Raises:
        FlashError: an image without them, or a file that cannot be read.
    """
    if image.binary is None:
        raise FlashError(f"the image for {image.board.name} has no binary", hint="build it again")
    try:
        return image.binary.read_bytes()
    except OSError as error:
        raise FlashError(
            f"cannot read {image.binary}: {error.strerror or error}",
            hint="build the image again",
        ) from error


def flash_origin(image: Image) -> int:
    """Return the address of the image's first byte."""
    return image.board.flash.origin if image.board.flash is not None else 0


def intel_hex(data: bytes, origin: int) -> str:
    """Bytes at an address as Intel HEX, 32-bit addresses included.

    Source:
        Intel, Hexadecimal Object File Format Specification, revision A (1988).
    """
    records, upper = [], 0
    for start in range(0, len(data), RECORD_BYTES):
        address = origin + start
        # A record must not cross a 64 kB border; 16 bytes from an aligned origin never do.
        if address >> 16 != upper:
            upper = address >> 16
            records.append(_record(_UPPER_ADDRESS, 0, upper.to_bytes(2, "big")))
        records.append(_record(_DATA, address & 0xFFFF, data[start : start + RECORD_BYTES]))
    return "\n".join([*records, _record(_END, 0, b"")]) + "\n"


def _record(kind: int, address: int, data: bytes) -> str:
    body = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return ":" + (body + bytes([-sum(body) & 0xFF])).hex().upper()


@contextlib.contextmanager
def firmware_file(image: Image, suffix: str, *, name: str = "") -> Iterator[Path]:
    """A file of the image in a folder of its own that goes afterwards.

    Args:
        suffix: ".bin" or ".hex".
        name: of the file, without the suffix; the board's by default.
    """
    with tempfile.TemporaryDirectory(prefix="tinysine-flash-") as folder:
        path = Path(folder) / f"{name or image.board.file_name}{suffix}"
        data = image_bytes(image)
        if suffix == ".hex":
            path.write_text(intel_hex(data, flash_origin(image)), encoding="ascii")
        else:
            path.write_bytes(data)
        yield path
