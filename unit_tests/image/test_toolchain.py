"""Choice of the compiler, the message if there is none, and the header that tells the firmware its board."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import load_board
from tinysine.errors import EXIT_USAGE, BuildError, ConfigError
from tinysine.image import find_toolchain
from tinysine.image.sources import config_header, firmware_sources
from tinysine.image.toolchain import _version

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


def test_a_c_library_brings_its_own_copying() -> None:
    """The firmware's own functions go byte by byte, and would be counted as the engine's."""
    own = {path.name for path in firmware_sources(NANO).rest}
    assert own - {path.name for path in firmware_sources(NANO, c_library=True).rest} == {"memory.c"}


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
