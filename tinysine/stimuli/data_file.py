"""A user's own inputs, out of a file: .npz, .npy or .csv, as codes or as real values, with labels or without."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.model import Model
from tinysine.quantization import dequantize, quantize
from tinysine.regular_files import read_regular

INPUT_NAMES = ("x", "inputs", "data")
LABEL_NAMES = ("labels", "label", "y")
MOST_BYTES = 1 << 30
HINT = (
    f"an .npy with [n, ...] inputs; an .npz with them as {INPUT_NAMES[0]!r}, and class numbers [n] as "
    f"{LABEL_NAMES[0]!r}; or a .csv with a row for each input"
)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Inputs that a user brings.

    Attributes:
        codes: [n, input.count] in the model's input dtype.
        real: float32 [n, input.count], the real values that they are or stand for.
        labels: int64 [n], the class of each; None where the file has none.
        sha256: of the file, hexadecimal.
        taken_as: "codes" as they are, or "real values", which were quantised as the model's input has it.
    """

    codes: NDArray[Any]
    real: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    sha256: str
    taken_as: Literal["codes", "real values"]


def read_data(path: str | os.PathLike[str], model: Model) -> DataSet:
    """Read inputs for a model.

    Integers are codes, floats are real values; numbers of a .csv file are codes where all of them are written
    without a point or an exponent.

    Args:
        path: .npz, .npy or .csv. Arrays are [n, ...]: n inputs of as many elements as the model's.
        model: whose inputs they are.
    Raises:
        ConfigError: no such file, no inputs in it, another number of elements, a code out of range, a value that is
            not finite, or labels that are no class numbers; facts key, file.
    """
    file = Path(path)
    content = _content(file)
    values, labels = _read(file, content)
    count = model.input.count
    if values.ndim == 0 or len(values) == 0:
        raise _refusal(file, "has no inputs")
    elements = values.size // len(values)
    if elements != count:
        raise _refusal(
            file,
            f"has inputs of {elements:,} elements (shape {list(values.shape)}), and the model takes {count:,}",
        )
    rows = values.reshape(len(values), count)
    digest = hashlib.sha256(content).hexdigest()
    checked = _checked_labels(file, labels, len(rows))
    if rows.dtype.kind in "iub":
        codes = _codes(file, rows, model)
        q = model.input.quantization
        return DataSet(
            codes, codes.astype(np.float32) if q is None else dequantize(codes, q), checked, digest, "codes"
        )
    if rows.dtype.kind != "f":
        raise _refusal(file, f"has inputs of {rows.dtype}, which are no numbers")
    real = _real(file, rows)
    return DataSet(_quantised(file, real, model), real, checked, digest, "real values")


def _content(file: Path) -> bytes:
    try:
        return read_regular(file, most_bytes=MOST_BYTES)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{file} does not exist", hint="--data names a file", key="data", file=str(file)
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise _refusal(file, f"cannot be read: {reason}") from error


def _read(file: Path, content: bytes) -> tuple[NDArray[Any], NDArray[Any] | None]:
    try:
        match file.suffix.lower():
            case ".npy":
                return np.asarray(np.load(io.BytesIO(content), allow_pickle=False)), None
            case ".npz":
                return _from_npz(file, content)
            case ".csv":
                return _from_csv(file, content)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise _refusal(file, f"is damaged, or none of that kind: {' '.join(str(error).split())}") from error
    raise _refusal(file, "is neither .npz, .npy nor .csv")


def _from_npz(file: Path, content: bytes) -> tuple[NDArray[Any], NDArray[Any] | None]:
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        if sum(member.file_size for member in members.infolist()) > MOST_BYTES:
            raise _refusal(file, f"unpacks to more than {MOST_BYTES:,} bytes")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        names = list(archive.files)
        inputs = next((name for name in INPUT_NAMES if name in names), None)
        labels = next((name for name in LABEL_NAMES if name in names), None)
        others = [name for name in names if name != labels]
        if inputs is None and len(others) == 1:
            inputs = others[0]
        if inputs is None:
            raise _refusal(
                file, f"holds {', '.join(names) or 'nothing'}, and none is named {INPUT_NAMES[0]!r}"
            )
        return np.asarray(archive[inputs]), None if labels is None else np.asarray(archive[labels])


def _from_csv(file: Path, content: bytes) -> tuple[NDArray[Any], NDArray[Any] | None]:
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    rows = [row for row in csv.reader(text) if any(cell.strip() for cell in row)]
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    labelled = next((head.index(name) for name in LABEL_NAMES if name in head), None)
    if rows and not all(_is_number(cell) for cell in rows[0]):
        del rows[0]
    cells = [[cell.strip() for cell in row] for row in rows]
    for number, row in enumerate(cells, start=1):
        if len(row) != len(cells[0]):
            raise _refusal(file, f"has {len(row)} numbers in row {number}, and {len(cells[0])} in the first")
        if wrong := next((cell for cell in row if not _is_number(cell)), None):
            raise _refusal(file, f"has {wrong[:40]!r} in row {number}, which is no number")
    labels = None
    if labelled is not None:
        labels = np.array([float(row.pop(labelled)) for row in cells])
    whole = all(cell.lstrip("+-").isdecimal() for row in cells for cell in row)
    values = np.array([[float(cell) for cell in row] for row in cells], np.float64)
    return (values.astype(np.int64) if whole else values), labels


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _checked_labels(file: Path, labels: NDArray[Any] | None, count: int) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    flat = labels.reshape(-1)
    if len(flat) != count:
        raise _refusal(file, f"has {len(flat):,} labels (shape {list(labels.shape)}) for {count:,} inputs")
    if flat.dtype.kind not in "iuf" or not np.array_equal(flat, np.floor(flat)) or flat.min() < 0:
        raise _refusal(file, "has labels that are no class numbers (0, 1, 2, ...)")
    return flat.astype(np.int64)


def _codes(file: Path, rows: NDArray[Any], model: Model) -> NDArray[Any]:
    dtype = model.input.dtype
    if dtype.kind == "f":
        return rows.astype(dtype)
    limits = np.iinfo(dtype)
    if rows.dtype.kind == "b" or (rows.min() >= limits.min and rows.max() <= limits.max):
        return rows.astype(dtype)
    wrong = int(rows.min() if rows.min() < limits.min else rows.max())
    raise _refusal(
        file,
        f"has whole numbers, which are codes, and {wrong} is none of {dtype} ({limits.min} to {limits.max}); "
        "real values are written as floats",
    )


def _real(file: Path, rows: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        real = rows.astype(np.float32)
    if not np.isfinite(real).all():
        row, column = np.argwhere(~np.isfinite(real))[0]
        raise _refusal(file, f"has {real[row, column]} as element {column} of input {row}")
    return real


def _quantised(file: Path, real: NDArray[np.float32], model: Model) -> NDArray[Any]:
    tensor = model.input
    if tensor.dtype.kind == "f":
        return real
    if tensor.quantization is None:
        raise _refusal(
            file, f"has real values, and the model's input {tensor.name!r} has no scale: give codes"
        )
    return quantize(real, tensor.quantization, tensor.dtype)


def _refusal(file: Path, problem: str) -> ConfigError:
    return ConfigError(f"{file} {problem}", hint=HINT, key="data", file=str(file))
