"""Images on disk: what is written reads back, and what was tampered with does not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.errors import EXIT_USAGE, ConfigError
from tinysine.image import Image, ImageSizes, Toolchain, load_image, save_image
from tinysine.quantization import Rounding
from unit_tests.made_up_image import made_up_image


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """A made-up image with its files."""
    elf, binary = tmp_path / "nano.elf", tmp_path / "nano.bin"
    elf.write_bytes(b"\x7fELF and so on")
    binary.write_bytes(b"the raw bytes")
    return made_up_image(
        elf,
        load_board("nano33ble-sense"),
        model_sha256="ab" * 32,
        binary=binary,
        rounding=Rounding.TFLM,
        optimize="size",
        prune=True,
        toolchain=Toolchain("zig", "0.1", "/somewhere/zig"),
        sha256=hashlib.sha256(elf.read_bytes()).hexdigest(),
        sizes=ImageSizes(flash_bytes=4, static_ram_bytes=3, model_bytes=1, engine_bytes=2),
        stack_bound_bytes=72,
    )


@pytest.fixture
def saved(image: Image) -> Image:
    """The same, written down."""
    assert save_image(image) == image.elf.with_suffix(".json")
    return image


def refusal(path: Path) -> str:
    """The message with which loading must fail."""
    with pytest.raises(ConfigError) as caught:
        load_image(path)
    assert caught.value.exit_code == EXIT_USAGE
    return str(caught.value)


def test_an_image_reads_back_whole(saved: Image) -> None:
    """Every field survives the way to the disk and back, the board's facts among them."""
    assert load_image(saved.elf) == saved


@pytest.mark.parametrize("name", ["host", "nano33ble-sense"])
@pytest.mark.parametrize("bound", [None, 48])
def test_absent_figures_stay_absent(saved: Image, name: str, bound: int | None) -> None:
    """None is not turned into 0 or into a text, neither in the image nor in its board."""
    changed = dataclasses.replace(saved, board=load_board(name), stack_bound_bytes=bound, binary=None)
    save_image(changed)
    assert load_image(changed.elf) == changed


def test_the_files_can_move_together(saved: Image, tmp_path: Path) -> None:
    """The description names its neighbours, not a place on this computer."""
    folder = tmp_path / "moved"
    folder.mkdir()
    for path in (saved.elf, saved.binary, saved.elf.with_suffix(".json")):
        assert path is not None
        path.rename(folder / path.name)
    assert load_image(folder / "nano.elf").binary == folder / "nano.bin"


@pytest.mark.parametrize(
    ("suffix", "says"), [(".elf", "image"), (".bin", "binary"), (".json", "description")]
)
def test_a_missing_file_is_named(saved: Image, suffix: str, says: str) -> None:
    """Each of the three files is needed."""
    saved.elf.with_suffix(suffix).unlink()
    assert says in refusal(saved.elf)


@pytest.mark.parametrize("suffix", [".elf", ".bin"])
def test_another_file_under_the_same_name_is_noticed(saved: Image, suffix: str) -> None:
    """One byte too many, and the description no longer fits."""
    path = saved.elf.with_suffix(suffix)
    path.write_bytes(path.read_bytes() + b"!")
    assert "is not the file" in refusal(saved.elf)


def leaves(table: object, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every value in nested tables."""
    if isinstance(table, dict):
        return [path for key, value in table.items() for path in leaves(value, (*at, key))]
    return [at]


def test_an_edit_of_any_value_is_noticed(saved: Image) -> None:
    """No figure of the description can be changed by hand, wherever it stands."""
    path = saved.elf.with_suffix(".json")
    original = json.loads(path.read_text(encoding="utf-8"))
    for place in leaves(original):
        table = json.loads(path.read_text(encoding="utf-8"))
        inner = table
        for key in place[:-1]:
            inner = inner[key]
        old = inner[place[-1]]
        inner[place[-1]] = old + 1 if type(old) is int else f"{old}0"
        path.write_text(json.dumps(table), encoding="utf-8")
        refusal(saved.elf)
        path.write_text(json.dumps(original), encoding="utf-8")
    assert load_image(saved.elf) == saved


def test_a_missing_or_added_key_is_noticed(saved: Image) -> None:
    """The description has exactly the keys that were written."""
    path = saved.elf.with_suffix(".json")
    original = json.loads(path.read_text(encoding="utf-8"))
    for key in original:
        path.write_text(json.dumps({k: v for k, v in original.items() if k != key}), encoding="utf-8")
        refusal(saved.elf)
    path.write_text(json.dumps({**original, "more": 1}), encoding="utf-8")
    refusal(saved.elf)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *(
            (("sizes", name), value)
            for name in ("flash_bytes", "engine_bytes")
            for value in ("4", None, 4.0, True)
        ),
        *((("toolchain", name), 1) for name in ("name", "version", "path")),
        *(
            ((name,), value)
            for name in ("arena_bytes", "prune", "build_id", "sha256")
            for value in (None, "x", [])
        ),
        (("stack_bound_bytes",), "72"),
        (("optimize",), 3),
        (("binary",), 3),
        (("board", "clock_hz"), "64"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_noticed_although_the_digest_is_right(
    saved: Image, place: tuple[str, ...], value: object
) -> None:
    """Another version, or a hand that knows how, may have written it: it must not be met as a crash later."""
    path = saved.elf.with_suffix(".json")
    table = json.loads(path.read_text(encoding="utf-8"))
    del table["digest"]
    inner = table
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    table["digest"] = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(table), encoding="utf-8")
    refusal(saved.elf)


def test_a_description_nested_without_a_bottom_is_refused(saved: Image) -> None:
    """One clear line, as for any other rubbish."""
    saved.elf.with_suffix(".json").write_bytes(b"[" * 100_000)
    assert "does not describe an image" in refusal(saved.elf)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff\xfe\x00", b'{"digest": 1}', b"{" * 9])
def test_a_description_that_is_none_is_refused(saved: Image, content: bytes) -> None:
    """Rubbish in place of the description is one clear line."""
    saved.elf.with_suffix(".json").write_bytes(content)
    assert "does not describe an image" in refusal(saved.elf) or "edited" in refusal(saved.elf)


def test_the_description_in_place_of_the_image_is_refused(saved: Image) -> None:
    """Naming the JSON is a slip that the message puts right."""
    assert "name the ELF file" in refusal(saved.elf.with_suffix(".json"))
