"""JSON Schema and tables of a document, made of the declarations of its records."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from tinysine.record import Record, Told, Trend

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Json = dict[str, Any]


def schema_of(kind: type[Record], rules: Mapping[str, Json] | None = None) -> Json:
    """Return the JSON Schema of a document.

    Args:
        kind: of the document.
        rules: by name of a record, what else holds: between its fields, or of fields whose names are not declared.
            Its "required" adds to those that have no default.
    """
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    nullable = {
        field.kind.__name__ for field in fields_of(kind) if not field.kind.__struct_config__.omit_defaults
    }
    definitions = {name: _tidy(part, nulls=name in nullable) for name, part in parts.items()}
    for name, more in (rules or {}).items():
        definition = definitions.setdefault(name, {})
        required = [*definition.get("required", ()), *more.get("required", ())]
        definition |= more | ({"required": required} if required else {})
    document = definitions.pop(kind.__name__)
    title = document.pop("description")
    return {"$schema": DRAFT, **document, "title": title, "$defs": definitions}


def _tidy(part: Any, *, nulls: bool) -> Any:
    """The same in fewer words: no field is allowed that is not declared, and absent is not null.

    Args:
        nulls: what is not known is written, as null.
    """
    if isinstance(part, list):
        return [_tidy(item, nulls=nulls) for item in part]
    if not isinstance(part, dict):
        return part
    part = {
        key: {name: _tidy(field, nulls=nulls) for name, field in item.items()}
        if key == "properties"
        else _tidy(item, nulls=nulls)
        for key, item in part.items()
        if key != "default"
    }
    if "description" in part and "title" in part:
        part["description"] = part["description"].partition("\n\n")[0]
    if part.get("type") == "object" and "title" in part:
        part["additionalProperties"] = False
        del part["title"]
    if "anyOf" in part:
        choices = [choice for choice in part.pop("anyOf") if nulls or choice != {"type": "null"}]
        whole = [{**choice, "type": "integer"} for choice in choices if choice.get("type") == "number"]
        choices = [choice for choice in choices if choice not in whole]
        part |= choices[0] if len(choices) == 1 else {"anyOf": choices}
    return part


@dataclass(frozen=True)
class Field:
    """One field of a document.

    Attributes:
        path: names from the document down, such as ("outputs", "tensors", "[]", "name"); "[]" stands for each element
            of a list, "NAME" for each name of a table.
        kind: of the record that has it.
        value: what it holds, in a word or two.
        unit: "" for what has none.
        meaning: a sentence without its full stop.
        always: whether every document of this version has it.
        trend: its column in the table of a night, else None.
        better: which way a figure of the history improves, "lower" or "higher"; "" for what is no such figure.
    """

    path: tuple[str, ...]
    kind: type[msgspec.Struct]
    value: str
    unit: str
    meaning: str
    always: bool
    trend: Trend | None
    better: str

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path[-1]


@functools.cache
def fields_of(kind: type[msgspec.Struct]) -> tuple[Field, ...]:
    """Every field of a document, record by record, in the order of the document."""
    whole = inspect.type_info(kind)
    assert isinstance(whole, inspect.StructType)
    return tuple(_fields_of(whole, ()))


def _fields_of(record_type: inspect.StructType, above: tuple[str, ...]) -> Iterator[Field]:
    kind = record_type.cls
    inner: list[tuple[inspect.StructType, tuple[str, ...]]] = []
    for field in record_type.fields:
        told, value = _metadata_of(field.type)
        path = (*above, field.encode_name)
        records = list(_records(value))
        written = field.required or field.default_factory not in (msgspec.NODEFAULT, dict)
        yield Field(
            path=path,
            kind=kind,
            value=_in_words(value),
            unit=told.get("unit", ""),
            meaning=told.get("description", ""),
            always=written or not kind.__struct_config__.omit_defaults,
            trend=told.get("trend"),
            better=told.get("better", ""),
        )
        inner += [(record, (*path, *steps)) for record, steps in records]
    for record, path in inner:
        yield from _fields_of(record, path)


def _metadata_of(value: inspect.Type) -> tuple[Json, inspect.Type]:
    told: Json = {}
    while isinstance(value, inspect.Metadata):
        told = (value.extra_json_schema or {}) | (value.extra or {}) | told
        value = value.type
    return told, value


def _records(value: inspect.Type) -> Iterator[tuple[inspect.StructType, tuple[str, ...]]]:
    """The records in a value, and how to get to them."""
    _, value = _metadata_of(value)
    if isinstance(value, inspect.StructType):
        yield value, ()
    elif isinstance(value, inspect.UnionType):
        for choice in value.types:
            yield from _records(choice)
    elif isinstance(value, inspect.VarTupleType):
        for record, path in _records(value.item_type):
            yield record, ("[]", *path)
    elif isinstance(value, inspect.DictType):
        for record, path in _records(value.value_type):
            yield record, ("NAME", *path)


_WORDS = {
    inspect.AnyType: "anything",
    inspect.BoolType: "yes or no",
    inspect.DictType: "table",
    inspect.FloatType: "number",
    inspect.IntType: "integer",
    inspect.StrType: "text",
    inspect.StructType: "table",
    inspect.VarTupleType: "list",
}


def _in_words(value: inspect.Type) -> str:
    told, value = _metadata_of(value)
    if "enum" in told:
        return " or ".join(f"`{one}`" for one in told["enum"])
    if isinstance(value, inspect.LiteralType):
        return " or ".join(f"`{one}`" for one in value.values if one != "")
    if isinstance(value, inspect.EnumType):
        return "text"
    if isinstance(value, inspect.UnionType):
        words = [_in_words(choice) for choice in value.types if not isinstance(choice, inspect.NoneType)]
        known = dict.fromkeys(word for word in words if not (word == "integer" and "number" in words))
        return " or ".join(known)
    return _WORDS[type(value)]


def table_of(kind: type[msgspec.Struct], fields: Sequence[Field]) -> str:
    """Return the fields of one record as a table in Markdown."""
    rows = ["| field | value | unit | |", "|---|---|---|---|"]
    for field in fields:
        if field.kind is kind:
            value = field.value if field.always else f"{field.value}, or absent"
            rows.append(f"| `{field.name}` | {value} | {field.unit} | {field.meaning} |")
    return "\n".join(dict.fromkeys(rows))


def table_of_words(words: type[Told], word: str, meaning: str) -> str:
    """Return words and what they mean as a table in Markdown.

    Args:
        word, meaning: headings.
    """
    return "\n".join(
        [f"| {word} | {meaning} |", "|---|---|", *(f"| `{one}` | {one.meaning} |" for one in words)]
    )


def tables_of(kind: type[Record]) -> str:
    """Return the tables of all records in a document in Markdown, each with its place and what it is."""
    fields = fields_of(kind)
    places: dict[type, list[str]] = {}
    for field in fields:
        where = ".".join(field.path[:-1]).replace(".[]", "[]")
        if where not in places.setdefault(field.kind, []):
            places[field.kind].append(where)
    parts = []
    for record, found in places.items():
        if record is not kind:
            about = (record.__doc__ or "").partition("\n\n")[0]
            title = ", ".join(f"`{place}`" for place in found)
            parts.append(f"### {title}\n\n{about}\n\n{table_of(record, fields)}")
    return "\n\n".join(parts)
