"""Tools of a build: what they are told of this computer, how they fail, and how they are ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.errors import BuildError
from tinysine.image import find_toolchain
from tinysine.image.tool_run import ended_by, environment, run_tool, run_tools
from tinysine.image.toolchain import compile_command

NANO = load_board("nano33ble-sense")


CHANGE_WHAT_IS_MADE = (
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH"),
    *(
        "GCC_EXEC_PREFIX",
        "GCC_COMPARE_DEBUG",
        "DEPENDENCIES_OUTPUT",
        "SUNPRO_DEPENDENCIES",
        "GCC_EXTRA_DIAGNOSTIC_OUTPUT",
    ),
    *(
        "LTO_WRAPPER",
        "COLLECT_GCC_OPTIONS",
        "LD_RUN_PATH",
        "LDEMULATION",
        "LDFLAGS",
        "LD_PRELOAD",
        "GNUTARGET",
    ),
    *("CCC_OVERRIDE_OPTIONS", "CCC_ADD_ARGS", "CL", "SDKROOT", "LLD_REPRODUCE", "ZIG_LIB_DIR", "ZIG_LIBC"),
    *("ZIG_VERBOSE_CC", "MACOSX_DEPLOYMENT_TARGET", "NIX_CFLAGS_COMPILE", "CFLAGS", "CC"),
)


def test_no_variable_changes_what_compilers_make(tmp_path: Path) -> None:
    """Of what is set, only places are passed on; the time stamp is always the same one."""
    given = dict.fromkeys(CHANGE_WHAT_IS_MADE, str(tmp_path))
    passed = environment(given | {"SOURCE_DATE_EPOCH": "1", "HOME": "h", "ARDUINO_DIRECTORIES_DATA": "d"})
    assert not passed.keys() & given.keys()
    assert (passed["SOURCE_DATE_EPOCH"], passed["HOME"], passed["ARDUINO_DIRECTORIES_DATA"]) == (
        "0",
        "h",
        "d",
    )


@pytest.mark.parametrize("choice", ["gcc", "zig"])
@pytest.mark.parametrize("variable", ["CPATH", "C_INCLUDE_PATH", "CCC_OVERRIDE_OPTIONS", "GCC_EXEC_PREFIX"])
def test_a_header_from_a_variable_is_not_compiled_in(
    require: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str, variable: str
) -> None:
    """A header of that name in the folder that the variable names would change the image under the same build id."""
    if choice == "gcc":
        require("arm-none-eabi-gcc")
    value = "+-DPOISON" if variable == "CCC_OVERRIDE_OPTIONS" else f"{tmp_path}/"
    monkeypatch.setenv(variable, value)
    (tmp_path / "poison.h").write_text("#define POISON\n")
    source = tmp_path / "code" / "some.c"
    source.parent.mkdir()
    source.write_text(
        "#if __has_include(<poison.h>)\n#include <poison.h>\n#endif\n#ifdef POISON\n#error poisoned\n#endif\n"
    )
    command = compile_command(find_toolchain(choice, NANO.core), NANO)
    run_tool(choice, [*command, "-c", str(source), "-o", str(tmp_path / "some.o")])


def test_a_tool_that_hangs_is_ended(tmp_path: Path) -> None:
    """A deadline ends what does not end by itself, and its output is kept."""
    with pytest.raises(BuildError, match="still running") as caught:
        run_tool("sh", ["sh", "-c", "echo started; exec sleep 60"], cwd=tmp_path, timeout_s=0.3)
    assert "started" in caught.value.facts["output"]


def test_a_tool_that_cannot_start_is_named(tmp_path: Path) -> None:
    """A missing program is a BuildError, not a traceback of the operating system's."""
    with pytest.raises(BuildError, match="cannot be run"):
        run_tool("nothing", [str(tmp_path / "nothing")], cwd=tmp_path)


def test_one_tool_that_fails_ends_the_others(tmp_path: Path) -> None:
    """Nobody waits for a compiler whose work is of no use any more."""
    began = time.monotonic()
    with pytest.raises(BuildError, match="failed with exit code 3"):
        run_tools("sh", [["sh", "-c", "exit 3"], ["sleep", "600"], ["sleep", "600"]], cwd=tmp_path)
    assert time.monotonic() - began < 120


def test_a_tool_that_fails_ends_none_that_comes_later(tmp_path: Path) -> None:
    """Whoever catches the error builds on: a search for an arena does."""
    stop = threading.Event()
    with ended_by(stop):
        with pytest.raises(BuildError, match="failed with exit code 3"):
            run_tools("sh", [["sh", "-c", "exit 3"]], cwd=tmp_path)
        run_tools("sh", [["sh", "-c", "exit 0"]], cwd=tmp_path)
    assert not stop.is_set()


def test_another_thread_can_end_the_tools_of_this_one(tmp_path: Path) -> None:
    """Those that run, and those that were still to come."""
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    with ended_by(stop):
        for message in ("was ended", "was not run any more"):
            with pytest.raises(BuildError, match=f"sleep {message}"):
                run_tool("sleep", ["sleep", "60"], cwd=tmp_path)
    timer.join()
    assert run_tool("sh", ["sh", "-c", "echo fine"], cwd=tmp_path) == "fine\n"
