"""Choice of the compiler, and the message if there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import load_board
from tinysine.errors import EXIT_USAGE, BuildError, ConfigError
from tinysine.image import find_toolchain
from tinysine.image.sources import config_header, firmware_sources
from tinysine.image.toolchain import _version, compile_command, ended_by, environment, run_tool, run_tools

NANO = load_board("nano33ble-sense")


@pytest.fixture
def bare_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer without any compiler."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # noqa: ARG005


@pytest.mark.usefixtures("bare_computer")
@pytest.mark.parametrize("core", ["cortex-m4", "host"])
@pytest.mark.parametrize("choice", ["auto", "gcc", "zig"])
def test_without_a_compiler_the_hint_says_how_to_get_one(choice: str, core: str) -> None:
    """One pip install is all that is needed, and the error says which."""
    with pytest.raises(BuildError, match="pip install ziglang"):
        find_toolchain(choice, core)


def test_auto_takes_zig_where_gcc_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with nothing but the Python package can build."""
    monkeypatch.setenv("PATH", "")
    assert find_toolchain("auto", "cortex-m4").name == "zig"


@pytest.mark.needs("arm-none-eabi-gcc")
def test_auto_takes_gcc_where_it_is_installed() -> None:
    """The installed compiler comes first."""
    assert find_toolchain("auto", "cortex-m4").name == "gcc"


@pytest.mark.parametrize(("choice", "core"), [("clang", "host"), ("", "host"), ("auto", "cortex-m99")])
def test_a_toolchain_or_core_that_does_not_exist_is_bad_input(choice: str, core: str) -> None:
    """The error lists what does."""
    with pytest.raises(ConfigError) as caught:
        find_toolchain(choice, core)
    assert caught.value.exit_code == EXIT_USAGE
    assert caught.value.facts["allowed"]


# GCC's manual ("Environment Variables"), Clang's driver, lld's and Zig's sources name these.
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


def test_config_header_of_the_nano() -> None:
    """Pins are numbers of the chip, the build id is an initialiser, the name a string."""
    lines = config_header(NANO, build_id=bytes(range(16))).splitlines()
    assert "#define TS_UART_TX 35" in lines
    assert "#define TS_UART_RX 42" in lines
    assert "#define TS_LED_PIN 13" in lines
    assert "#define TS_LED_ACTIVE_HIGH 1" in lines
    assert '#define TS_BOARD_NAME "nano33ble-sense"' in lines
    assert any(line.startswith("#define TS_BUILD_ID {0x00, 0x01, 0x02") for line in lines)


def test_config_header_leaves_out_what_a_board_lacks() -> None:
    """The host has neither UART nor LED, and nothing is made up for it."""
    header = config_header(load_board("host"), build_id=bytes(16))
    assert "TS_UART" not in header
    assert "TS_LED" not in header


@pytest.mark.parametrize(
    ("change", "says"),
    [({"port": "nrf99"}, "nrf5x"), ({"block": "nrf_uarte"}, "nrf_uart")],
)
def test_a_port_or_block_that_the_firmware_lacks_is_bad_input(change: dict[str, str], says: str) -> None:
    """A board file that names what does not exist is told what does."""
    board = NANO
    if "block" in change:
        assert NANO.uart is not None
        board = structs.replace(board, uart=structs.replace(NANO.uart, block=change["block"]))
    else:
        board = structs.replace(board, port=change["port"])
    with pytest.raises(ConfigError, match=says):
        firmware_sources(board)


def test_a_compiler_is_asked_from_a_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version does not depend on where that is asked."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    _version.cache_clear()
    assert find_toolchain("zig", "cortex-m4").version
    monkeypatch.chdir(tmp_path)


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
