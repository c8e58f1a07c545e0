"""A farm for these tests: real coordinator, exporter, ser2net and sshd, on loopback; the boards are emulated."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from farm_tests.loopback import (
    SER2NET,
    SSHD,
    Farm,
    PrivateSshd,
    Seat,
    free_port,
    labgrid_environment,
    ser2net,
)
from tinysine.boards import load_board
from tinysine.graph import read_judged
from tinysine.image import Image, build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.rigs import open_rig

BOARD = "nano33ble-sense"
RAW, TELNET = "b1", "b2"


@pytest.fixture(scope="session")
def programs() -> Path:
    """Labgrid, in an environment of its own; made from PyPI once."""
    return labgrid_environment()


@pytest.fixture(scope="session")
def image() -> Image:
    """The firmware of the reference model."""
    return build_image(read_judged(REFERENCE_MODEL, own=True), load_board(BOARD))


@dataclass(frozen=True)
class Lines:
    """An emulated board behind ser2net.

    Attributes:
        raw: TCP port of plain bytes.
        telnet: TCP port that speaks RFC 2217.
        control: of the board's own control socket.
    """

    raw: int
    telnet: int
    control: str


@pytest.fixture(scope="session")
def lines(
    tmp_path_factory: pytest.TempPathFactory, image: Image, require: Callable[[str], str]
) -> Iterator[Lines]:
    """One running board with the firmware on it, and its line as two TCP ports."""
    if not SER2NET:
        require("ser2net")
    with open_rig(image.board, shared=True) as rig:
        rig.flash(image)
        assert rig.emulator is not None
        raw, telnet = free_port(), free_port()
        with ser2net(tmp_path_factory.mktemp("ser2net"), {raw: rig.port, telnet: rig.port}, rfc2217=[telnet]):
            yield Lines(raw, telnet, rig.emulator.control)


class Power(BaseHTTPRequestHandler):
    """Server for labgrid's `simplerest`: /PORT to read, /PORT/1 and /PORT/0 to switch."""

    switched: list[str]
    broken = False

    def do_GET(self) -> None:
        """Switch, or tell."""
        if type(self).broken:
            self.send_error(500)
            return
        self.switched.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"1")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def power() -> Iterator[tuple[int, type[Power]]]:
    """A power switch, and the port that it listens on."""
    kind = type("OwnPower", (Power,), {"switched": [], "broken": False})
    server = HTTPServer(("127.0.0.1", 0), kind)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], kind
    server.shutdown()
    server.server_close()


FarmMaker = Callable[..., Farm]


@pytest.fixture
def new_farm(
    programs: Path, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FarmMaker]:
    """Start a farm of one's own; this process and those that it starts are its clients."""
    farms: list[Farm] = []

    def make(*seats: Seat, isolated: bool = False) -> Farm:
        default = (
            Seat(RAW, lines.raw, tags={"board": "nano33ble", "line": "raw"}),
            Seat(TELNET, lines.telnet, protocol="rfc2217", tags={"board": "nano33ble", "line": "telnet"}),
        )
        farm = Farm(programs, tmp_path / f"farm{len(farms)}", seats or default, isolated=isolated)
        farms.append(farm)
        farm.start()
        for name, value in farm.variables.items():
            monkeypatch.setenv(name, value)
        return farm

    yield make
    for farm in farms:
        farm.close()


@pytest.fixture
def farm(new_farm: FarmMaker) -> Farm:
    """A farm of two places."""
    return new_farm()


@dataclass(frozen=True)
class FlashTool:
    """The fake pyOCD on the computer that ssh reaches.

    Attributes:
        folder: of its files; see fake_pyocd.py.
    """

    folder: Path

    def behave(self, mode: str) -> None:
        """Work from now on, "fail" or "hang"."""
        (self.folder / "mode").write_text(mode, encoding="utf-8")

    def calls(self) -> list[str]:
        """Each call, as it wrote them down."""
        file = self.folder / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.fixture
def flash_tool(
    tmp_path: Path, lines: Lines, image: Image, require: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[FlashTool]:
    """A private sshd whose PATH has a flash tool, and an ssh that reaches it."""
    if not SSHD:
        require("sshd")
    folder = tmp_path / "tool"
    folder.mkdir()
    script = folder / "pyocd"
    source = Path(__file__).with_name("fake_pyocd.py").read_text(encoding="utf-8")
    script.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
    script.chmod(0o755)
    assert image.binary is not None
    digest = hashlib.sha256(image.binary.read_bytes()).hexdigest()
    (folder / "images").write_text(f"{digest} {image.elf}\n", encoding="utf-8")
    (folder / "control").write_text(str(lines.control), encoding="utf-8")
    tool = FlashTool(folder)
    tool.behave("work")
    sshd = PrivateSshd(tmp_path / "sshd", path=f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PATH", f"{sshd.programs}:{os.environ['PATH']}")
    assert shutil.which("ssh") == str(sshd.programs / "ssh")
    yield tool
    sshd.close()
