"""Kind of a file or folder that was given as a model, from its first and last bytes.

Nothing is trusted and little is read: `HEAD_BYTES` from the beginning and `TAIL_BYTES` from the end are enough.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinysine.regular_files import open_regular
from tinysine.result_files import INT8_FILE, KERAS_FILE, TRAINING_JSON

FILE_IDENTIFIER = b"TFL3"
HEAD_BYTES = 4096
TAIL_BYTES = 65536
MOST_NAMES = 3

ZEROS = "a file of zero bytes (0x00)"
DOWNLOAD = "copy or download the file itself again, whole and as binary"


@dataclass(frozen=True)
class FileKind:
    """Kind of a file, for a message.

    Attributes:
        what: with its article, such as "a Keras model".
        hint: what to do with it; a command in it can be typed as it stands.
        convertible: whether `tinysine convert` reads it.
    """

    what: str
    hint: str
    convertible: bool = False


def is_tflite(start: bytes) -> bool:
    """Tell whether a file begins as a .tflite file does; its first 8 bytes are enough."""
    return start[4:8] == FILE_IDENTIFIER


def is_elf(start: bytes) -> bool:
    """Tell whether a file begins as an ELF file does."""
    return start.startswith(b"\x7fELF")


def is_text(head: bytes) -> bool:
    """Tell whether these are the first bytes of a text, in UTF-8, Latin 1, or UTF-16 with its mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return bool(head) and not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", head)


def kind_of_file(head: bytes, tail: bytes, *, file: str) -> FileKind:
    """Say what a file is that is no .tflite file.

    Args:
        head: its first `HEAD_BYTES`, or all of it.
        tail: its last `TAIL_BYTES`, or all of it.
        file: its name.
    """
    for begins, kind in _KINDS:
        if begins(head, file):
            return kind(file, head + tail)
    if is_text(head):
        return FileKind("a text file", "name a .tflite file, or the C source that holds its bytes")
    if not head.strip(b"\0"):
        return FileKind(ZEROS, DOWNLOAD)
    if re.fullmatch(rb"[A-Z][A-Z0-9]{3}", head[4:8]):
        name = head[4:8].decode()
        known = {
            "ET12": " (ExecuTorch)",
            "ORTM": " (ONNX Runtime)",
            "TFL2": " (TensorFlow Lite, before 2018)",
        }
        return FileKind(f"a FlatBuffer of the kind {name}{known.get(name, '')}", _FROM_ITS_SOURCE)
    return FileKind("a file of an unknown kind", DOWNLOAD)


def kind_of_path(path: Path) -> FileKind:
    """Say what a file or a folder is; its ends are read, and nothing else.

    Raises:
        OSError: it is not there, cannot be read, or is a pipe or a device.
    """
    if path.is_dir():
        return kind_of_folder(path)
    with open_regular(path) as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - TAIL_BYTES))
        tail = stream.read(TAIL_BYTES)
    if not head:
        return FileKind("an empty file", DOWNLOAD)
    if is_tflite(head):
        return FileKind("a .tflite file", "name the Keras file or SavedModel that it was converted from")
    return kind_of_file(head, tail, file=str(path))


def kind_of_folder(path: Path) -> FileKind:
    """Say what a folder is that was named as a model.

    Raises:
        OSError: it cannot be listed.
    """
    names = sorted(entry.name for entry in path.iterdir())
    if "saved_model.pb" in names:
        return FileKind("a TensorFlow SavedModel", _convert(str(path)), convertible=True)
    if TRAINING_JSON in names and KERAS_FILE in names and INT8_FILE not in names:
        return FileKind(
            "a folder that `tinysine train` wrote",
            f"`tinysine convert {shlex.quote(str(path))}` makes the model in it",
            convertible=True,
        )
    models = [name for name in names if name.endswith(".tflite")]
    if models:
        more = f", and {len(models) - MOST_NAMES} more" if len(models) > MOST_NAMES else ""
        shown = ", ".join(shlex.quote(str(path / name)) for name in models[:MOST_NAMES])
        return FileKind("a folder", f"name a file in it: {shown}{more}", TRAINING_JSON in names)
    return FileKind("a folder", "name a .tflite file")


def _convert(file: str) -> str:
    return f"`tinysine convert {shlex.quote(file)} --representative INPUTS.npy` makes an int8 model of it"


def _unpack(file: str, _bytes: bytes) -> FileKind:
    return FileKind("a compressed file", f"unpack it first: {shlex.quote(file)}")


_INPUTS = "name the model; inputs are for `tinysine convert FILE --representative INPUTS.npy`"
_FROM_ITS_SOURCE = "convert the network to an int8 .tflite file with the tools of its framework"


def _fixed(what: str, hint: str) -> Callable[[str, bytes], FileKind]:
    return lambda _file, _bytes: FileKind(what, hint)


def _keras(what: str) -> Callable[[str, bytes], FileKind]:
    return lambda file, _bytes: FileKind(what, _convert(file), convertible=True)


def _zip(file: str, content: bytes) -> FileKind:
    """A zip names its members in front of each and again at its end."""
    if b"model.weights.h5" in content and b"config.json" in content:
        return FileKind("a Keras model", _convert(file), convertible=True)
    if b"/data.pkl" in content:
        return FileKind("a PyTorch file", _FROM_ITS_SOURCE)
    if b"saved_model.pb" in content:
        return FileKind("a zip file with a SavedModel", "unzip it, and name its folder to `tinysine convert`")
    if b".npy" in content:
        return FileKind("a NumPy file (.npz)", _INPUTS)
    return FileKind("a zip file", "unzip it, and name the .tflite file in it")


def _lfs(file: str, _bytes: bytes) -> FileKind:
    return FileKind("a Git LFS pointer, not the file itself", f"git lfs pull --include {shlex.quote(file)}")


def _saved_model(file: str, _bytes: bytes) -> FileKind:
    return FileKind("part of a TensorFlow SavedModel", _convert(str(Path(file).parent)))


def _begins(*signatures: bytes) -> Callable[[bytes, str], bool]:
    return lambda head, _file: head.startswith(signatures)


def _named(*endings: str) -> Callable[[bytes, str], bool]:
    return lambda head, file: file.lower().endswith(endings) and not is_text(head)


def _html(head: bytes, _file: str) -> bool:
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<") and b"<html" in start)


def _json(head: bytes, _file: str) -> bool:
    return is_text(head) and _JSON.match(head) is not None


# A heading of TOML begins with a bracket, too.
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*(?:[\[{\]\"\d-]|true|false|null))")

# The first that fits is taken.
_KINDS: tuple[tuple[Callable[[bytes, str], bool], Callable[[str, bytes], FileKind]], ...] = (
    (_begins(b"version https://git-lfs"), _lfs),
    (_html, _fixed("an HTML page", "download the file itself; on GitHub that is the button Raw")),
    (_begins(b"\x89HDF\r\n\x1a\n"), _keras("an HDF5 file, such as Keras writes")),
    (_begins(b"PK\x03\x04"), _zip),
    (_begins(b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf"), _unpack),
    (lambda head, _file: head[257:262] == b"ustar", _unpack),
    (
        _begins(b"\x93NUMPY"),
        _fixed("a NumPy array", _INPUTS),
    ),
    (lambda head, _file: is_elf(head), _fixed("a program (ELF)", "name the model that it was built from")),
    (
        _begins(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        _fixed("a Python pickle", _FROM_ITS_SOURCE),
    ),
    (_named("saved_model.pb"), _saved_model),
    (_named(".onnx"), _fixed("an ONNX model", _FROM_ITS_SOURCE)),
    (_named(".pt", ".pth", ".torchscript"), _fixed("a PyTorch file", _FROM_ITS_SOURCE)),
    (_named(".pb"), _fixed("a frozen TensorFlow graph", _FROM_ITS_SOURCE)),
    (
        _begins(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF"),
        _fixed("a picture or a document", "name a .tflite file"),
    ),
    (_json, _fixed("a JSON file", "name a .tflite file")),
)
