"""Typical inputs that a user supplies: the converter measures the ranges of the activations with them."""

from __future__ import annotations

import os
import zipfile
from typing import Any, BinaryIO

import numpy as np

from tinysine.errors import ConfigError
from tinysine.regular_files import open_regular
from tinysine.training.dataset import FloatArray

OPTION = "--representative"
MAX_BYTES = 2 << 30
HOW = "save float32 inputs [samples, ...] with numpy.save; a few hundred are enough"


def read_representative(file: str | os.PathLike[str]) -> FloatArray:
    """Read a representative data set.

    Args:
        file: .npy, or .npz with one array in it.
    Returns:
        float32 [samples, ...]; other numbers are converted.
    Raises:
        ConfigError: it cannot be read, is no array of finite numbers, or is empty; fact `file`.
    """
    name = os.fspath(file)
    try:
        values = _load(name)
    except FileNotFoundError as error:
        raise _refusal(name, "there is no such file") from error
    except (OSError, ValueError, EOFError, MemoryError, SyntaxError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
        raise _refusal(name, reason[:200]) from error
    if values.dtype.kind not in "fiub":
        raise _refusal(name, f"it holds {values.dtype}, not numbers")
    if values.ndim == 0 or values.size == 0:
        raise _refusal(name, f"an array of shape {list(values.shape)} has no samples")
    if values.nbytes > MAX_BYTES:
        raise _refusal(name, f"it has {values.nbytes:,} bytes, more than the {MAX_BYTES:,} read here")
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, np.float32)
    odd = np.flatnonzero(~np.isfinite(found.reshape(len(found), -1)).all(axis=1))
    if odd.size:
        raise _refusal(
            name, f"{odd.size} of {len(found)} samples hold NaN or infinity, the first is number {odd[0]}"
        )
    return found


def fit_to_input(representative: FloatArray, shape: tuple[int | None, ...], *, file: str) -> FloatArray:
    """Give a data set the shape of a network's input.

    Args:
        representative: float32 [samples, ...].
        shape: of the input, its first dimension being the batch.
        file: the network's name, for messages.
    Returns:
        float32 [samples, *shape[1:]]. Single numbers become rows of one.
    Raises:
        ConfigError: it does not fit; fact `shapes`.
    """
    wanted = shape[1:]
    if representative.ndim == 1 and wanted == (1,):
        representative = representative[:, np.newaxis]
    if representative.shape[1:] != wanted:
        raise ConfigError(
            f"the representative inputs have the shape {list(representative.shape)}, and {file} takes "
            f"[samples, {', '.join(map(str, wanted))}]",
            hint=HOW,
            key=OPTION,
            shapes=(representative.shape, shape),
        )
    return representative


def _load(name: str) -> Any:
    with open_regular(name) as stream:
        begins = stream.read(6)
        stream.seek(0)
        if begins.startswith(b"PK\x03\x04"):
            return _load_archive(stream)
    if begins != b"\x93NUMPY":
        raise ValueError("it is no NumPy file")
    # Mapped, not read: the file's header may claim any size.
    return np.load(name, mmap_mode="r", allow_pickle=False)


def _load_archive(stream: BinaryIO) -> Any:
    found: Any = np.load(stream, allow_pickle=False)
    with found:
        if len(found.files) != 1:
            raise ValueError(f"it holds {len(found.files)} arrays ({', '.join(found.files[:5])}), not one")
        if sum(member.file_size for member in found.zip.infolist()) > MAX_BYTES:
            raise ValueError("its array is too large")
        return found[found.files[0]]


def _refusal(file: str, what: str) -> ConfigError:
    return ConfigError(f"{file} cannot be the representative inputs: {what}", hint=HOW, key=OPTION, file=file)
