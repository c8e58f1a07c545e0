"""An engine of the user's: a folder with engine.toml, read and checked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tinysine.boards.toml_file import Table, Words, decode_table, read_toml
from tinysine.errors import ConfigError
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.regular_files import read_regular
from tinysine.settings import ENGINE, Reference

GENERATED = ENGINE.default  # the engine that tinysine generates
ENGINE_FILE = "engine.toml"
SEARCH = "search"  # in place of the bytes of an arena
C_ENDINGS = (".c",)
CPP_ENDINGS = (".cc", ".cpp", ".cxx")
SOURCE_ENDINGS = (*C_ENDINGS, *CPP_ENDINGS)
HEADER_ENDINGS = (".h", ".hh", ".hpp", ".hxx", ".inc", ".inl")
OUT = "{out}"  # the folder that an engine's command writes to
_RECIPES = Path(__file__).parent / "recipes"
_PAGE = "docs/your-engine.md shows one"
_MOST_FILE_BYTES = 256 << 20

Name = Annotated[
    str, Meta(pattern=r"\A[!-~]{1,15}\Z", description="1 to 15 printable characters without a space")
]
Bytes = Annotated[int, Meta(ge=1, le=1 << 30)]


def _list(what: str) -> Meta:
    return Meta(description=f"a list of {what}")


class _Table(Table, frozen=True):
    """engine.toml as it is written."""

    name: Name
    sources: Annotated[tuple[Words, ...], _list("files")] = ()
    include: Annotated[tuple[Words, ...], _list("folders")] = ()
    defines: Annotated[dict[Words, str | int | bool], Meta(description="a table of names and values")] = (
        msgspec.field(default_factory=dict)
    )
    flags: Annotated[tuple[Words, ...], _list("a compiler's options")] = ()
    libraries: Annotated[tuple[Words, ...], _list("files")] = ()
    link: Annotated[tuple[Words, ...], _list("names of libraries")] = ()
    generate: Annotated[tuple[Words, ...], _list("a program and its arguments")] = ()
    arena_bytes: Annotated[
        Bytes | Literal["search"] | None, Meta(description='a number of bytes, or "search"')
    ] = None
    stack_bytes: Bytes | None = None
    layers: bool = False
    variables: Annotated[dict[Words, Words], Meta(description="a table of names and what they name")] = (
        msgspec.field(default_factory=dict)
    )
    references: Annotated[tuple[Reference, ...], Meta(min_length=1, description="a list of references")] = (
        "litert",
        "tflm",
    )


@dataclass(frozen=True)
class Engine:
    """An engine that implements firmware/include/tinysine/engine.h, as its engine.toml describes it.

    Attributes:
        name: for people and for the evidence.
        folder: where engine.toml is.
        sources: C and C++ files.
        include: folders of headers.
        generated_include: further ones, relative to the folder that its command writes to.
        defines: preprocessor names and their values.
        flags: of the compiler, for each of its files.
        libraries: archives and objects to link.
        link: names of system libraries, such as "m".
        generate: the command that writes sources; empty for none. {python}, {model} and {out} stand for this
            Python, the .tflite file, and the folder to write to; {core} for the board's core.
        arena_bytes: of the arena that the firmware gives it; None where it has its own, or needs none, or before the
            search.
        arena_search: the least that it starts with is searched; see tinysine.verify.build_firmware.
        stack_bytes: the most that one inference takes, by its maker's word; None where nobody says.
        references: those whose answers it can give.
        layers: it shows what its layers held: it defines ts_engine_layer_output.
    """

    name: str
    folder: Path
    sources: tuple[Path, ...] = ()
    include: tuple[Path, ...] = ()
    generated_include: tuple[str, ...] = ()
    defines: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()
    libraries: tuple[Path, ...] = ()
    link: tuple[str, ...] = ()
    generate: tuple[str, ...] = ()
    arena_bytes: int | None = None
    arena_search: bool = False
    stack_bytes: int | None = None
    references: tuple[Rounding, ...] = INTERPRETED
    layers: bool = False

    def require(self, rounding: Rounding) -> None:
        """Demand that it can give a reference's answers.

        Raises:
            ConfigError: its engine.toml names others.
        """
        if rounding not in self.references:
            names = [reference.value for reference in self.references]
            raise ConfigError(
                f"the engine {self.name} answers as {' or '.join(names)}, not as {rounding.value}",
                hint=f"--reference {names[0]}",
                key="reference",
                allowed=tuple(names),
            )

    def parts(self) -> Iterator[str | bytes]:
        """Everything that it names itself, for a build id; what it generates and includes is not among it.

        Raises:
            ConfigError: a file cannot be read any more.
        """
        yield from (self.name, repr(self.defines), repr(self.flags), repr(self.link), repr(self.generate))
        yield from (repr(self.arena_bytes), repr(self.stack_bytes), repr(self.generated_include))
        for path in (*self.sources, *self.libraries):
            yield os.path.relpath(path, self.folder)
            yield _content(path)


def choose_engine(choice: str) -> Engine | None:
    """The engine that was asked for; None for the generated one.

    Args:
        choice: "generated", the name of a recipe that comes with tinysine, or a folder with engine.toml.
    Raises:
        ConfigError: no such folder, or its engine.toml is not one; facts file and key.
    """
    if choice == GENERATED:
        return None
    return read_engine(_RECIPES / choice if choice in recipes() else choice)


def recipes() -> tuple[str, ...]:
    """The names of the engines that tinysine has a folder for."""
    return tuple(sorted(file.parent.name for file in _RECIPES.glob(f"*/{ENGINE_FILE}")))


def read_engine(folder: str | os.PathLike[str]) -> Engine:
    """Read an engine's folder.

    Raises:
        ConfigError: no such folder, no engine.toml, an unknown key, a wrong type, or a file that is missing.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise ConfigError(
            f"there is no engine {os.fspath(folder)!r}: no such folder",
            hint=f"{', '.join((GENERATED, *recipes()))}, or a folder with {ENGINE_FILE}; {_PAGE}",
            key=ENGINE.name,
        )
    file = root / ENGINE_FILE
    if not file.is_file():
        raise ConfigError(f"the folder {root} has no {ENGINE_FILE}", hint=_PAGE, file=str(file))
    told = read_toml(file, what="description of an engine", hint=_PAGE)
    table = decode_table(told, _Table, file=file, hint=_PAGE, prose=("variables",))
    if not table.sources and not table.generate:
        raise _wrong(file, "sources", "names no source, and there is no command that generates any")
    own = [name for name in table.include if not name.startswith(OUT)]
    return Engine(
        name=table.name,
        folder=root,
        sources=tuple(_sources(root, table, file)),
        include=tuple(_paths(root, own, table, file, "include", folders=True)),
        generated_include=tuple(
            name.removeprefix(OUT).lstrip("/") for name in table.include if name not in own
        ),
        defines=tuple((name, _defined(value)) for name, value in sorted(table.defines.items())),
        flags=tuple(table.flags),
        libraries=tuple(_paths(root, table.libraries, table, file, "libraries")),
        link=tuple(table.link),
        generate=tuple(table.generate),
        arena_bytes=table.arena_bytes if isinstance(table.arena_bytes, int) else None,
        arena_search=table.arena_bytes == SEARCH,
        stack_bytes=table.stack_bytes,
        references=tuple(dict.fromkeys(map(Rounding, table.references))),
        layers=table.layers,
    )


def _wrong(file: Path, key: str, said: str) -> ConfigError:
    return ConfigError(f"{file}: {key}: {said}", hint=_PAGE, file=str(file), key=key)


def _sources(root: Path, table: _Table, file: Path) -> Iterator[Path]:
    for path in _paths(root, table.sources, table, file, "sources"):
        if path.suffix not in SOURCE_ENDINGS:
            raise _wrong(
                file, "sources", f"{path.name} is neither C ({', '.join(C_ENDINGS)}) nor C++"
                f" ({', '.join(CPP_ENDINGS)})"
            )  # fmt: skip
        yield path


def _paths(
    root: Path, names: Iterable[str], table: _Table, file: Path, key: str, *, folders: bool = False
) -> Iterator[Path]:
    """Files or folders, relative to the engine's own; $NAME in them stands for a variable of the environment.

    A variable may name several folders, separated as those in PATH are, and relative to where the command was given.
    """
    for name in names:
        expanded = os.path.expandvars(name)
        for part in expanded.split(os.pathsep) if folders and "$" in name else (expanded,):
            path = (Path.cwd() if name.startswith("$") else root) / part
            if part and (path.is_dir() if folders else path.is_file()):
                yield path
            else:
                raise _missing(name, path, table, file, key=key, folder=folders)


def _missing(name: str, path: Path, table: _Table, file: Path, *, key: str, folder: bool) -> ConfigError:
    """The error for a file or folder that is not there; what a variable has to name is told, where it is known."""
    what = "folder" if folder else "file"
    for variable in re.findall(r"\$\{?(\w+)", name):
        found = f"names {path}, and there is no such {what}" if os.environ.get(variable) else "is not set"
        told = table.variables.get(variable)
        meant = f"it names {told}" if told else f"{file} uses it in {key}"
        return ConfigError(
            f"the engine {table.name} needs the variable {variable}, which {found}",
            hint=meant,
            file=str(file),
            key=variable,
        )
    return _wrong(file, key, f"there is no {what} {path}")


def _defined(value: str | int | bool) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, most_bytes=_MOST_FILE_BYTES)
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror or error}", file=str(path), hint="an engine needs it"
        ) from error
