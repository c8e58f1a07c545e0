"""A user's own inputs, out of a file: .npz, .npy or .csv, as codes or as real values, with labels or without."""

from __future__ import annotations

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
from tinysine.model import Model, Tensor
from tinysine.quantization import dequantize, quantize
from tinysine.regular_files import read_regular
from tinysine.stimuli.csv_table import NoTable, read_table
from tinysine.tensor_values import Values, values_of

INPUT_NAMES = ("x", "inputs", "data")
LABEL_NAMES = ("labels", "label", "y")
MOST_BYTES = 1 << 30
_MOST_CLASSES = 1 << 31
HINT = (
    f"an .npy with [n, ...] inputs; an .npz with them as {INPUT_NAMES[0]!r}, and class numbers [n] as "
    f"{LABEL_NAMES[0]!r}; or a .csv with a row for each input"
)
TakenAs = Literal["codes", "real values", "codes and real values"]


@dataclass(frozen=True, eq=False)
class DataSet:
    """Inputs that a user brings.

    Attributes:
        codes: [n, input.count] in the model's input dtype; a tuple of these for several inputs.
        real: float32, the real values that they are or stand for; otherwise as `codes`.
        labels: int64 [n], the class of each; None where the file has none.
        sha256: of the file, hexadecimal.
        taken_as: "codes" as they are, or "real values", which were quantised as the model's input has it; of several
            inputs some may be the one and some the other.
    """

    codes: Values
    real: Values
    labels: NDArray[np.int64] | None
    sha256: str
    taken_as: TakenAs


@dataclass(frozen=True, eq=False)
class _Taken:
    """The inputs of one tensor: codes and real values [n, count], and what the file held."""

    codes: NDArray[Any]
    real: NDArray[np.float32]
    taken_as: Literal["codes", "real values"]


def read_data(path: str | os.PathLike[str], model: Model) -> DataSet:
    """Read inputs for a model.

    Integers are codes, floats are real values; numbers of a .csv file are codes where all of them are written
    without a point or an exponent.

    Args:
        path: .npz, .npy or .csv. Arrays are [n, ...]: n inputs of as many elements as the model's. For several inputs
            it is an .npz with an array for each, under the tensor's name, or under x0, x1, ... in the model's order.
        model: whose inputs they are.
    Raises:
        ConfigError: no such file, no inputs in it, another number of elements, a code out of range, a value that is
            not finite, labels that are no class numbers, or labels for a model with several outputs; facts key, file.
    """
    file = Path(path)
    content = _content(file)
    arrays, labels = _read(file, content, model)
    if labels is not None and len(model.outputs) > 1:
        raise _refusal(
            file,
            f"has labels, which name classes, and the model has {len(model.outputs)} outputs",
            "leave the labels out",
        )
    taken = []
    for values, tensor in zip(arrays, model.inputs, strict=True):
        try:
            taken.append(_taken(file, values, tensor))
        except ConfigError as error:
            if len(arrays) == 1:
                raise
            problem = error.message.removeprefix(f"{file} ")
            raise _refusal(file, f"for the input {tensor.name!r} {problem}", _keys(model)) from error
    counts = [len(one.codes) for one in taken]
    if len(set(counts)) > 1:
        raise _refusal(file, f"has {' and '.join(map(str, counts))} inputs for the tensors of one model")
    kinds = sorted({one.taken_as for one in taken})
    return DataSet(
        values_of([one.codes for one in taken]),
        values_of([one.real for one in taken]),
        _checked_labels(file, labels, counts[0]),
        hashlib.sha256(content).hexdigest(),
        "codes and real values" if len(kinds) > 1 else taken[0].taken_as,
    )


def _taken(file: Path, values: NDArray[Any], tensor: Tensor) -> _Taken:
    if values.ndim == 0 or len(values) == 0:
        raise _refusal(file, "has no inputs")
    elements = values.size // len(values)
    if elements != tensor.count:
        raise _refusal(
            file,
            f"has inputs of {elements:,} elements (shape {list(values.shape)}), and the model takes "
            f"{tensor.count:,}",
        )
    rows = values.reshape(len(values), tensor.count)
    if rows.dtype.kind in "iub":
        codes = _codes(file, rows, tensor)
        q = tensor.quantization
        return _Taken(codes, codes.astype(np.float32) if q is None else dequantize(codes, q), "codes")
    if rows.dtype.kind != "f":
        raise _refusal(file, f"has inputs of {rows.dtype}, which are no numbers")
    real = _real(file, rows)
    return _Taken(_quantised(file, real, tensor), real, "real values")


def _content(file: Path) -> bytes:
    try:
        return read_regular(file, most_bytes=MOST_BYTES)
    except FileNotFoundError as error:
        raise _refusal(file, "does not exist") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise _refusal(file, f"cannot be read: {reason}") from error


def _read(file: Path, content: bytes, model: Model) -> tuple[list[NDArray[Any]], NDArray[Any] | None]:
    """The array of each input, and the labels."""
    kind, several = file.suffix.lower(), len(model.inputs) > 1
    if several and kind in (".npy", ".csv"):
        raise _refusal(file, f"holds one array, and the model has {len(model.inputs)} inputs", _keys(model))
    try:
        match kind:
            case ".npy":
                return [np.asarray(np.load(io.BytesIO(content), allow_pickle=False))], None
            case ".npz":
                return _from_npz(file, content, model)
            case ".csv":
                values, labels = read_table(content, LABEL_NAMES)
                return [values], labels
    except NoTable as problem:
        raise _refusal(file, str(problem)) from problem
    except ConfigError:
        raise
    except Exception as error:
        # numpy, zipfile and each decompressor raise errors of their own for bytes that are damaged.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _refusal(file, f"is damaged, or none of that kind: {reason}") from error
    raise _refusal(file, "is neither .npz, .npy nor .csv")


def _from_npz(file: Path, content: bytes, model: Model) -> tuple[list[NDArray[Any]], NDArray[Any] | None]:
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        if sum(member.file_size for member in members.infolist()) > MOST_BYTES:
            raise _refusal(file, f"unpacks to more than {MOST_BYTES:,} bytes")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        names = list(archive.files)
        inputs = _input_names(file, names, model)
        labels = next((name for name in LABEL_NAMES if name in names and name not in inputs), None)
        return [np.asarray(archive[name]) for name in inputs], (
            None if labels is None else np.asarray(archive[labels])
        )


def _input_names(file: Path, names: list[str], model: Model) -> list[str]:
    """Under which names an archive has the inputs, in the model's order."""
    if len(model.inputs) > 1:
        by_name = [tensor.name for tensor in model.inputs]
        numbered = [f"{INPUT_NAMES[0]}{index}" for index in range(len(by_name))]
        for wanted in (by_name, numbered):
            if set(wanted) <= set(names) and len(set(wanted)) == len(wanted):
                return wanted
        raise _refusal(file, f"holds {', '.join(names) or 'nothing'}", _keys(model))
    inputs = next((name for name in INPUT_NAMES if name in names), None)
    labels = next((name for name in LABEL_NAMES if name in names), None)
    others = [name for name in names if name != labels]
    if inputs is None and len(others) == 1:
        inputs = others[0]
    if inputs is None:
        raise _refusal(file, f"holds {', '.join(names) or 'nothing'}, and none is named {INPUT_NAMES[0]!r}")
    return [inputs]


def _keys(model: Model) -> str:
    """Say what a file for several inputs has to hold."""
    numbered = " and ".join(
        f"{INPUT_NAMES[0]}{index} ({tensor.name!r}, {tensor.dtype}, {tensor.count:,} elements)"
        for index, tensor in enumerate(model.inputs)
    )
    return f"an .npz with an array for each input: {numbered}; the tensors' names will do as well"


def _checked_labels(file: Path, labels: NDArray[Any] | None, count: int) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    flat = labels.reshape(-1)
    if len(flat) != count:
        raise _refusal(file, f"has {len(flat):,} labels (shape {list(labels.shape)}) for {count:,} inputs")
    if flat.dtype.kind not in "iuf" or not np.all(
        (flat >= 0) & (flat < _MOST_CLASSES) & (flat == np.floor(flat))
    ):
        raise _refusal(file, "has labels that are no class numbers (0, 1, 2, ...)")
    return flat.astype(np.int64)


def _codes(file: Path, rows: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    dtype = tensor.dtype
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
        given = rows[row, column]
        beyond = ", beyond what float32 holds" if np.isfinite(given) else ""
        raise _refusal(file, f"has {given} as element {column} of input {row}{beyond}")
    return real


def _quantised(file: Path, real: NDArray[np.float32], tensor: Tensor) -> NDArray[Any]:
    if tensor.dtype.kind == "f":
        return real
    if tensor.quantization is None:
        raise _refusal(
            file, f"has real values, and the model's input {tensor.name!r} has no scale: give codes"
        )
    return quantize(real, tensor.quantization, tensor.dtype)


def _refusal(file: Path, problem: str, hint: str = HINT) -> ConfigError:
    return ConfigError(f"{file} {problem}", hint=hint, key="data", file=str(file))
