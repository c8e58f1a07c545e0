"""Typical inputs that a user supplies: what is read, and how the rest is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine.errors import ConfigError
from tinysine.training import read_representative


def _archive(**arrays: Any) -> bytes:
    into = io.BytesIO()
    np.savez(into, **arrays)
    return into.getvalue()


def _file(array: Any, **options: Any) -> bytes:
    into = io.BytesIO()
    np.save(into, array, **options)
    return into.getvalue()


BAD_INPUTS: dict[str, tuple[bytes, str]] = {
    "two arrays": (_archive(x=np.zeros(3), y=np.zeros(3)), "2 arrays (x, y), not one"),
    "no array": (_archive(), "no"),
    "objects": (_file(np.array([{}], object), allow_pickle=True), "objects"),
    "words": (_file(np.array(["a", "b"])), "not numbers"),
    "complex": (_file(np.zeros(3, complex)), "not numbers"),
    "one number": (_file(np.float32(1)), "no samples"),
    "no samples": (_file(np.zeros((0, 4))), ""),
    "NaN": (
        _file(np.array([[1, 2], [np.nan, 1]])),
        "1 of 2 samples hold NaN or infinity, the first is number 1",
    ),
    "too large for float32": (_file(np.array([[1e300]])), "NaN or infinity"),
    "cut": (_file(np.zeros((40, 4)))[:300], ""),
    "claims too much": (_file(np.zeros((40, 4))).replace(b"(40, 4)", b"(9999999999, 4)".ljust(7))[:300], ""),
    "empty": (b"", "no NumPy file"),
    "text": (b"1 2 3", "no NumPy file"),
    "a cut zip": (_archive(x=np.zeros(3))[:90], ""),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_representative_inputs_are_one_line(tmp_path: Path, case: str) -> None:
    """The error names the fault, the file, and the way to write one."""
    content, words = BAD_INPUTS[case]
    file = tmp_path / "x.npy"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^[^\n]+$") as refusal:
        read_representative(file)
    assert words in refusal.value.message
    assert str(file) in refusal.value.message
    assert "numpy.save" in refusal.value.hint


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    """The size that an archive claims is looked at before it is unpacked."""
    file = tmp_path / "x.npz"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as to,
    ):
        to.write(_file(np.zeros((4, 4))))
    data = bytearray(file.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (0xF0000000).to_bytes(4, "little")
    file.write_bytes(data)
    with pytest.raises(ConfigError, match="too large"):
        read_representative(file)


@pytest.mark.parametrize("dtype", ["float64", "uint8", "bool", "float16", ">f4"])
def test_numbers_of_other_types_are_taken(tmp_path: Path, dtype: str) -> None:
    """They become float32."""
    np.save(tmp_path / "x.npy", np.ones((3, 2), dtype))
    np.savez(tmp_path / "x.npz", inputs=np.ones((3, 2), dtype))
    for name in ("x.npy", "x.npz"):
        found = read_representative(tmp_path / name)
        assert (found.dtype, found.shape, found.min()) == (np.float32, (3, 2), 1)
