"""A compiler that hangs keeps nobody from ending a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from unit_tests.waiting import wait_until

# Answers what it is; on anything else it starts a child, and neither of the two ends by being asked.
COMPILER = """#!{python} -S
import os, signal, subprocess, sys, time
if "--version" in sys.argv:
    print("cc that hangs")
    sys.exit()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
with open({log!r}, "a") as log:
    log.write(f"{{os.getpid()}} {{child.pid}}\\n")
time.sleep(600)
"""


def lives(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are followed through /proc")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.long
@pytest.mark.parametrize("command", ["verify", "build"])
def test_an_interrupt_does_not_wait_for_the_compiler(model: Path, tmp_path: Path, command: str) -> None:
    """It ends long before the compiler would, and takes the compiler and its children along."""
    log, programs = tmp_path / "pids", tmp_path / "bin"
    programs.mkdir()
    compiler = programs / "cc"
    compiler.write_text(COMPILER.format(python=sys.executable, log=str(log)))
    compiler.chmod(0o755)
    arguments = [command, model, "--board", "host", "--toolchain", "gcc"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tinysine.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
        env=os.environ
        | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    wait_until(lambda: log.exists() and log.read_text())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)  # the compiler would take 600
    assert process.returncode == 130, err
    assert "Traceback" not in err
    pids = [int(pid) for pid in log.read_text().split()]
    assert len(pids) >= 2
    wait_until(lambda: not any(map(lives, pids)))
