"""TOML that somebody wrote by hand: decoded into frozen values whose fields are the schema, or refused in one line."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, inspect

from tinysine.errors import ConfigError, unknown_name
from tinysine.regular_files import read_regular

MOST_BYTES = 1 << 20  # a board file has a few thousand
_LONGEST = 200
_SAID = re.compile(r"(.*?)(?: - at (?:`key` in )?`\$\.?(.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_PART = re.compile(r"\.?([^.[\]]+)|\[(?:(\d+)|\.\.\.)\]")
_WORDS: dict[type, str] = {
    inspect.StrType: "a text",
    inspect.IntType: "a whole number",
    inspect.BoolType: "true or false",
}

Text = Annotated[str, Meta(min_length=1, description="a text")]
Words = Annotated[str, Meta(min_length=1)]  # in a list, which says what they are
T = TypeVar("T")


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a TOML file. `Meta(description=...)` of a field completes the sentence "which is not"."""


def read_toml(file: Path, *, what: str, hint: str = "") -> dict[str, Any]:
    """A TOML file as a table.

    Args:
        what: the file is, for people.
        hint: where it says how such a file is written.
    Raises:
        ConfigError: it cannot be read, or is no TOML; fact `file`.
    """
    try:
        return tomllib.loads(read_regular(file, most_bytes=MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the {what} {file}: {error.strerror or error}", file=str(file)
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{file} is not TOML: nested too deeply", hint=hint, file=str(file)) from error
    except (
        ValueError
    ) as error:  # bytes that are no text, numbers of thousands of digits, and what tomllib calls so
        raise ConfigError(f"{file} is not TOML: {error}", hint=hint, file=str(file)) from error


def decode_table(
    table: Mapping[str, Any],
    kind: type[T],
    *,
    file: Path,
    named: str = "",
    hint: str = "",
    prose: tuple[str, ...] = (),
) -> T:
    """Return what a TOML table says, as a value of `kind`, a `Table`.

    Args:
        table: as `read_toml` gives it.
        file: where it is from.
        named: the file in messages; "" for its path.
        hint: where it says how such a file is written.
        prose: keys whose texts may have several lines.
    Raises:
        ConfigError: an unknown key or choice (with the nearest), a missing key, a value of the wrong type or out of
            range, a text that cannot be printed; facts file, key, and allowed or nearest.
    """
    named = named or str(file)
    try:
        value = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), table, kind, named=named, hint=hint, file=str(file)) from error
    for key, text in _texts(table, ""):
        if not text.isprintable() and key.partition(".")[0] not in prose:
            message = f"{named}: {key} is {shown(text)}, with characters that cannot be printed"
            raise ConfigError(message, hint=hint, file=str(file), key=key)
    return value


def shown(value: object) -> str:
    """A value of a TOML file as a message has it: not longer than anybody reads."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number beyond all bounds"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class _Step(NamedTuple):
    """One part of the way from a whole table to a value in it.

    Attributes:
        key: the way so far, dotted.
        kind: the type that its field declares, as msgspec describes it.
        words: the description of the field; "" where it has none.
    """

    key: str
    value: Any
    kind: Any
    words: str


def _refusal(
    said: str, table: Mapping[str, Any], kind: type, *, named: str, hint: str, file: str
) -> ConfigError:
    """Return msgspec's complaint in this project's words: which key, what it is, what is allowed."""
    match = _SAID.fullmatch(said)
    assert match is not None
    *above, last = _walk(table, kind, match[2] or "")
    if unknown := _UNKNOWN.fullmatch(match[1]):
        key = f"{last.key}.{unknown[1]}".removeprefix(".")
        known = [field.encode_name for field in last.kind.fields]
        return unknown_name(f"{named}: unknown key {key!r}", unknown[1], known, file=file, key=key)
    if missing := _MISSING.fullmatch(match[1]):
        key = f"{last.key}.{missing[1]}".removeprefix(".")
        return ConfigError(f"{named}: {key} is missing", hint=hint, file=file, key=key)
    what = f"{named}: {last.key} is {shown(last.value)}"
    if isinstance(last.kind, inspect.LiteralType) and isinstance(last.value, str):
        allowed = [str(choice) for choice in last.kind.values]
        return unknown_name(what, last.value, allowed, file=file, key=last.key)
    # A list that says what it holds is told whole.
    of_list = itertools.takewhile(lambda step: not isinstance(step.kind, inspect.StructType), reversed(above))
    step = next((step for step in of_list if step.words), last)
    if step is last and isinstance(last.kind, inspect.IntType) and type(last.value) is int:
        bounds = f"a whole number from {last.kind.ge} to {last.kind.le}"
        message = f"{what}, out of range: {bounds} is allowed"
        return ConfigError(message, hint=hint, file=file, key=last.key, allowed=bounds)
    words = step.words or _WORDS.get(type(step.kind), "a table")
    message = f"{named}: {step.key} is {shown(step.value)}, which is not {words}"
    return ConfigError(message, hint=hint, file=file, key=step.key, allowed=words)


def _walk(table: Mapping[str, Any], kind: type, path: str) -> list[_Step]:
    """The way to the value at a path of msgspec's, such as board[0].port; to the table that holds it where that may
    have any keys, of which msgspec names none.
    """
    steps = [_Step("", table, inspect.type_info(kind), "")]
    for found in _PART.finditer(path):
        key, value, above, _ = steps[-1]
        name, number = found[1], found[2]
        of: Any
        if isinstance(above, inspect.StructType):
            of = next(field.type for field in above.fields if field.encode_name == name)
            key, value = f"{key}.{name}".removeprefix("."), value[name]
        elif number is not None:
            items = getattr(above, "item_types", None)
            of = getattr(above, "item_type", None) if items is None else items[int(number)]
            key, value = f"{key}[{number}]", value[int(number)]
        else:
            of = getattr(above, "value_type", None)
            if not isinstance(of, inspect.StructType):
                break
            name = next(name for name, inner in value.items() if not _is_of(inner, of.cls))
            key, value = f"{key}.{name}", value[name]
        words = ""
        if isinstance(of, inspect.Metadata):
            words = (of.extra_json_schema or {}).get("description", "")
            of = of.type
        if isinstance(of, inspect.UnionType):
            of = of.types[0]
        steps.append(_Step(key, value, of, words))
    return steps


def _is_of(value: object, kind: type) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a table and its key, dotted."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, f"{key}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{key}[{number}]")
