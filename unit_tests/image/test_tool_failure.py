"""A tool's failure is told by its cause, not by the last word of whoever called the tool."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.errors import EXIT_BENCH_FAILURE, EXIT_USAGE, BuildError
from tinysine.image.sketch_cli import overflow_of
from tinysine.image.tool_failure import describe_failure, describe_no_start
from tinysine.image.tool_run import run_tool
from tinysine.processes import Finished

OVERFLOW = (
    "/usr/lib/avr/bin/ld: x.elf section `.bss' will not fit in region `data'\n"
    "/usr/lib/avr/bin/ld: region `data' overflowed by 9 bytes\ncollect2: error: ld returned 1 exit status\n"
)
UNDEFINED = (
    "/usr/bin/ld: main.o: in function `main':\nmain.c:(.text+0x5): undefined reference to `ts_go'\n"
    "collect2: error: ld returned 1 exit status\n"
)


def failure(output: str, exit_code: int = 1) -> Finished:
    """A program that has ended badly."""
    return Finished(("ld",), exit_code, output, 0.1)


@pytest.mark.parametrize(
    ("output", "cause", "hint"),
    [
        (OVERFLOW, "will not fit in region `data'", ""),
        (UNDEFINED, "undefined reference to `ts_go'", ""),
        (
            "/usr/bin/ld: final link failed: No space left on device\ncollect2: error: x\n",
            "No space left",
            "free",
        ),
        (
            "a.c:1: error: late\ncc: fatal error: cannot execute 'cc1': execvp: Permission\n",
            "cannot exec",
            "noexec",
        ),
        ("/usr/bin/ld: cannot open output file a.elf: Permission denied\n", "Permission denied", "noexec"),
        ("cc: fatal error: Killed signal terminated program cc1\n", "Killed signal", "memory"),
        ("cc1: error while loading shared libraries: libmpc.so.3\n", "libmpc.so.3", "install"),
        (
            "In file included\na.c:3:1: error: unknown type name 'x'\ncompilation terminated.\n",
            "unknown type",
            "",
        ),
        ("Used platform\nError during build: exit status 1\nx.cpp:1: error: no y\n", "error: no y", ""),
        ("something else\n", "something else", ""),
        ("", "failed with exit code 1", ""),
    ],
)
def test_the_line_that_tells_the_cause_is_shown(output: str, cause: str, hint: str, tmp_path: Path) -> None:
    """Of many lines, the one that a person would look for; and what helps, where that is known."""
    message, advice = describe_failure("ld", failure(output), tmp_path)
    assert cause in message
    assert "ld returned" not in message
    assert "\n" not in message
    assert hint in advice
    assert bool(hint) == bool(advice)


def test_a_tool_killed_in_silence_is_told_by_its_signal(tmp_path: Path) -> None:
    """SIGKILL is how a system out of memory ends programs."""
    message, hint = describe_failure("zig", failure("", -9), tmp_path)
    assert message == "zig was killed by SIGKILL"
    assert "memory" in hint


def test_a_full_disk_is_told_where_the_tool_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A linker that writes through a mapping is killed by SIGBUS and says nothing."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage._replace(free=0))
    message, hint = describe_failure("zig", failure("", -7), tmp_path)
    assert message == f"zig was killed by SIGBUS: no space left in {tmp_path}"
    assert "free some" in hint


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EACCES, "noexec"), (errno.ENOSPC, "free some"), (errno.ENOENT, "")]
)
def test_a_program_that_does_not_start_says_why(number: int, hint: str) -> None:
    """A folder mounted noexec, a full disk, a file that is gone."""
    message, advice = describe_no_start("cc", OSError(number, "reason", "/usr/bin/cc"))
    assert message.startswith("cc cannot be run: ")
    assert hint in advice


def test_a_failure_of_the_computer_is_the_benchs(tmp_path: Path) -> None:
    """A linker without room ends with 3, one line, and the whole output as a fact."""
    script = tmp_path / "ld"
    script.write_text(
        "#!/bin/sh\necho 'ld: final link failed: No space left on device'\necho collect2; exit 1\n"
    )
    script.chmod(0o700)
    with pytest.raises(BuildError, match="No space left on device") as caught:
        run_tool("ld", [str(script)], cwd=tmp_path)
    assert caught.value.exit_code == EXIT_BENCH_FAILURE
    assert "collect2" in str(caught.value.facts["output"])


def test_a_program_without_the_right_to_run_is_told(tmp_path: Path) -> None:
    """The system's own word, and what may be the cause."""
    script = tmp_path / "cc"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o600)
    with pytest.raises(BuildError, match=r"Permission denied.*noexec"):
        run_tool("cc", [str(script)], cwd=tmp_path)


SKETCH = "Sketch uses {} bytes (9%) of program storage space. Maximum is 983040 bytes.\n"
GLOBALS = "Global variables use {} bytes (9%) of dynamic memory. Maximum is 262144 bytes.\n"


@pytest.mark.parametrize(
    ("output", "memory", "by"),
    [
        ("ld: region `FLASH' overflowed by 77 bytes\ncollect2: error\n", "flash", 77),
        ("ld: region `RAM' overflowed by 8 bytes\n", "ram", 8),
        (SKETCH.format(983141) + GLOBALS.format(12) + "Sketch too big\n", "flash", 101),
        (SKETCH.format(10) + GLOBALS.format(262145) + "Not enough memory\n", "ram", 1),
    ],
)
def test_a_sketch_too_large_for_arduino_cli_is_bad_input(output: str, memory: str, by: int) -> None:
    """By its linker's words or by its own, where both memories are listed and one is too full."""
    error = overflow_of(output, load_board("nano33ble-usb"), ["arduino-cli"])
    assert error is not None
    assert (error.facts["memory"], error.facts["excess_bytes"]) == (memory, by)
    assert error.exit_code == EXIT_USAGE


@pytest.mark.parametrize("output", ["x.cpp:1: error: no\n", SKETCH.format(10) + GLOBALS.format(12)])
def test_a_sketch_that_fails_over_something_else_is_not_called_too_large(output: str) -> None:
    """Memories that are not full are no cause."""
    assert overflow_of(output, load_board("nano33ble-usb"), []) is None
