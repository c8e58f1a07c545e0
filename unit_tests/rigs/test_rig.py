"""Rigs: twins started, found at their port, refused when they are of another board."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tinysine.boards import FOREIGN, Board, load_board
from tinysine.emulation import attach_emulator, running_emulators, start_emulator
from tinysine.errors import BoardNotFound, ConfigError, FlashError, LeaseHeld
from tinysine.place import AtPort
from tinysine.rigs import lease_on, open_rig

NANO = load_board("nano33ble-sense")
HOST = load_board("host")


@dataclass(frozen=True)
class FakeImage:
    """Image with the fields that a twin's flasher reads."""

    board: Board
    elf: Path
    binary: Path | None = None


@pytest.fixture(autouse=True)
def _own_runtime_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))


@pytest.mark.parametrize("board", [NANO, HOST], ids=lambda board: board.name)
def test_without_a_port_the_twin_is_started_and_ended(board: Board) -> None:
    """The rig owns the twin that it started."""
    with open_rig(board) as rig:
        assert rig.kind == board.backend
        assert os.path.exists(rig.port)
        assert rig.emulator is not None
        assert [record.port for record in running_emulators()] == [rig.port]
        rig.reset()
    assert running_emulators() == []


def test_a_running_twin_is_used_and_left_running() -> None:
    """By its own name or by the terminal behind it; closing the rig leaves it alone."""
    with start_emulator(NANO) as emulator:
        for port in (emulator.port, os.path.realpath(emulator.port)):
            with open_rig(NANO, AtPort(port)) as rig:
                assert rig.kind == "emulated"
                assert rig.emulator is not None
                assert rig.emulator.pid == emulator.pid
        assert attach_emulator(emulator.control).status()["state"] == "loader"


def test_a_running_twin_has_one_user_at_a_time() -> None:
    """By whatever name, and also after it was plugged in anew; two at once would each see the other's resets."""
    with start_emulator(HOST) as emulator:
        with open_rig(HOST, AtPort(emulator.port)):
            for _ in range(2):
                for port in (emulator.port, os.path.realpath(emulator.port)):
                    assert lease_on(port) is not None
                    with pytest.raises(LeaseHeld, match=f"host at .* in use by .*pid {os.getpid()}"):
                        open_rig(HOST, AtPort(port))
                emulator.unplug()
                emulator.plug()
        assert lease_on(emulator.port) is None
        open_rig(HOST, AtPort(os.path.realpath(emulator.port))).close()


def test_a_twin_of_another_board_is_refused() -> None:
    """The port of a host twin is no Nano; foreign firmware may run on a twin of any board, and the rig knows which."""
    with start_emulator(HOST) as emulator:
        with pytest.raises(ConfigError, match="is host, not nano33ble-sense"):
            open_rig(NANO, AtPort(emulator.port))
        with open_rig(FOREIGN, AtPort(emulator.port)) as rig:
            assert (rig.board.name, rig.kind) == ("host", "host")


def test_an_image_for_another_board_is_refused(tmp_path: Path) -> None:
    """Before anything is touched."""
    with open_rig(NANO) as rig, pytest.raises(ConfigError, match="image is for host"):
        rig.flash(FakeImage(HOST, tmp_path / "image.elf"))  # type: ignore[arg-type]


def test_a_twin_that_was_stopped_says_what_stopped_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rig passes on the emulator's report, and says nothing while there is none."""
    with open_rig(HOST) as rig:
        assert rig.report() == ""
        monkeypatch.setattr(rig.emulator, "report", lambda: "access outside the memory map")
        assert rig.report() == "access outside the memory map"


def test_flash_error_of_a_twin_comes_through(tmp_path: Path) -> None:
    """A file that is no image is a FlashError, with the file in it."""
    elf = tmp_path / "image.elf"
    elf.write_bytes(b"no image")
    with open_rig(NANO) as rig, pytest.raises(FlashError, match=r"image\.elf"):
        rig.flash(FakeImage(NANO, elf))  # type: ignore[arg-type]


def test_a_vanished_twin_is_a_bench_error() -> None:
    """A twin that was ended under the rig's feet is told as such."""
    with start_emulator(NANO) as emulator:
        rig = open_rig(NANO, AtPort(emulator.port))
    with pytest.raises(BoardNotFound):
        rig.reset()
