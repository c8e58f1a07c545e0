"""Script for another computer's shell: the image arrives, the tool is watched, nothing is left there."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tinysine.boards import load_board
from tinysine.errors import ConfigError, FlashError
from tinysine.farm.remote_flashing import REMOTE_TOOLS, remote_tool
from tinysine.farm.ssh import IMAGE, remote_folder, run_there
from tinysine.flashing.tool import Target

IMAGE_BYTES = bytes(range(256)) * 1000  # more than a pipe holds


@pytest.fixture(autouse=True)
def local_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ssh that runs its last argument here, as the login shell of the other computer would."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor last; do :; done\nexec /bin/sh -c "$last"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_the_image_arrives_whole_and_the_folder_goes() -> None:
    """The tool reads it under the name that its command has, and its output comes back."""
    folder = remote_folder()
    output = run_there(
        "bench1",
        "tool",
        ["sha256sum", f"{folder}/{IMAGE}"],
        timeout_s=30,
        image=IMAGE_BYTES,
        folder=folder,
    )
    assert output.split()[0] == hashlib.sha256(IMAGE_BYTES).hexdigest()
    assert not Path(folder).exists()
    assert remote_folder() != folder


def test_arguments_are_the_tools_and_no_shells() -> None:
    """Whatever a tag or a bench file holds."""
    odd = 'a b; touch x\' $(id) "`id`" \\'
    output = run_there("h", "tool", ["printf", "%s|", odd, ""], timeout_s=30, folder=remote_folder())
    assert output == f"{odd}||"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["sh", "-c", "echo a; echo no probe; exit 3"], r"tool on h failed \(exit code 3\): no probe"),
        (["sh", "-c", "exit 255"], "h cannot be reached by ssh"),
        (["no-such-tool-anywhere"], "h has no no-such-tool-anywhere"),
        (["sleep", "60"], r"tool on h failed \(exit code 124\)"),
    ],
)
def test_failures_are_told_apart(command: list[str], told: str) -> None:
    """The tool's own, ssh's, a tool that is not there, and one that does not end."""
    folder = remote_folder()
    with pytest.raises(FlashError, match=told):
        run_there("h", "tool", command, timeout_s=1 if command[0] == "sleep" else 30, folder=folder)
    assert not Path(folder).exists()


def test_an_image_that_is_cut_short_is_not_flashed(tmp_path: Path) -> None:
    """The connection ended while it was sent."""
    cut = tmp_path / "bin" / "ssh"
    cut.write_text('#!/bin/sh\nfor last; do :; done\nhead -c 100 | /bin/sh -c "$last"\n', encoding="utf-8")
    flashed = tmp_path / "flashed"
    with pytest.raises(FlashError, match="the image did not arrive whole"):
        run_there(
            "h", "tool", ["touch", str(flashed)], timeout_s=30, image=IMAGE_BYTES, folder=remote_folder()
        )
    assert not flashed.exists()


def _pid_in(file: Path) -> int:
    deadline = time.monotonic() + 60
    while not (file.exists() and (text := file.read_text(encoding="utf-8").strip())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(text)


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_tool_is_ended_when_its_place_is_lost(tmp_path: Path) -> None:
    """The stop that another thread sets ends what runs here and there."""
    stop, file = threading.Event(), tmp_path / "pid"
    command = ["sh", "-c", f"echo $$ >{shlex.quote(str(file))}; exec sleep 600"]

    def lose() -> None:
        _pid_in(file)
        stop.set()

    threading.Thread(target=lose).start()
    with pytest.raises(FlashError, match="killed"):
        run_there("h", "tool", command, timeout_s=300, folder=remote_folder(), stop=stop)
    assert _ends(_pid_in(file))


def test_a_tool_does_not_outlive_who_asked_for_it(tmp_path: Path) -> None:
    """The client is killed: the watcher reads the end of its input, and ends the tool."""
    file = tmp_path / "pid"
    tool = ["sh", "-c", f"echo $$ >{shlex.quote(str(file))}; exec sleep 600"]
    code = (
        "from tinysine.farm.ssh import *\n"
        f"run_there('h', 'tool', {tool!r}, timeout_s=300, folder=remote_folder())"
    )
    client = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    pid = _pid_in(file)
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert _ends(pid)


def test_each_remote_tool_names_image_and_probe() -> None:
    """One command, with the image's place there, its address, and the probe of this board alone."""
    target = Target(load_board("stm32f746g-disco"), "socket://h:1")
    for name, tool in REMOTE_TOOLS.items():
        if tool.name in (*target.board.flash_options, "st-flash", "program"):
            load = tool.load_command(tool.programs[0], "/tmp/x/image.bin", 0x8000000, target, "P1")
            reset = tool.reset_command(tool.programs[0], target, "P1")
            assert any("/tmp/x/image.bin" in word for word in load), name
            assert any("0x08000000" in word for word in load), name
            assert all(any("P1" in word for word in command) for command in (load, reset)), name
            assert load[0] == reset[0] == tool.programs[0]


def test_a_tool_that_works_here_alone_is_refused() -> None:
    """With the nearest that works there."""
    assert set(REMOTE_TOOLS) == {"openocd", "program", "pyocd", "st-flash"}
    with pytest.raises(ConfigError, match="'pyocd'"):
        remote_tool("pyocds", where="the place b1")
    with pytest.raises(ConfigError, match="none that works on another computer"):
        remote_tool("bossac", where="the place b1")
