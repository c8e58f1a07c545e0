"""flash: the chip that the bench file names is the one that has to answer afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.testing import FakeRig

NANO = load_board("nano33ble-sense")


@dataclasses.dataclass(frozen=True)
class Built:
    """Facts of an image that a rig and its device read."""

    board: Any
    model_sha256: str = "ab" * 32
    sha256: str = "cd" * 32
    build_id: bytes = bytes(range(16))
    rounding: Any = None


@pytest.mark.parametrize(("expected", "code"), [("0102030405060708", 0), ("5a" * 8, 3)])
def test_another_chip_than_the_bench_file_names_is_no_success(
    *, cli: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expected: str, code: int
) -> None:
    """It runs the build, and is the wrong board all the same: exit code 3, and both chips are named."""
    from tinysine.quantization import Rounding

    image = Built(NANO, rounding=Rounding.LITERT)
    rig = FakeRig(board=NANO, kind="hardware", fresh=False)

    def open_rig(_board: Any, place: Any, **_options: Any) -> FakeRig:
        rig.port, rig._unique_id = place.port, place.wiring.unique_id
        return rig

    monkeypatch.setattr("tinysine.rigs.open_rig", open_rig)
    monkeypatch.setattr("tinysine.commands.rigs.image_from", lambda *_arguments: image)
    monkeypatch.setattr(Device, "connect", rig.connect)
    port = tmp_path / "ttyX"
    port.touch()
    bench = tmp_path / "bench.toml"
    bench.write_text(
        f'[[board]]\nname = "nano33ble-sense"\nport = "{port}"\nunique_id = "{expected}"\n', encoding="utf-8"
    )
    ended = cli("flash", "image.elf", "--port", port, "--bench", bench)
    assert ended.code == code, ended.err
    assert rig.did[:2] == ["flash", "connect"]
    if code:
        assert f"the chip {expected} is expected" in ended.err
        assert "0102030405060708" in ended.err
        assert "runs build" not in ended.out
