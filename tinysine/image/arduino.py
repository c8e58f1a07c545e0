"""The firmware and a model's engine as an Arduino sketch: every file in its folder, nothing needed from outside."""

from __future__ import annotations

import posixpath
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinysine import __version__
from tinysine.boards import ARDUINO, AVR, Board, load_board
from tinysine.errors import BuildError, ConfigError, ImageTooLarge
from tinysine.image.cache import digest_of
from tinysine.image.room import check_least
from tinysine.image.sources import firmware_root
from tinysine.image.values import ForeignBuild
from tinysine.quantization import Rounding
from tinysine.settings import Optimize

if TYPE_CHECKING:
    from tinysine.graph import Network

ENGINE_FILE = "src/engine_plain.c"  # what every core without dual multiply-accumulate runs
DSP_ENGINE_FILE = "src/engine_dsp.c"
BUILD_ID_FILE = "src/link/build_id.c"
SKETCH_NAME = "firmware"  # of one that nobody has named
_CONFIG_FILE = "src/config.h"
_CORES = {
    ENGINE_FILE: (AVR, "!defined(__ARM_FEATURE_DSP)"),
    DSP_ENGINE_FILE: ("cortex-m4", "defined(__ARM_FEATURE_DSP)"),
}

# Arduino's sketch specification; a name also becomes a file's.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}(?<!\.)")
_INCLUDE = re.compile(r'^(\s*#\s*include\s+)"([^"]+)"', re.MULTILINE)
# What Arduino's build calls a board, and what the catalogue calls it.
_BOARD_NAMES = {"ARDUINO_AVR_UNO": "arduino-uno", "ARDUINO_ARDUINO_NANO33BLE": "nano33ble-usb"}
_OTHER_BOARD = "arduino"
_REFERENCES = {
    Rounding.LITERT: "LiteRT's",
    Rounding.TFLM: "TensorFlow Lite Micro's",
    Rounding.TFLM_FLOAT32: "TensorFlow Lite Micro's on a device",
}


@dataclass(frozen=True)
class Sketch:
    """A model's engine and the firmware around it, for whatever compiles it.

    Attributes:
        files: text by path below the sketch's folder, in an order that never changes.
        build_id: 16 bytes that name the sources, the model and the settings, but no compiler: the device reports
            them as they were when it was exported, whatever was edited since.
        arena_bytes: planned for the engine, for each of those among which the core chooses.
    """

    files: dict[str, str]
    build_id: bytes
    arena_bytes: tuple[int, ...]


def check_sketch_name(name: str) -> None:
    """Demand that a folder's name is one that Arduino takes for a sketch.

    Raises:
        ConfigError: it is not.
    """
    if not _NAME.fullmatch(name):
        better = re.sub(r"[^A-Za-z0-9_.-]", "_", name).strip(".-")[:63] or "sine"
        raise ConfigError(
            f"Arduino takes no sketch named {name!r}",
            hint=f"letters, digits, dots, dashes and underscores, at most 63, such as {better}",
            key="DIR",
            nearest=better,
        )


def make_sketch(
    model: Network,
    *,
    name: str = SKETCH_NAME,
    rounding: Rounding,
    optimize: Optimize,
    prune: bool,
    root: Path | None = None,
) -> Sketch:
    """Everything that is in a sketch folder.

    Args:
        model: the network.
        name: of the sketch, which is its folder's; its build id is the same under any name.
        rounding, optimize, prune: of the engine.
        root: the firmware folder; the package's own by default.
    Raises:
        ConfigError: a name that Arduino does not take.
        ModelError: a model that cannot be generated.
        BuildError: the firmware's sources are missing or incomplete.
    """
    check_sketch_name(name)
    root = firmware_root() if root is None else root
    engines, arena_bytes = _engines(model, rounding=rounding, optimize=optimize, prune=prune)
    files = _sources(root, engines)
    main = _read(root / "arduino" / "sketch.ino")
    parts = {**files, "sketch.ino": main, _CONFIG_FILE: _config(b"")}
    build_id = digest_of(model.sha256, *(part for pair in sorted(parts.items()) for part in pair))
    files[f"{name}.ino"] = main
    files["sketch.yaml"] = _read(root / "arduino" / "sketch.yaml")
    files[_CONFIG_FILE] = _config(build_id)
    files["README.md"] = string.Template(_read(root / "arduino" / "README.md")).substitute(
        name=name,
        reference=_REFERENCES[rounding],
        model_sha256=model.sha256,
        rounding=rounding.value,
        optimize=optimize + (", neurons proved constant left out" if prune else ""),
        build_id=build_id.hex(),
        version=__version__,
    )
    return Sketch(
        files=dict(sorted(files.items())),
        build_id=build_id,
        arena_bytes=arena_bytes,
    )


def shortage(
    model: Network, board: Board, *, rounding: Rounding, optimize: Optimize, prune: bool
) -> ImageTooLarge | None:
    """Return the reason why a model's sketch cannot fit a board, if it is known before Arduino's compiler runs.

    Raises:
        ModelError: a model that cannot be generated.
    """
    from tinysine.codegen import generate  # noqa: PLC0415  # only builds need it

    engine = generate(model, rounding=rounding, optimize=optimize, prune=prune, core=board.core)
    try:
        check_least(
            board,
            constant_bytes=sum(engine.constant_bytes),
            arena_bytes=engine.arena_bytes,
            buffer_bytes=sum(tensor.nbytes for tensor in (*model.inputs, *model.outputs)),
        )
    except ImageTooLarge as error:
        return error
    return None


def foreign_build(
    model: Network, board: Board, *, rounding: Rounding, optimize: Optimize, prune: bool
) -> ForeignBuild | None:
    """Return the report of a board that runs an exported sketch of a model; None for a board that runs no sketches.

    Raises:
        ModelError, BuildError: as `make_sketch`.
    """
    if not board.is_sketch:
        return None
    sketch = make_sketch(model, rounding=rounding, optimize=optimize, prune=prune)
    return ForeignBuild(board, model.sha256, sketch.build_id, rounding, optimize, prune, sketch.arena_bytes)


def _config(build_id: bytes) -> str:
    """config.h of a sketch whose board nobody knows yet: what differs is asked of the compiler."""
    uno, other = load_board("arduino-uno").limits, load_board(_OTHER_BOARD).limits
    names = "".join(
        f'{"#if" if i == 0 else "#elif"} defined({macro})\n#define TS_BOARD_NAME "{board}"\n'
        for i, (macro, board) in enumerate(_BOARD_NAMES.items())
    )
    return f"""\
/* Generated with the sketch. Do not edit. */
#ifndef TINYSINE_CONFIG_H
#define TINYSINE_CONFIG_H
{_build_id_line(build_id)}
{names}#else
#define TS_BOARD_NAME "{_OTHER_BOARD}"
#endif
#ifdef __AVR__
#define TS_PAYLOAD_BYTES {uno.payload_bytes}
#define TS_STACK_BYTES {uno.stack_bytes} /* what is painted and watched, from the end of RAM down */
#else
#define TS_PAYLOAD_BYTES {other.payload_bytes}
#define TS_STACK_BYTES {other.stack_bytes} /* unknown: Arduino does not tell where the stack is */
#endif
#endif
"""


def _build_id_line(build_id: bytes) -> str:
    return f"#define TS_BUILD_ID {{{', '.join(f'0x{byte:02x}' for byte in build_id)}}}"


def with_build_id(files: dict[str, str], build_id: bytes) -> dict[str, str]:
    """The files of a sketch that reports another build id than the one that it was made with."""
    config = re.sub(
        r"^#define TS_BUILD_ID .*$", _build_id_line(build_id), files[_CONFIG_FILE], flags=re.MULTILINE
    )
    return {**files, _CONFIG_FILE: config}


def _engines(
    model: Network, *, rounding: Rounding, optimize: Optimize, prune: bool
) -> tuple[dict[str, str], tuple[int, ...]]:
    """One engine for each kind of core, of which the compiler sees the one it needs; and the arena of each."""
    from tinysine.codegen import generate  # noqa: PLC0415  # only builds need it

    engines = {
        path: generate(model, rounding=rounding, optimize=optimize, prune=prune, core=core)
        for path, (core, _) in _CORES.items()
    }
    arenas = tuple(sorted({engine.arena_bytes for engine in engines.values()}))
    if len({engine.source for engine in engines.values()}) == 1:
        return {ENGINE_FILE: engines[ENGINE_FILE].source}, arenas
    files = {path: f"#if {_CORES[path][1]}\n{engine.source}#endif\n" for path, engine in engines.items()}
    return files, arenas


def _sources(root: Path, engines: dict[str, str]) -> dict[str, str]:
    """The engines, the firmware's own C and C++ files, and every header that any of them includes.

    Arduino's build has no include path into a sketch: each include is made relative to the file that it is in.
    """
    port = root / "ports" / ARDUINO
    units = [path for room in (root / "app", root / "link", port) for path in sorted(room.glob("*.c*"))]
    if not any(path.parent == port for path in units):
        raise _incomplete(root, f"ports/{ARDUINO}")
    files = {path: _read(path) for path in units}
    # The generated ones lie at the top of src/, as if they were at the top of the firmware folder.
    files |= {root / path.removeprefix("src/"): text for path, text in engines.items()}
    waiting = list(files.items())
    while waiting:
        path, text = waiting.pop()
        for header in _headers(root, path, text):
            if header not in files:
                files[header] = _read(header)
                waiting.append((header, files[header]))
    return {_place(root, path): _relative(root, path, text) for path, text in files.items()}


def _headers(root: Path, path: Path, text: str) -> Iterator[Path]:
    for match in _INCLUDE.finditer(text):
        if (header := _find(root, path, match[2])) is not None:
            yield header


def _find(root: Path, includer: Path, name: str) -> Path | None:
    """The file that an include names; None for config.h, which is generated."""
    if name == "config.h":
        return None
    for folder in (includer.parent, root / "include", root):
        if (folder / name).is_file():
            return Path(posixpath.normpath((folder / name).as_posix()))
    raise _incomplete(root, name)


def _place(root: Path, path: Path) -> str:
    """Return the path of a firmware file within a sketch."""
    return "src/" + path.relative_to(root).as_posix().removeprefix("include/")


def _relative(root: Path, path: Path, text: str) -> str:
    here = posixpath.dirname(_place(root, path))

    def replaced(match: re.Match[str]) -> str:
        header = _find(root, path, match[2])
        target = _CONFIG_FILE if header is None else _place(root, header)
        return f'{match[1]}"{posixpath.relpath(target, here)}"'

    return _INCLUDE.sub(replaced, text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _incomplete(path.parent, path.name) from error


def _incomplete(folder: Path, name: str) -> BuildError:
    return BuildError(
        f"the firmware's sources are incomplete: {folder} has no {name}",
        hint="install tinysine again",
        tool="",
        command="",
        output="",
    )
