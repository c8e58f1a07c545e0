"""Programs with a deadline: what they said is kept, and nothing of them is left behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from tinysine import processes
from tinysine.errors import EXIT_BENCH_FAILURE, FlashError
from tinysine.flashing.process import run_tool
from tinysine.processes import MOST_OUTPUT, run_program

PARENT = """
import os, subprocess, sys, time
detached = {"start_new_session": True} if len(sys.argv) > 1 and sys.argv[1] == "detached" else {}
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], **detached)
print("child", child.pid, flush=True)
if len(sys.argv) > 2: sys.exit(0)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Tell whether a process ends within a few seconds; one that is not waited for counts as ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("session", ["same", "detached"])
def test_a_program_that_hangs_is_killed_with_its_children(session: str) -> None:
    """Those in its own session, and those that left it: a child that goes on would hold the probe."""
    done = run_program([sys.executable, "-c", PARENT, session], timeout_s=1.0)
    assert done.exit_code is None
    assert 1.0 <= done.seconds < 10
    name, pid = done.output.split()
    assert name == "child"
    assert gone(int(pid))


def test_a_child_that_stays_does_not_hold_up_the_end() -> None:
    """A program that left a daemon behind has ended, although the daemon has its output open."""
    done = run_program([sys.executable, "-c", PARENT, "detached", "leave"], timeout_s=30.0)
    try:
        assert done.exit_code == 0
        assert done.seconds < 20
    finally:
        os.kill(int(done.output.split()[1]), 9)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="sessions are read from /proc")
def test_a_child_that_is_left_in_the_session_is_ended() -> None:
    """A tool that was content and left a part of it running would hold the probe."""
    done = run_program([sys.executable, "-c", PARENT, "same", "leave"], timeout_s=30.0)
    assert done.exit_code == 0
    assert done.seconds < 20
    assert gone(int(done.output.split()[1]))


def test_a_daemon_lives_on() -> None:
    """A process in a session of its own stays alive."""
    done = run_program([sys.executable, "-c", PARENT, "detached", "leave"], timeout_s=30.0)
    pid = int(done.output.split()[1])
    try:
        os.kill(pid, 0)
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    finally:
        os.kill(pid, 9)


def test_a_flood_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is written while the program runs only the end is kept, and what comes after that."""
    sizes: list[int] = []
    real = processes._trim

    def trim(log: IO[bytes]) -> None:
        real(log)
        sizes.append(os.fstat(log.fileno()).st_size)

    monkeypatch.setattr(processes, "_trim", trim)
    monkeypatch.setattr(processes, "MOST_ON_DISK", 2 * MOST_OUTPUT)
    code = f"import os, time\nfor _ in range(8): os.write(1, b'x' * {MOST_OUTPUT}); time.sleep(0.1)\nprint('the end')"
    output = run_program([sys.executable, "-c", code], timeout_s=20).output
    assert max(sizes) <= 2 * MOST_OUTPUT
    assert len(output) == MOST_OUTPUT
    assert output.endswith("xxxthe end\n")


def test_output_of_both_streams_is_kept_in_order() -> None:
    """Standard output and standard error are one text, as in a terminal; bytes that are none are shown so."""
    code = "import os; os.write(1, b'one '); os.write(2, b'two '); os.write(1, b'\\xff')"
    assert run_program([sys.executable, "-c", code], timeout_s=20).output == "one two �"


def test_of_a_flood_the_end_is_kept() -> None:
    """A tool that fills the screen does not fill the memory."""
    code = f"print('x' * {MOST_OUTPUT * 2}); print('the end')"
    output = run_program([sys.executable, "-c", code], timeout_s=20).output
    assert len(output) == MOST_OUTPUT
    assert output.endswith("the end\n")


def test_nothing_is_asked_of_a_terminal() -> None:
    """A tool that asks a question gets the end of its input, not a night's wait."""
    done = run_program([sys.executable, "-c", "input('sure? ')"], timeout_s=20)
    assert done.exit_code == 1
    assert "EOFError" in done.output


def test_a_failing_tool_tells_its_command_and_its_output() -> None:
    """A person can repeat it by hand."""
    command = [sys.executable, "-c", "print('first'); print('no probe'); raise SystemExit(3)", "a b"]
    with pytest.raises(FlashError, match=r"mytool failed \(exit code 3\): no probe .*plug it in") as caught:
        run_tool("mytool", command, timeout_s=20, hint="plug it in")
    error = caught.value
    assert error.exit_code == EXIT_BENCH_FAILURE
    assert (error.tool, error.output) == ("mytool", "first\nno probe\n")
    assert str(error.command).endswith("'a b'")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("libusb: error: LIBUSB_ERROR_ACCESS", "`tinysine doctor --no-boards` prints the command"),
        ("avrdude: ser_open(): can't open /dev/ttyACM0: Permission denied", "`tinysine doctor --no-boards`"),
        ("Error: libusb_claim_interface() failed with LIBUSB_ERROR_BUSY", "end the other program"),
        ("OSError: [Errno 28] No space left on device", "free"),
        ("ModuleNotFoundError: No module named 'Crypto'", "install the tool again"),
    ],
)
def test_a_cause_that_lies_with_the_computer_is_said_with_what_helps(said: str, hint: str) -> None:
    """The line that names it, wherever it stands, before what the tool itself advises."""
    code = f"print('connecting'); print({said!r}); print('upload failed'); raise SystemExit(1)"
    with pytest.raises(FlashError) as caught:
        run_tool("mytool", [sys.executable, "-c", code], timeout_s=20, hint="plug it in")
    assert caught.value.message == f"mytool failed (exit code 1): {said}"
    assert caught.value.hint.startswith(hint)
    assert caught.value.hint.endswith("; plug it in")


def test_a_hanging_tool_is_a_flash_error() -> None:
    """The deadline is named, and what it said until then is kept."""
    code = "import time; print('waiting for button', flush=True); time.sleep(600)"
    with pytest.raises(FlashError, match=r"no end within 1 s, killed\): waiting for button"):
        run_tool("mytool", [sys.executable, "-c", code], timeout_s=1)


def test_a_tool_that_cannot_be_started_is_a_flash_error(tmp_path: Path) -> None:
    """Not there, or not to be executed."""
    with pytest.raises(FlashError, match="mytool cannot be started: No such file"):
        run_tool("mytool", [str(tmp_path / "none")], timeout_s=1)
    (tmp_path / "some").write_text("text")
    with pytest.raises(FlashError, match="mytool cannot be started: Permission denied"):
        run_tool("mytool", [str(tmp_path / "some")], timeout_s=1)


def test_a_content_tool_gives_its_output() -> None:
    """The output of a successful tool is returned, for example a list of probes."""
    assert run_tool("mytool", [sys.executable, "-c", "print('fine')"], timeout_s=20) == "fine\n"
