"""A user's inputs out of a file: what is taken, as what, and what is refused in one line."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.model import Model, read_model
from tinysine.quantization import quantize
from tinysine.stimuli import read_data

CASES = Path(__file__).parents[1] / "cases"
CODES = np.array([[-128, 0, 1, 127], [1, 2, 3, 4]], np.int8)


@pytest.fixture(scope="module")
def model() -> Model:
    """Four int8 inputs, three outputs."""
    return read_model(CASES / "softmax_end.tflite")


def saved(folder: Path, name: str, **arrays: NDArray[Any]) -> Path:
    """Write arrays as .npz, or the only one as .npy."""
    file = folder / name
    if file.suffix == ".npz":
        np.savez(file, **arrays)
    else:
        np.save(file, next(iter(arrays.values())))
    return file


def array_file(shape: str, body: bytes = b"") -> bytes:
    """An .npy file of float32 with the shape as written in its header."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + body


def archive(method: int, changes: dict[int, int], of_directory: dict[int, int] | None = None) -> bytes:
    """An .npz file packed by a method, with bytes changed: of its first entry, and of its directory."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as members:
        members.writestr("x.npy", array_file("(1, 4)", np.arange(4, dtype=np.float32).tobytes()))
    content = bytearray(made.getvalue())
    directory = content.index(b"PK\x01\x02")
    for at, value in changes.items():
        content[at] = value
    for at, value in (of_directory or {}).items():
        content[directory + at] = value
    return bytes(content)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.int16])
def test_whole_numbers_are_codes(tmp_path: Path, model: Model, dtype: type) -> None:
    """Whatever their width, as long as they fit; shapes are flattened behind the first dimension."""
    data = read_data(saved(tmp_path, "x.npy", x=CODES.astype(dtype).reshape(2, 2, 2)), model)
    assert data.taken_as == "codes"
    assert data.codes.dtype == np.int8
    np.testing.assert_array_equal(data.codes, CODES)
    assert data.labels is None


def test_floats_are_real_values(tmp_path: Path, model: Model) -> None:
    """They are quantised as the reference does it; beyond the range they saturate."""
    real = np.array([[0.0, 0.5, -1e9, 1e9], [1.5, -0.25, 0.125, 2.0]])
    data = read_data(saved(tmp_path, "x.npz", inputs=real, labels=np.array([2, 0])), model)
    assert data.taken_as == "real values"
    assert model.input.quantization is not None
    np.testing.assert_array_equal(
        data.codes, quantize(real.astype(np.float32), model.input.quantization, np.dtype(np.int8))
    )
    assert data.labels is not None
    assert data.labels.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("text", "taken_as", "labels"),
    [
        ("-128,0,1,127\n1,2,3,4\n", "codes", None),
        ("a,b,c,d\n-128,0,1,127\n1,2,3,4\n", "codes", None),
        ("0,1,2,3,label\n-128,0,1,127,2\n1,2,3,4,0\n", "codes", [2, 0]),
        ("\ufeffa,label,b,c,d\n-128,2,0,1,127\n\n1,0,2,3,4\n", "codes", [2, 0]),
        ("1.0,2,3,4\n5,6,7,8\n", "real values", None),
        ("1e0,2,3,4\r\n5,6,7,8\r\n", "real values", None),
    ],
)
def test_csv(tmp_path: Path, model: Model, text: str, taken_as: str, labels: list[int] | None) -> None:
    """A header is optional; a column `label` is the class; one point anywhere makes all of them real values."""
    file = tmp_path / "x.csv"
    file.write_text(text, encoding="utf-8")
    data = read_data(file, model)
    assert data.taken_as == taken_as
    assert (None if data.labels is None else data.labels.tolist()) == labels
    if taken_as == "codes":
        np.testing.assert_array_equal(data.codes, CODES)


def test_codes_know_their_real_values(tmp_path: Path, model: Model) -> None:
    """A float model is asked with what the codes stand for."""
    data = read_data(saved(tmp_path, "x.npy", x=CODES), model)
    q = model.input.quantization
    assert q is not None
    np.testing.assert_allclose(data.real, q.scale * (CODES.astype(float) - q.zero_point), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "arrays", "says"),
    [
        ("x.npy", {"x": np.zeros((0, 4), np.int8)}, "has no inputs"),
        ("x.npy", {"x": np.int8(3)}, "has no inputs"),
        ("x.npy", {"x": np.zeros((3, 5), np.int8)}, "5 elements .* and the model takes 4"),
        ("x.npy", {"x": np.full((1, 4), 200)}, "200 is none of int8"),
        ("x.npy", {"x": np.full((1, 4), np.nan)}, "nan as element 0 of input 0"),
        ("x.npy", {"x": np.full((1, 4), 1e39)}, "1e.39 as element 0 of input 0, beyond what float32 holds"),
        ("x.npy", {"x": np.full((1, 4), "a")}, "which are no numbers"),
        ("x.npy", {"x": np.zeros((1, 4), complex)}, "which are no numbers"),
        ("x.npz", {"a": CODES, "b": CODES}, "holds a, b, and none is named 'x'"),
        ("x.npz", {"x": CODES, "labels": np.array([1])}, "1 labels .* for 2 inputs"),
        ("x.npz", {"x": CODES, "y": np.array([0.5, 1])}, "labels that are no class numbers"),
        ("x.npz", {"x": CODES, "y": np.array([-1, 1])}, "labels that are no class numbers"),
        ("x.npz", {"x": CODES, "y": np.array(["cat", "dog"])}, "labels that are no class numbers"),
        ("x.npz", {"x": CODES, "y": np.array([np.inf, 1])}, "labels that are no class numbers"),
        ("x.npz", {"x": CODES, "y": np.array([np.nan, 1])}, "labels that are no class numbers"),
        ("x.npz", {"x": CODES, "y": np.array([1e300, 1])}, "labels that are no class numbers"),
        ("x.npz", {"x": CODES, "y": np.array([2**64 - 1, 1], np.uint64)}, "labels that are no class numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, model: Model, name: str, arrays: dict[str, Any], says: str
) -> None:
    """One line with the file's name, what it has and what is wanted."""
    with pytest.raises(ConfigError, match=says):
        read_data(saved(tmp_path, name, **arrays), model)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", b"", "has no inputs"),
        ("x.csv", b"1,2,3,4\n1,2,3\n", "3 numbers in row 2, and 4 in the first"),
        ("x.csv", b"1,2,3,4\n1,2,x,4\n", "'x' in row 2"),
        ("x.csv", b"\xff\xfe\x00", "damaged"),
        ("x.csv", b"1,2,3,O.4\n1,2,3,4\n", "'O.4' in row 1"),
        ("x.csv", b"0x10,0x20,0x30,0x40\n1,2,3,4\n", "'0x10' in row 1"),
        ("x.csv", b"1_0,1_1,1_2,1_3\n1,2,3,4\n", "'1_0' in row 1"),
        ("x.csv", b"NA,n/a,null,None\n1,2,3,4\n", "'NA' in row 1"),
        ("x.csv", b"1,2,3,4\n1,2,3,1_0\n", "'1_0' in row 2"),
        ("x.csv", b"1;2;3;4\n", "has ';' between the numbers of row 1; write commas"),
        ("x.csv", b"a;b;c;d\n1,5;2;3;4,0\n", "has ';' between the numbers of row 1; write commas .* points"),
        ("x.csv", b"1\t2\t3\t4\n", "between the numbers of row 1; write commas"),
        ("x.csv", b"1,2,3,4\n1 2 3 4\n", "has ' ' between the numbers of row 2; write commas"),
        ("x.csv", b"1,2,3,4\n1,2,3;\n", "has 3 numbers in row 2"),
        ("x.csv", b"a,b,c,label\n1,2,3\n", "4 names in its heading, and 3 numbers"),
        ("x.csv", b"99999999999999999999,0,0,0\n", "has 99999999999999999999, which is no code of any model"),
        ("x.csv", b"9" * 5000 + b",0,0,0\n", "which is no code of any model"),
        ("x.csv", b"1" * 200_000 + b",0,0,0\n", "damaged.*field larger"),
        ("x.npy", array_file("(1099511627776, 4)"), "damaged"),
        ("x.npy", array_file("(99999999999999999999999, 4)"), "damaged"),
        ("x.npy", array_file("(-1, 4)"), "damaged"),
        ("x.npy", array_file("(1, 4)'''"), "damaged"),
        ("x.npy", array_file("(" * 5000), "damaged"),
        ("x.npz", archive(zipfile.ZIP_STORED, {6: 1}, {8: 1}), "damaged.*encrypted"),
        ("x.npz", archive(zipfile.ZIP_STORED, {8: 99}, {10: 99}), "damaged.*method"),
        ("x.npz", archive(zipfile.ZIP_DEFLATED, {40: 0xFF, 50: 0xFF}), "damaged"),
        ("x.npz", archive(zipfile.ZIP_BZIP2, {40: 0xFF, 50: 0xFF}), "damaged"),
        ("x.npz", archive(zipfile.ZIP_LZMA, {43: 0xFF, 50: 0xFF}), "damaged"),
        ("x.npy", b"no array", "damaged"),
        ("x.npz", b"PK no archive", "damaged"),
        ("x.npz", b"", "damaged"),
        ("x.txt", b"1,2,3,4", "neither .npz, .npy nor .csv"),
    ],
)
def test_files_of_another_kind_are_refused(
    tmp_path: Path, model: Model, name: str, content: bytes, says: str
) -> None:
    """Damaged, empty or unknown: one line, no traceback."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        read_data(tmp_path / name, model)


def test_pickles_are_not_opened(tmp_path: Path, model: Model) -> None:
    """An array of objects would run code."""
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ConfigError, match="damaged, or none of that kind"):
        read_data(tmp_path / "x.npy", model)


def test_missing_file_and_folder(tmp_path: Path, model: Model) -> None:
    """Said as such."""
    with pytest.raises(ConfigError, match="does not exist") as missing:
        read_data(tmp_path / "x.npy", model)
    assert "an .npz with" in str(missing.value), "what to put there"
    (tmp_path / "f.npy").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_data(tmp_path / "f.npy", model)


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path: Path, model: Model) -> None:
    """A small file may claim gigabytes."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(1 << 20))
    small = (tmp_path / "x.npz").read_bytes()
    assert len(small) < 5000
    claimed = small.replace((1 << 20).to_bytes(4, "little"), (3 << 30).to_bytes(4, "little"))
    (tmp_path / "x.npz").write_bytes(claimed)
    with pytest.raises(ConfigError, match="unpacks to more than"):
        read_data(tmp_path / "x.npz", model)


def test_the_digest_is_that_of_the_bytes_that_were_read(tmp_path: Path, model: Model) -> None:
    """For the evidence."""
    file = saved(tmp_path, "x.npy", x=CODES)
    assert read_data(file, model).sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


MOTION = np.array([[0.5, -1.25], [2.0, 0.0], [1.0, 1.0]], np.float32)
SOUND = np.arange(12, dtype=np.int8).reshape(3, 4)


@pytest.mark.parametrize("names", [("motion", "sound"), ("x0", "x1")])
def test_several_inputs_have_an_array_each(names: tuple[str, str], tmp_path: Path) -> None:
    """By the tensors' names or by number, in the model's order whatever the file's; codes and reals may be mixed."""
    model = read_model(CASES / "two_ends.tflite")
    file = saved(tmp_path, "x.npz", **{names[1]: SOUND, names[0]: MOTION})
    data = read_data(file, model)
    assert data.taken_as == "codes and real values"
    for got, due in zip(data.codes, (MOTION, SOUND), strict=True):
        np.testing.assert_array_equal(got, due)
        assert got.dtype == due.dtype
    q = model.inputs[1].quantization
    assert q is not None
    np.testing.assert_array_equal(
        data.real[1], np.float32(q.scale) * (SOUND.astype(np.float32) - q.zero_point)
    )


@pytest.mark.parametrize(
    ("name", "arrays", "said"),
    [
        ("x.npy", {"x0": MOTION}, "holds one array, and the model has 2 inputs"),
        ("x.npz", {"x0": MOTION}, "holds x0"),
        ("x.npz", {"motion": MOTION, "x1": SOUND}, "holds motion, x1"),
        ("x.npz", {"x0": MOTION, "x1": SOUND[:2]}, "has 3 and 2 inputs for the tensors of one model"),
        ("x.npz", {"x0": MOTION, "x1": SOUND[:, :3]}, "for the input 'sound' has inputs of 3 elements"),
        ("x.npz", {"x0": MOTION, "x1": SOUND + 200.0 * 0 + np.nan}, "for the input 'sound' has nan"),
        ("x.npz", {"x0": MOTION, "x1": SOUND, "labels": np.zeros(3, int)}, "the model has 2 outputs"),
    ],
)  # fmt: skip
def test_wrong_data_for_several_inputs_is_one_line(
    name: str, arrays: dict[str, NDArray[Any]], said: str, tmp_path: Path
) -> None:
    """It says which input, and the hint says what the file has to hold."""
    with pytest.raises(ConfigError) as caught:
        read_data(saved(tmp_path, name, **arrays), read_model(CASES / "two_ends.tflite"))
    assert said in caught.value.message
    assert "\n" not in str(caught.value)


def test_the_hint_names_each_input(tmp_path: Path) -> None:
    """With dtype and elements, so that the file can be written from it."""
    with pytest.raises(ConfigError) as caught:
        read_data(saved(tmp_path, "x.npz", x=MOTION), read_model(CASES / "two_ends.tflite"))
    assert "x0 ('motion', float32, 2 elements) and x1 ('sound', int8, 4 elements)" in caught.value.hint
