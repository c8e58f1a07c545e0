"""Inputs and answers of a run that are too many for a JSON file: they go beside it, and it has their digests."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tinysine.bits import same_bits
from tinysine.errors import ConfigError
from tinysine.evidence.values import Evidence
from tinysine.record import Count, Dtype, Record, Sha256, fact
from tinysine.regular_files import read_regular
from tinysine.tensor_values import Values
from tinysine.tensor_values import arrays_of as arrays_of_tensors
from tinysine.whole_files import write_whole

MOST_INLINE = 20_000  # elements of inputs and answers together: about 120 kB of JSON
ALWAYS = ("inputs", "device")
NAMES = (*ALWAYS, "expected")
_OURS = re.compile(rf"({'|'.join(NAMES)})(?:_\d+)?")
_LONGEST_STEM = 255 - len(".npz")  # of a file's name on most systems


def arrays_of(evidence: Evidence) -> dict[str, NDArray[Any]]:
    """Return what was asked and answered, by name; {} where nothing was.

    The reference's answers are among them where any is not the device's, bit for bit.
    Of several tensors each has its number in the name, from 0 in the model's order: "inputs_0", "device_1".
    """
    if evidence.inputs is None or evidence.device is None:
        return {}
    found: dict[str, NDArray[Any]] = {}
    due = evidence.expected
    if due is not None and same_answers(due, evidence.device):
        due = None
    for name, values in zip(NAMES, (evidence.inputs, evidence.device, due), strict=True):
        if values is None:
            continue
        arrays = arrays_of_tensors(values)
        found |= {
            name if len(arrays) == 1 else f"{name}_{index}": array for index, array in enumerate(arrays)
        }
    return found


def same_answers(some: Values, others: Values) -> bool:
    """Tell whether two sets of answers are the same, bit for bit."""
    pairs = zip(arrays_of_tensors(some), arrays_of_tensors(others), strict=True)
    return all(same_bits(one, other) for one, other in pairs)


def are_large(arrays: dict[str, NDArray[Any]]) -> bool:
    """Tell whether arrays go into a file of their own."""
    return sum(values.size for values in arrays.values()) > MOST_INLINE


class ArrayFacts(Record):
    """An array in a file beside the evidence."""

    dtype: Annotated[Dtype, fact("of its elements")]
    shape: Annotated[tuple[Count, ...], fact("how many there are, along each dimension")]
    sha256: Annotated[Sha256, fact("of the elements' bytes in order, little-endian")]


def facts_of(values: NDArray[Any]) -> ArrayFacts:
    """Return dtype, shape, and the SHA-256 of the elements' bytes in order, little-endian."""
    data = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    return ArrayFacts(values.dtype.name, values.shape, hashlib.sha256(data).hexdigest())


def beside(path: Path) -> Path:
    """Return the file for the arrays of the evidence in `path`."""
    name = path.name
    if len(name.encode(errors="replace")) > _LONGEST_STEM:
        name = hashlib.sha256(name.encode(errors="replace")).hexdigest()
    return path.with_name(f"{name}.npz")


def refuse_strange(path: Path) -> None:
    """Refuse to replace a file that holds something else than the arrays of earlier evidence.

    Args:
        path: of the arrays.
    Raises:
        ConfigError: it exists, and is none of ours.
    """
    if not path.exists():
        return
    with contextlib.suppress(OSError, ValueError, EOFError, zipfile.BadZipFile), np.load(path) as archive:
        ours = [_OURS.fullmatch(name) for name in archive.files]
        if all(ours) and {match[1] for match in ours if match} >= set(ALWAYS):
            return
    raise ConfigError(
        f"{path} holds something else than the arrays of evidence; it was left as it is",
        hint="name another file",
        file=str(path),
    )


def read_arrays(told: Mapping[str, ArrayFacts | str], folder: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of evidence from the file beside it; {} where one is missing, or is not the one it tells of.

    Args:
        told: what the evidence says of them.
        folder: of the evidence.
    """
    file = told.get("file")
    if not isinstance(file, str) or Path(file).name != file:
        return {}
    found: dict[str, NDArray[Any]] = {}
    try:
        with np.load(io.BytesIO(read_regular(folder / file))) as archive:
            for name, facts in told.items():
                if isinstance(facts, ArrayFacts):
                    found[name] = archive[name]
                    if facts_of(found[name]) != facts:
                        return {}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return {}
    return found


def write_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    """Write arrays as .npz, whole or not at all.

    Raises:
        ConfigError: the path cannot be written, or holds something else.
    """
    refuse_strange(path)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())
