"""Fake flash tools on PATH, and computers with boards plugged in that are not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinysine.boards import Board
from tinysine.graph import read_network
from tinysine.image import Image, Toolchain, build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import Rounding
from unit_tests.flashing.fake_tools import NANO, Bench, Clock


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plug: Callable[..., None]) -> Bench:
    """A PATH with nothing on it but the tools that a test installs, a home without any, and no USB ports."""
    plug()
    made = Bench(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setenv("HOME", str(tmp_path))
    return made


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Lets a test say which USB serial ports the computer has: (name, vendor, product, serial number)."""
    monkeypatch.setattr("tinysine.flashing.usb.SYSFS", tmp_path / "no-sysfs")

    def plug(*ports: tuple[str, int, int, str]) -> None:
        found = [
            SimpleNamespace(device=name, vid=vid, pid=pid, serial_number=serial, description="a port")
            for name, vid, pid, serial in ports
        ]
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: found)

    return plug


@pytest.fixture
def image_for(tmp_path: Path) -> Callable[[Board], Image]:
    """Makes an image for a board out of a few bytes: adapters look at nothing else."""
    built = Image.__dataclass_fields__

    def make(board: Board) -> Image:
        binary = tmp_path / f"{board.name}.bin"
        binary.write_bytes(bytes(range(40)))
        facts = dict.fromkeys(built) | {
            "elf": tmp_path / f"{board.name}.elf",
            "binary": binary,
            "board": board,
            "build_id": bytes(16),
            "rounding": Rounding.LITERT,
            "toolchain": Toolchain("gcc", "0", ""),
        }
        return Image(**facts)

    return make


@pytest.fixture(scope="session")
def nano_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The reference model's firmware for the Nano."""
    return build_image(read_network(REFERENCE_MODEL), NANO, out_dir=tmp_path_factory.mktemp("nano image"))


@pytest.fixture
def clock() -> Clock:
    """Time that a test has in its hands."""
    return Clock()
