"""A sketch on disk: written whole, and written over only where nobody has changed it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from tinysine import __version__
from tinysine.errors import ConfigError
from tinysine.image.arduino import check_sketch_name, make_sketch
from tinysine.outside_json import read_json_file
from tinysine.quantization import Rounding
from tinysine.regular_files import read_regular
from tinysine.settings import Optimize
from tinysine.whole_files import draft_beside, unwritable, write_whole

if TYPE_CHECKING:
    from tinysine.graph import Network

MANIFEST = "tinysine-sketch.json"
SCHEMA = "tinysine-sketch/1"


@dataclass(frozen=True)
class ExportedSketch:
    """A sketch that was written.

    Attributes:
        folder: absolute.
        main: the .ino file, which the Arduino IDE opens.
        files: all of them, in order, the list of them itself last.
    """

    folder: Path
    main: Path
    files: tuple[Path, ...]


def export_sketch(
    model: Network,
    folder: Path,
    *,
    rounding: Rounding = Rounding.LITERT,
    optimize: Optimize = "speed",
    prune: bool = False,
) -> ExportedSketch:
    """Write an Arduino sketch that holds a model's engine and the firmware around it.

    Args:
        folder: of the sketch, which has its name; made if need be. One that an earlier export filled is renewed,
            and what else lies in it is left alone.
        rounding, optimize, prune: of the engine.
    Raises:
        ConfigError: a name that Arduino does not take; a folder that cannot be written, that holds something else,
            or whose files were edited. Nothing was written then.
        ModelError: a model that cannot be generated.
        BuildError: the firmware's sources are missing.
    """
    folder = folder.absolute().resolve()
    check_sketch_name(folder.name)
    earlier = _earlier_files(folder)
    sketch = make_sketch(model, name=folder.name, rounding=rounding, optimize=optimize, prune=prune)
    contents = {path: text.encode() for path, text in sketch.files.items()}
    _check_unclaimed(folder, contents, earlier)
    contents[MANIFEST] = _manifest(contents, model.sha256, rounding, optimize, prune=prune)
    if folder.exists():
        _renew(folder, contents, earlier)
    else:
        _create(folder, contents)
    files = tuple(folder / path for path in contents)
    return ExportedSketch(folder=folder, main=folder / f"{folder.name}.ino", files=files)


def _earlier_files(folder: Path) -> dict[str, str]:
    """SHA-256 by path of what an earlier export has written there; empty where there is nothing yet."""
    try:
        if not any(folder.iterdir()):
            return {}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        manifest = read_json_file(folder / MANIFEST)
        if manifest["schema"] == SCHEMA:
            files = {str(path): str(digest) for path, digest in manifest["files"].items()}
            if all(_is_inside(folder, path) for path in files):
                return files
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ConfigError(
        f"{folder} is not empty, and was not written by this command",
        hint="name a new folder; the sketch will have its name",
        file=str(folder),
        key="DIR",
    )


def _is_inside(folder: Path, path: str) -> bool:
    """Tell whether a path of a manifest is a file inside the folder: listed files may be removed.

    Raises:
        OSError, ValueError: no path on this computer.
    """
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or PurePosixPath(path).is_absolute() or PureWindowsPath(path).anchor:
        return False
    found = folder / path
    return found.resolve().is_relative_to(folder) and not found.is_dir()


def _check_unclaimed(folder: Path, contents: dict[str, bytes], earlier: dict[str, str]) -> None:
    """Demand that nothing is lost: each file to be replaced or removed is as the earlier export left it."""
    for path in sorted({*contents, *earlier}):
        try:
            found = _sha256(read_regular(folder / path))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise unwritable(folder / path, error) from error
        if found != earlier.get(path) and (path not in contents or found != _sha256(contents[path])):
            raise ConfigError(
                f"{folder / path} was changed since it was exported, or is somebody else's",
                hint="move it away, or name a new folder; nothing was written",
                file=str(folder / path),
                key="DIR",
            )


def _create(folder: Path, contents: dict[str, bytes]) -> None:
    """Make the folder in one step: nobody ever sees half a sketch."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_beside(folder)
        draft.mkdir(mode=0o700)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        whole = draft / folder.name  # made like any folder: that of a temporary file is its owner's alone
        whole.mkdir()
        _write(whole, contents)
        whole.rename(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _renew(folder: Path, contents: dict[str, bytes], earlier: dict[str, str]) -> None:
    _write(folder, contents)
    for path in sorted(set(earlier) - set(contents)):
        (folder / path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it holds something still
            (folder / path).parent.rmdir()


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    for path, content in contents.items():
        write_whole(folder / path, content)


def _manifest(
    contents: dict[str, bytes], model_sha256: str, rounding: Rounding, optimize: Optimize, *, prune: bool
) -> bytes:
    facts = {
        "schema": SCHEMA,
        "tinysine": __version__,
        "model_sha256": model_sha256,
        "rounding": rounding.value,
        "optimize": optimize,
        "prune": prune,
        "files": {path: _sha256(content) for path, content in contents.items()},
    }
    return (json.dumps(facts, indent=2) + "\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
