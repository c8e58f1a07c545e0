"""Recorded facts, each declared once: its name, type, unit and meaning are one line of a `Record`.

Documents are encoded from these declarations and decoded by them; their JSON Schema and the tables of their pages are
made of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar, dataclass_transform

import msgspec
from msgspec import Meta

from tinysine.errors import ConfigError

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Words = Annotated[str, Meta(min_length=1)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Time = Annotated[str, Meta(extra_json_schema={"pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"})]
Size = Annotated[float, Meta(ge=0)]  # how large something is: a real number that is not negative
Distance = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]
Number = int | float
# JSON has no other words for floats that are not finite.
Value = int | float | Literal["NaN", "Infinity", "-Infinity"]
Inference = Annotated[tuple[Value, ...], Meta(min_length=1)]  # all numbers that go in, or come out, at once
Dtype = Annotated[str, Meta(extra_json_schema={"enum": ["int8", "uint8", "int16", "float32"]})]

_NOT_WRITTEN_SO = re.compile(r" - at `\$\.?(.*)`$")

T = TypeVar("T", bound="Record")


class Told(StrEnum):
    """Words of which each has a meaning, declared beside it.

    Attributes:
        meaning: a sentence without its full stop, in Markdown.
    """

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Self:
        """Make a word of its meaning."""
        made = str.__new__(cls, word)
        made._value_ = word
        made.meaning = meaning
        return made


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """Facts that are written down.

    A field that has its default is not written: absent means not measured, or that it does not apply. What is always
    written has no default, or one by `always`.
    """


AS_UNIT = "as `unit` says"  # the unit of figures that have it in a field beside them


Better = Literal["", "lower", "higher"]


class Trend(NamedTuple):
    """A figure that is compared from night to night.

    Attributes:
        column: its place in the table, from 1.
        heading: of the column.
        name: "" for that of the field.
    """

    column: int
    heading: str
    name: str = ""


def fact(description: str, *, unit: str = "", trend: Trend | None = None, better: Better = "") -> Meta:
    """Say what a field means.

    Args:
        description: a sentence without its full stop.
        unit: of the figure; "" for what has none.
        trend: its column in the table of a night; None for a figure that is in none.
        better: which way the figure improves. Such figures are kept in the history and compared from run to run; ""
            for what is neither good nor bad.
    """
    schema = {"unit": unit} if unit else None
    extra = {"unit": unit, "trend": trend, "better": better}
    return Meta(description=description, extra_json_schema=schema, extra=extra)


def always(value: Any) -> Any:
    """Give a field a default that is written nevertheless: documents of earlier versions may not have it."""
    return msgspec.field(default_factory=lambda: value)


def narrowed(value: object, kind: type[T]) -> T:
    """Return the part of a value that is recorded.

    Args:
        value: an instance of a subclass, or anything with its attributes.
        kind: the record.
    """
    # Not converted by msgspec, which would check values that come from nowhere but this program.
    return kind(**{name: getattr(value, name) for name in kind.__struct_fields__})


def to_json(record: Record) -> dict[str, Any]:
    """Turn a record into plain JSON values."""
    values: dict[str, Any] = plain(msgspec.to_builtins(record, enc_hook=_item))
    return values


def from_json(document: Mapping[str, Any], kind: type[T], *, file: Path | str) -> T:
    """Turn JSON values into a record. Fields that later versions have added are passed over.

    Raises:
        ConfigError: they do not fit; facts file and key.
    """
    try:
        return msgspec.convert(document, kind)
    except UnicodeEncodeError as error:  # half a character where a number or a word of a list ought to be
        raise ConfigError(
            f"{file} is no such document: {error.object[:40]!r} is no text",
            hint="it was changed by hand, or another version of tinysine wrote it",
            file=str(file),
        ) from error
    except msgspec.ValidationError as error:
        said, key = str(error), ""
        if found := _NOT_WRITTEN_SO.search(said):
            said, key = said[: found.start()], found[1]
        where = f"{key}: " if key else ""
        raise ConfigError(
            f"{file} is no such document: {where}{said[:1].lower()}{said[1:]}",
            hint="it was changed by hand, or another version of tinysine wrote it",
            file=str(file),
            key=key,
        ) from error


def _item(value: Any) -> Any:
    """A scalar of numpy's as Python's own."""
    return value.item()


def plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become the strings "NaN", "Infinity" and "-Infinity". Nor has it tuples."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
