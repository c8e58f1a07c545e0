"""Boards connected to this computer: who it is, what runs there, who uses it, what to do next."""

from __future__ import annotations

import os
import pty
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from tinysine.bench.bench_file import BenchEntry, BenchFile
from tinysine.bench.census import FoundBoard, take_census
from tinysine.boards import load_board
from tinysine.emulation import start_emulator
from tinysine.errors import PortUnavailable
from tinysine.graph import read_network
from tinysine.image import build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.rigs import take_lease

NANO, FOREIGN = (0x2341, 0x805A), (0x1234, 0x5678)
HOST = load_board("host")

SLOW = """
name = "slow"
based_on = "nano33ble-sense"
[uart]
block = "nrf_uart"
base = 0x40002000
tx = "P1.03"
rx = "P1.10"
baud = 57600
"""

Plug = Callable[..., None]


@pytest.fixture(autouse=True)
def _own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Lets a test say which USB serial ports there are: (port, ids, serial number)."""

    def plug(*ports: tuple[str, tuple[int, int], str]) -> None:
        found = [
            SimpleNamespace(device=port, vid=ids[0], pid=ids[1], serial_number=serial, description="words")
            for port, ids, serial in ports
        ]
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: found)

    plug()
    return plug


@pytest.fixture
def wire() -> Iterator[tuple[str, int]]:
    """A port with nobody at the other end: its name, and that end."""
    far, near = pty.openpty()
    tty.setraw(near)
    yield os.ttyname(near), far
    os.close(near)
    os.close(far)


@pytest.fixture(scope="module")
def tinysine_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A port where tinysine's firmware runs."""
    image = build_image(read_network(REFERENCE_MODEL), HOST, out_dir=tmp_path_factory.mktemp("image"))
    with start_emulator(HOST) as emulator:
        emulator.flash(image.elf)
        yield emulator.port


def only(found: tuple[FoundBoard, ...]) -> FoundBoard:
    """The one board that there is."""
    (board,) = found
    return board


def test_nothing_attached_is_nothing_found(plug: Plug) -> None:
    """An empty computer is no error."""
    plug()
    assert take_census(BenchFile()) == ()


def test_a_board_that_runs_tinysine_says_who_it_is(plug: Plug, tinysine_port: str) -> None:
    """Its own word counts for more than its USB ids; what it runs is told in full."""
    plug((tinysine_port, NANO, "A"))
    found = only(take_census(BenchFile()))
    assert (found.state, found.board, found.known_by) == ("running tinysine", "host", "device")
    assert found.identity is not None
    assert found.identity.rounding == "litert"
    assert len(found.identity.build_id) == 32
    assert found.identity.counter == "HOST_NS"
    assert found.next == f"tinysine verify MODEL --board host --port {tinysine_port}"


def test_a_silent_board_is_to_be_flashed(plug: Plug, wire: tuple[str, int], tmp_path: Path) -> None:
    """Without a tool, first to install one."""
    port, _ = wire
    plug((port, NANO, "A"))
    found = only(take_census(BenchFile(), timeout_s=0.3))
    assert (found.state, found.board, found.known_by) == ("silent", "nano33ble-usb", "usb")
    assert found.next.startswith("install one of: arduino-cli")
    (tmp_path / "bossac").touch(mode=0o755)
    found = only(take_census(BenchFile(), timeout_s=0.3))
    assert found.next == f"tinysine flash MODEL --board nano33ble-usb --port {port}"


def test_a_board_is_asked_at_its_own_rate(
    plug: Plug, wire: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board that the bench file names has the rate of its board file."""
    plug()
    port, far = wire
    folder = tmp_path / "boards"
    folder.mkdir()
    (folder / "slow.toml").write_text(SLOW)
    monkeypatch.setenv("TINYSINE_BOARDS", str(folder))
    take_census(BenchFile((BenchEntry("slow", port=port),), "bench.toml"), timeout_s=0.2)
    assert termios.tcgetattr(far)[4] == termios.B57600


def test_other_firmware_is_told_from_silence(plug: Plug, wire: tuple[str, int]) -> None:
    """A board that prints something else runs something else."""
    port, far = wire
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.02):
            os.write(far, b"temperature 21.5 C\r\n")

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        plug((port, NANO, "A"))
        found = only(take_census(BenchFile(), timeout_s=0.5))
    finally:
        over.set()
        talker.join()
    assert found.state == "other firmware"
    assert "temperature" in found.detail


def test_a_leased_board_is_left_alone(plug: Plug, wire: tuple[str, int]) -> None:
    """It is not asked, and who holds it is told."""
    port, far = wire
    plug((port, NANO, "A"))
    os.set_blocking(far, False)
    with take_lease(port, board="nano33ble-sense", usb_serial="A") as lease:
        found = only(take_census(BenchFile()))
    assert (found.state, found.lease) == ("in use", lease.record.holder)
    assert f"pid {os.getpid()}" in found.next
    with pytest.raises(BlockingIOError):
        os.read(far, 1)


def test_unknown_ports_are_asked_only_on_demand(plug: Plug, wire: tuple[str, int]) -> None:
    """Nobody knows what a request does to somebody's printer."""
    port, far = wire
    plug((port, FOREIGN, "A"))
    os.set_blocking(far, False)
    found = only(take_census(BenchFile()))
    assert (found.state, found.board) == ("not asked", None)
    assert "--board NAME" in found.next
    with pytest.raises(BlockingIOError):
        os.read(far, 1)
    assert only(take_census(BenchFile(), ask="all", timeout_s=0.3)).state == "silent"
    assert os.read(far, 1)


def test_nobody_is_asked_if_so_wished(plug: Plug, wire: tuple[str, int]) -> None:
    """Opening a port resets some boards."""
    port, far = wire
    plug((port, NANO, "A"))
    os.set_blocking(far, False)
    assert only(take_census(BenchFile(), ask="none")).state == "not asked"
    with pytest.raises(BlockingIOError):
        os.read(far, 1)


@pytest.mark.parametrize(
    ("cause", "state", "advice"),
    [
        ("busy", "in use", "close minicom (4711)"),
        ("permission", "no permission", "sudo usermod -aG dialout ada"),
        ("missing", "unusable", "unplug it"),
    ],
)
def test_a_port_that_cannot_be_opened_says_why(plug: Plug, cause: str, state: str, advice: str) -> None:
    """Three causes; what to do is what the link says of each, word for word, and is said once."""

    def connect(port: str, **_options: object) -> None:
        raise PortUnavailable(f"{port} cannot be opened", hint=advice, port=port, cause=cause)

    plug(("/dev/ttyX", NANO, "A"))
    found = only(take_census(BenchFile(), connect=connect))  # type: ignore[arg-type]
    assert found.state == state
    assert found.next == advice
    assert found.detail == "/dev/ttyX cannot be opened"


def test_the_bench_names_what_usb_cannot(plug: Plug, tinysine_port: str) -> None:
    """An adapter under foreign ids is the board that the bench file says; one without USB is listed, too."""
    plug(("/dev/ttyX", FOREIGN, "FT1"))
    bench = BenchFile(
        (BenchEntry("sparkfun-edge", usb_serial="FT1"), BenchEntry("host", port=tinysine_port)), "bench.toml"
    )
    first, second = take_census(bench, ask="none")
    assert (first.board, first.known_by, first.port) == ("sparkfun-edge", "bench", "/dev/ttyX")
    assert (second.board, second.port, second.vendor_id) == ("host", tinysine_port, None)
    plug()
    asked = {board.board: board.state for board in take_census(bench)}
    assert asked == {"host": "running tinysine", "sparkfun-edge": "missing"}


def test_a_board_of_the_bench_that_is_not_there_is_missing(plug: Plug) -> None:
    """By serial number or by port; another one of its kind does not stand in for it."""
    plug(("/dev/ttyX", NANO, "B"))
    bench = BenchFile(
        (
            BenchEntry("nano33ble-usb", usb_serial="A"),
            BenchEntry("sparkfun-edge", port="/dev/tty-that-is-not-there"),
        ),
        "bench.toml",
    )
    other, *missing = take_census(bench, ask="none")
    assert (other.board, other.known_by) == ("nano33ble-usb", "usb")
    assert [board.state for board in missing] == ["missing", "missing"]
    assert missing[0].next == "plug it in, or correct bench.toml"


def test_a_place_of_a_farm_is_listed_and_not_asked() -> None:
    """It would have to be acquired first; the next command is the one that waits for it."""

    def connect(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError("it was asked")

    bench = BenchFile((BenchEntry("nano33ble-sense", port="labgrid:b1"),), "bench.toml")
    row = next(row for row in take_census(bench, connect=connect) if row.known_by == "bench")
    assert (row.port, row.state) == ("labgrid:b1", "not asked")
    assert row.next == "tinysine verify MODEL --board nano33ble-sense --port labgrid:b1"
