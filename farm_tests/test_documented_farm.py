"""docs/farm.md, typed from the first command to the last: what a reader builds is a farm, and a board of it passes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from farm_tests.conftest import BOARD
from farm_tests.loopback import SER2NET, end, free_port, listens, until
from tinysine.image import Image
from tinysine.model import REFERENCE_MODEL
from tinysine.rigs import open_rig

PAGE = Path(__file__).parents[1] / "docs" / "farm.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNS_ON = ("labgrid-coordinator", "labgrid-exporter", "ser2net ")  # until they are ended


class Reader:
    """Types what a part of the page says, in a home and a folder of its own, and reads the answers.

    Args:
        page: what to type; addresses and the device are those of this computer.
        folder: for everything.
        programs: of the environment with labgrid.
    """

    def __init__(self, page: str, folder: Path, programs: Path) -> None:
        self.blocks = [(kind, text) for kind, text in BLOCK.findall(page)]
        self.folder = folder
        (folder / "labgrid").symlink_to(programs.parent)
        own = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
        self.variables = {**os.environ, "HOME": str(folder), "PATH": own}
        self.variables["TINYSINE_LABGRID"] = str(programs / "labgrid-client")
        self._running: list[subprocess.Popen[bytes]] = []

    def write(self, name: str, beginning: str) -> None:
        """Write the file that a block with this beginning holds."""
        found = [
            text for kind, text in self.blocks if kind in ("yaml", "toml") and text.startswith(beginning)
        ]
        (self.folder / name).write_text(found[0], encoding="utf-8")

    def shell(self, beginning: str) -> str:
        """Type the block of shell commands that begins like this; a server is left running."""
        (text,) = [text for kind, text in self.blocks if kind == "sh" and text.startswith(beginning)]
        if any(server in text for server in RUNS_ON):
            *before, last = text.splitlines()
            self.start("\n".join([*before, f"exec {last}"]))
            return ""
        return self.run(text)

    def run(self, text: str) -> str:
        """Type commands, of which each must end well; returns what they say."""
        done = subprocess.run(
            ["sh", "-e", "-c", text],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, text: str) -> None:
        """Type a command that runs on."""
        with (self.folder / "servers.log").open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    ["sh", "-c", text], cwd=self.folder, env=self.variables, stdout=log, stderr=log
                )
            )

    def close(self) -> None:
        """End what runs on."""
        for process in reversed(self._running):
            end(process)


@pytest.fixture
def reader(
    tmp_path: Path, programs: Path, image: Image, require: Callable[[str], str]
) -> Iterator[tuple[Reader, int, int]]:
    """A reader with a board at this computer, and the ports of coordinator and serial line."""
    if not SER2NET:
        require("ser2net")
    coordinator, line = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        rig = stack.enter_context(open_rig(image.board, shared=True))
        rig.flash(image)
        with rig.open_device(image, timeout_s=60) as device:
            unique_id = device.identity.unique_id
        page = PAGE.read_text(encoding="utf-8")
        device_of_page = next(iter(re.findall(r"serialdev,([^,]+),", page)))
        for said, here in (
            ("20408", str(coordinator)),
            ("4001", str(line)),
            (device_of_page, rig.port),
            ("8f3b5a2c91d07e64", str(unique_id)),
        ):
            assert said in page
            page = page.replace(said, here)
        typing = Reader(page, tmp_path, programs)
        stack.callback(typing.close)
        shutil.copy(REFERENCE_MODEL, tmp_path / "my.tflite")
        yield typing, coordinator, line


def test_every_command_of_the_page_works_in_its_order(reader: tuple[Reader, int, int]) -> None:
    """Coordinator, ser2net, exporter, place, tags, a verification and a night; pip alone is left out."""
    typing, coordinator, line = reader
    typing.shell("mkdir -p coordinator")
    until(lambda: listens(coordinator), "the coordinator listens")
    typing.write("ser2net.yaml", "# ser2net.yaml")
    text = (typing.folder / "ser2net.yaml").read_text(encoding="utf-8")
    typing.start("exec " + text.splitlines()[0].partition("start it with: ")[2])
    until(lambda: listens(line), "ser2net listens")
    typing.write("exported.yaml", "nano-1:\n  NetworkSerialPort")
    typing.shell("~/labgrid/bin/labgrid-exporter")
    address = f"~/labgrid/bin/labgrid-client -x 127.0.0.1:{coordinator}"
    until(lambda: "bench-1/nano-1" in typing.run(f"{address} resources"), "the exporter's resources")
    typing.shell("alias lc=")
    assert "unique_id" in typing.run(f"{address} -p nano-1 show")
    typing.shell("export LG_COORDINATOR=127.0.0.1")
    assert '"verdict": "pass"' in (typing.folder / "nano-1.json").read_text(encoding="utf-8")
    assert "nano-1" not in typing.run(f"{address} who")
    typing.write("tinysine-bench.toml", "# tinysine-bench.toml")
    typing.variables["LG_COORDINATOR"] = f"127.0.0.1:{coordinator}"
    assert BOARD in typing.shell("tinysine nightly")


def test_no_command_of_the_page_is_forgotten() -> None:
    """Each block of shell commands is one that the test above types, or is named here with the reason."""
    typed = ("mkdir -p coordinator", "~/labgrid/bin/labgrid-exporter", "alias lc=", "tinysine nightly")
    shown = (
        "export LG_COORDINATOR=farm.example",  # at the top: a farm that is there already
        "python3 -m venv ~/labgrid",  # from PyPI; `programs` does the same
        "export LG_COORDINATOR=127.0.0.1",
    )
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        assert kind != "sh" or text.startswith((*typed, *shown)), text
