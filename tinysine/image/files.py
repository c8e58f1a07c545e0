"""An image on disk: the ELF file, the raw binary, and a JSON beside them that says what they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from tinysine.boards import board_from_table
from tinysine.errors import ConfigError, TinysineError
from tinysine.image.engines import GENERATED
from tinysine.image.toolchain import Toolchain
from tinysine.image.values import Image, ImageSizes
from tinysine.outside_json import read_json_object
from tinysine.quantization import Rounding
from tinysine.regular_files import read_regular
from tinysine.whole_files import write_whole

SCHEMA = 3


def description_path(elf: Path) -> Path:
    """Return the path of an ELF file's description: nano.elf is described by nano.json."""
    return elf.with_suffix(".json")


def save_image(image: Image) -> Path:
    """Write the image's description beside its ELF file.

    Returns:
        the path of the JSON file.
    Raises:
        ConfigError: the folder cannot be written.
    """
    table = _to_table(image)
    table["digest"] = _digest(table)
    path = description_path(image.elf)
    write_whole(path, (json.dumps(table, indent=2) + "\n").encode())
    return path


def load_image(path: str | os.PathLike[str]) -> Image:
    """Read an image back from its ELF file and the description beside it.

    Raises:
        ConfigError: a file is missing or unreadable; the description is not one, was edited, or describes
            another ELF file or binary.
    """
    elf = Path(path)
    described = description_path(elf)
    if elf == described:
        raise ConfigError(f"{elf} is the description of an image", hint="name the ELF file", file=str(elf))
    content = _read(elf, "image")
    try:
        table = read_json_object(_read(described, "description of the image"))
        digest = table.pop("digest")
        intact = digest == _digest(table)
        image = _from_table(table, elf)
    except (ValueError, KeyError, TypeError, AttributeError, TinysineError) as error:
        if isinstance(error, ConfigError) and error.facts.get("file") == str(described):
            raise
        raise ConfigError(
            f"{described} does not describe an image: {error}", hint="build it again", file=str(described)
        ) from error
    if not intact:
        raise ConfigError(f"{described} was edited", hint="build the image again", file=str(described))
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise ConfigError(
            f"{elf} is not the file that {described.name} describes", hint="build it again", file=str(elf)
        )
    if image.binary is not None and _sha256(_read(image.binary, "binary")) != table["binary_sha256"]:
        raise ConfigError(
            f"{image.binary} is not the file that {described.name} describes",
            hint="build it again",
            file=str(image.binary),
        )
    return image


def copy_image(image: Image, folder: Path) -> Image:
    """Copy an image's files into a folder, named for the board, and give back the image there.

    Raises:
        ConfigError: the folder cannot be written.
    """
    stem = image.board.file_name
    elf = folder / f"{stem}.elf"
    binary = None if image.binary is None else folder / f"{stem}.bin"
    write_whole(elf, image.elf.read_bytes(), executable=image.board.core == "host")
    if image.binary is not None and binary is not None:
        write_whole(binary, image.binary.read_bytes())
    copied = dataclasses.replace(image, elf=elf, binary=binary)
    save_image(copied)
    return copied


def _to_table(image: Image) -> dict[str, Any]:
    table = dataclasses.asdict(image)
    table["board"] = to_builtins(image.board)
    table["schema"] = SCHEMA
    table["elf"] = image.elf.name
    table["binary"] = None if image.binary is None else image.binary.name
    table["binary_sha256"] = None if image.binary is None else _sha256(_read(image.binary, "binary"))
    table["build_id"] = image.build_id.hex()
    return table


def _from_table(table: dict[str, Any], elf: Path) -> Image:
    if table["schema"] != SCHEMA:
        raise ValueError(f"schema {table['schema']!r}, this version reads {SCHEMA}")
    facts = {key: value for key, value in table["board"].items() if value is not None}
    for name in ("model_sha256", "build_id", "rounding", "optimize", "sha256", "engine"):
        _demand(table, name, str)
    _demand(table, "binary", str, type(None))
    _demand(table, "prune", bool)
    # Only the generated engine's arena is always known here.
    _demand(table, "arena_bytes", int, *(() if table["engine"] == GENERATED else (type(None),)))
    _demand(table, "stack_bytes", int)
    _demand(table, "stack_bound_bytes", int, type(None))
    toolchain, sizes = table["toolchain"], table["sizes"]
    for kind, inner, type_ in ((Toolchain, toolchain, str), (ImageSizes, sizes, int)):
        for field in dataclasses.fields(kind):
            _demand(inner, field.name, type_)
    return Image(
        elf=elf,
        binary=None if table["binary"] is None else elf.with_name(table["binary"]),
        board=board_from_table(facts, file=description_path(elf)),
        model_sha256=table["model_sha256"],
        build_id=bytes.fromhex(table["build_id"]),
        rounding=Rounding(table["rounding"]),
        optimize=table["optimize"],
        prune=table["prune"],
        toolchain=Toolchain(**toolchain),
        sha256=table["sha256"],
        sizes=ImageSizes(**sizes),
        arena_bytes=table["arena_bytes"],
        stack_bytes=table["stack_bytes"],
        stack_bound_bytes=table["stack_bound_bytes"],
        engine=table["engine"],
    )


def _demand(table: dict[str, Any], name: str, *types: type) -> None:
    """Demand a value of one of some types, of which none is another one's: True is no number."""
    if type(table[name]) not in types:
        raise TypeError(f"{name} is {table[name]!r}")


def _digest(table: dict[str, Any]) -> str:
    return _sha256(json.dumps(table, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(path: Path, what: str) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise ConfigError(
            f"the {what} {path} cannot be read: {error.strerror or error}",
            hint="`tinysine build` writes an image with its description",
            file=str(path),
        ) from error
