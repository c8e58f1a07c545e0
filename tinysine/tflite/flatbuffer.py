"""Reading FlatBuffers without trusting them: every offset is held against the bytes that are there.

The Python classes that ship with LiteRT take the bytes at their word and cost 0.2 s to import; a model file
may be truncated, mutated or hostile. This reads the few structures needed, lazily, and never allocates by a
length that the file only claims. Source of the format: the FlatBuffers "Internals" specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_TEXT = 1000  # bytes; a name of the converter has a few dozen

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")


class Damaged(Exception):
    """The bytes contradict themselves. Always turned into a ModelError by the reader of the file."""


@dataclass(frozen=True)
class Vector:
    """Place of a vector's elements.

    Attributes:
        start: offset of the first element, bytes.
        length: elements; as many as `start` has room for.
    """

    start: int
    length: int


@dataclass(frozen=True)
class Table:
    """One table: `position` is its offset in `data`; slots are numbered as in the schema."""

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> Table:
        """Return the table that a FlatBuffer begins with."""
        return cls(data, _unpack(_U32, data, 0))

    def _field(self, slot: int) -> int | None:
        vtable = self.position - _unpack(_I32, self.data, self.position)
        size = _unpack(_U16, self.data, vtable)
        at = 4 + 2 * slot
        if at + 2 > size:
            return None
        offset = _unpack(_U16, self.data, vtable + at)
        return self.position + offset if offset else None

    def scalar(self, slot: int, form: str, default: int = 0) -> int:
        """Return an integer field; `form` is its `struct` code, such as "b" or "I"."""
        at = self._field(slot)
        return default if at is None else _unpack(struct.Struct("<" + form), self.data, at)

    def has(self, slot: int) -> bool:
        """Tell whether the field is present."""
        return self._field(slot) is not None

    def table(self, slot: int) -> Table | None:
        """Return the table a field refers to."""
        at = self._field(slot)
        return None if at is None else Table(self.data, at + _unpack(_U32, self.data, at))

    def vector(self, slot: int, item_bytes: int) -> Vector | None:
        """Return where a vector's elements are, having checked that they fit in the file."""
        at = self._field(slot)
        if at is None:
            return None
        at += _unpack(_U32, self.data, at)
        length = _unpack(_U32, self.data, at)
        if at + 4 + length * item_bytes > len(self.data):
            raise Damaged(f"a vector of {length} elements at offset {at} runs past the end")
        return Vector(at + 4, length)

    def array(self, slot: int, dtype: str) -> NDArray[Any] | None:
        """Return a vector of numbers as a read-only view; `dtype` is little-endian, such as "<i4"."""
        where = self.vector(slot, np.dtype(dtype).itemsize)
        if where is None:
            return None
        return np.frombuffer(self.data, dtype, count=where.length, offset=where.start)

    def tables(self, slot: int) -> tuple[Table, ...] | Tables:
        """Return a vector of tables, each located only when asked for."""
        where = self.vector(slot, 4)
        return () if where is None else Tables(self.data, where)

    def text(self, slot: int) -> str:
        """Return a string, "" where absent; its beginning and an ellipsis where it is longer than LONGEST_TEXT.

        Bytes that are not UTF-8 are replaced.
        """
        where = self.vector(slot, 1)
        if where is None:
            return ""
        kept = min(where.length, LONGEST_TEXT)
        # Many tables may share one string: a small file could claim gigabytes of them.
        text = self.data[where.start : where.start + kept].decode("utf-8", errors="replace")
        return text if kept == where.length else f"{text}..."


@dataclass(frozen=True)
class Tables:
    """A vector of tables."""

    data: bytes
    where: Vector

    def __len__(self) -> int:
        return self.where.length

    def __getitem__(self, index: int) -> Table:
        if not 0 <= index < self.where.length:
            raise Damaged(f"index {index} into a list of {self.where.length}")
        at = self.where.start + 4 * index
        return Table(self.data, at + _unpack(_U32, self.data, at))


def _unpack(form: struct.Struct, data: bytes, at: int) -> int:
    if at < 0 or at + form.size > len(data):
        raise Damaged(f"an offset leads to {at}, outside the file's {len(data)} bytes")
    value: int = form.unpack_from(data, at)[0]
    return value
