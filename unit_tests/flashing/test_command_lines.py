"""Command lines of each flash tool, argument by argument."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from tinysine.boards import Board, Memory, list_boards
from tinysine.errors import ConfigError, FlashError
from tinysine.flashing import FLASH_TOOLS, choose_tool, tools_of
from tinysine.image import Image
from unit_tests.flashing.fake_tools import DISCO, EDGE, NANO, UNO, Bench, Clock

Images = Callable[[Board], Image]
IMAGE_BYTES = bytes(range(40))
HEX_OF_IMAGE = (
    ":10000000000102030405060708090A0B0C0D0E0F78\n"
    ":10001000101112131415161718191A1B1C1D1E1F68\n"
    ":080020002021222324252627BC\n"
    ":00000001FF\n"
)
ONE_PROBE = """print('{"boards": [{"unique_id": "P1", "info": "a probe", "target": "cortex_m"}]}')"""


def plain(arguments: list[str], files: dict[str, bytes]) -> list[str]:
    """Arguments with the temporary file's folder taken off."""
    return [Path(argument).name if argument in files else argument for argument in arguments]


def flashed(bench: Bench, tool: str, image: Image, *, clock: Clock, port: str) -> tuple[list[str], bytes]:
    """Flash with a tool; gives the last call's arguments and the content of the file in it."""
    FLASH_TOOLS[tool].flash(image, clock.target(image.board, port))
    call = bench.calls[-1]
    (content,) = call.files.values() if len(call.files) == 1 else (b"",)
    return plain(call.arguments, call.files), content


def test_arduino_cli(bench: Bench, plug, image_for: Images, clock: Clock) -> None:
    """It gets the board's full name, the board's own USB port, and the raw file."""
    bench.tool("arduino-cli")
    plug(("/dev/ttyACM0", 0x2341, 0x805A, "A"), ("/dev/ttyUSB0", 0x0403, 0x6001, "F"))
    arguments, content = flashed(bench, "arduino-cli", image_for(NANO), clock=clock, port="/dev/ttyUSB0")
    assert arguments == [
        *("upload", "--fqbn", "arduino:mbed_nano:nano33ble", "--port", "/dev/ttyACM0"),
        *("--input-file", "nano33ble-sense.bin"),
    ]
    assert content == IMAGE_BYTES


def test_arduino_cli_on_an_uno(bench: Bench, plug, image_for: Images, clock: Clock) -> None:
    """A board whose loader is behind the link's port is uploaded to there, clones of it too, as Intel HEX."""
    bench.tool("arduino-cli")
    plug(("/dev/ttyUSB0", 0x1A86, 0x7523, ""))
    arguments, content = flashed(bench, "arduino-cli", image_for(UNO), clock=clock, port="/dev/ttyUSB0")
    assert arguments[1:5] == ["--fqbn", "arduino:avr:uno", "--port", "/dev/ttyUSB0"]
    assert content.decode() == HEX_OF_IMAGE


def test_bossac(bench: Bench, plug, image_for: Images, clock: Clock) -> None:
    """A boot loader that runs already is not touched; the port goes without its folder."""
    bench.tool("bossac")
    plug(("/dev/ttyACM3", 0x2341, 0x005A, "A"))
    arguments, content = flashed(bench, "bossac", image_for(NANO), clock=clock, port="/dev/ttyACM3")
    assert arguments == ["-d", "--port=ttyACM3", "-U", "-i", "-e", "-w", "nano33ble-sense.bin", "-R"]
    assert content == IMAGE_BYTES


def test_bossac_of_arduino_goes_before_the_distributions(bench: Bench, tmp_path: Path) -> None:
    """Only Arduino's fork knows the nRF52840, so it is looked for in Arduino's own folder first."""
    bench.tool("bossac")
    forked = tmp_path / ".arduino15/packages/arduino/tools/bossac/1.9.1-arduino2/bossac"
    assert FLASH_TOOLS["bossac"].program() == str(bench.bin / "bossac")
    forked.parent.mkdir(parents=True)
    forked.touch()
    assert FLASH_TOOLS["bossac"].program() == str(forked)


def test_pyocd(bench: Bench, image_for: Images, clock: Clock) -> None:
    """It is asked for its probes, then told target, probe and address."""
    bench.tool("pyocd", f"if 'json' in sys.argv: {ONE_PROBE}")
    arguments, content = flashed(bench, "pyocd", image_for(NANO), clock=clock, port="/dev/ttyUSB0")
    assert bench.calls[0].arguments == ["json", "--probes"]
    assert arguments == [
        *("load", "--no-wait", "--target", "nrf52840", "--uid", "P1"),
        *("--format", "bin", "--base-address", "0x00010000", "nano33ble-sense.bin"),
    ]
    assert content == IMAGE_BYTES


def test_pyocd_resets(bench: Bench, clock: Clock) -> None:
    """The same target and probe, and no file."""
    bench.tool("pyocd", f"if 'json' in sys.argv: {ONE_PROBE}")
    FLASH_TOOLS["pyocd"].reset(clock.target(NANO, "/dev/ttyUSB0"))
    assert bench.calls[-1].arguments == ["reset", "--no-wait", "--target", "nrf52840", "--uid", "P1"]


def test_pyocd_that_is_not_pyocd(bench: Bench, image_for: Images, clock: Clock) -> None:
    """A list of probes that makes no sense is an error with what came, and nothing is flashed."""
    bench.tool("pyocd", "print('{\"boards\": 5}')")
    with pytest.raises(FlashError, match="did not say which probes") as caught:
        FLASH_TOOLS["pyocd"].flash(image_for(NANO), clock.target(NANO, "/dev/ttyUSB0"))
    assert caught.value.output == '{"boards": 5}\n'
    assert len(bench.calls) == 1


def test_openocd(bench: Bench, plug, image_for: Images, clock: Clock) -> None:
    """The probe is named, the file verified, and the image started by a plain reset."""
    bench.tool("openocd")
    plug(("/dev/ttyACM0", 0x0483, 0x374B, "066D"))
    image = image_for(DISCO)
    FLASH_TOOLS["openocd"].flash(image, clock.target(DISCO, "/dev/ttyACM0"))
    arguments = bench.calls[-1].arguments
    assert arguments[:4] == ["-f", "board/stm32f746g-disco.cfg", "-c", "adapter serial 066D"]
    assert arguments[5].startswith("program /")
    assert arguments[5].endswith("disco.bin 0x08000000 verify")
    assert arguments[6:] == ["-c", "reset run", "-c", "shutdown"]
    FLASH_TOOLS["openocd"].reset(clock.target(DISCO, "/dev/ttyACM0"))
    assert bench.calls[-1].arguments[4:] == ["-c", "init", "-c", "reset run", "-c", "shutdown"]


def test_openocd_takes_a_serial_number_as_text(bench: Bench, plug, clock: Clock) -> None:
    """A USB device that calls itself a command of Tcl is not obeyed."""
    bench.tool("openocd")
    plug(("/dev/ttyACM0", 0x0483, 0x374B, "a; exec touch evil [exit]"))
    FLASH_TOOLS["openocd"].reset(clock.target(DISCO, "/dev/ttyACM0"))
    assert bench.calls[-1].arguments[3] == r"adapter serial a\;\ exec\ touch\ evil\ \[exit\]"


def test_st_flash(bench: Bench, plug, image_for: Images, clock: Clock) -> None:
    """Probe, file, address."""
    bench.tool("st-flash")
    plug(("/dev/ttyACM0", 0x0483, 0x374B, "066D"))
    arguments, content = flashed(bench, "st-flash", image_for(DISCO), clock=clock, port="/dev/ttyACM0")
    assert arguments == ["--serial", "066D", "--reset", "write", "disco.bin", "0x08000000"]
    assert content == IMAGE_BYTES
    FLASH_TOOLS["st-flash"].reset(clock.target(DISCO, "/dev/ttyACM0"))
    assert bench.calls[-1].arguments == ["--serial", "066D", "reset"]


ST_INFO = """print('''Found 2 stlink programmers
  version:    V2J33S25
  serial:     30AA
  flash:      0 (pagesize: 0)
  sram:       0
  chipid:     0x000
  dev-type:   unknown
  version:    V2J37S26
  serial:     066D
  flash:      1048576 (pagesize: 2048)
  sram:       327680
  chipid:     %s
  dev-type:   STM32F74x_F75x''')"""


@pytest.mark.parametrize("chip", ["0x421", "0x0421"])
def test_st_flash_refuses_another_chip(
    bench: Bench, plug, image_for: Images, clock: Clock, chip: str
) -> None:
    """Another board with the same probe is told before anything is written to it."""
    bench.tool("st-flash")
    bench.tool("st-info", ST_INFO % chip)
    plug(("/dev/ttyACM0", 0x0483, 0x374B, "066D"))
    with pytest.raises(FlashError, match=r"066D is 0x421, and that of disco is 0x449; nothing was flashed"):
        FLASH_TOOLS["st-flash"].flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyACM0"))
    assert [call.tool for call in bench.calls] == ["st-info"]


@pytest.mark.parametrize(
    "says",
    [ST_INFO % "0x449", ST_INFO % "0x0449", ST_INFO % "0x000", "print('Found 0 stlink')", "sys.exit(1)"],
)
def test_st_flash_takes_the_chip_and_what_nobody_knows(
    bench: Bench, plug, image_for: Images, clock: Clock, says: str
) -> None:
    """The right number in any writing, and a probe of which st-info says nothing: the device proves itself later."""
    bench.tool("st-flash")
    bench.tool("st-info", says)
    plug(("/dev/ttyACM0", 0x0483, 0x374B, "066D"))
    FLASH_TOOLS["st-flash"].flash(image_for(DISCO), clock.target(DISCO, "/dev/ttyACM0"))
    assert [call.tool for call in bench.calls] == ["st-info", "st-flash"]


def test_avrdude(bench: Bench, image_for: Images, clock: Clock) -> None:
    """Part and programmer from the board file, Intel HEX, over the link's port."""
    bench.tool("avrdude")
    FLASH_TOOLS["avrdude"].flash(image_for(UNO), clock.target(UNO, "/dev/ttyACM0"))
    *arguments, what = bench.calls[-1].arguments
    assert arguments == [
        *("-q", "-p", "m328p", "-c", "arduino", "-P", "/dev/ttyACM0", "-b", "115200", "-D", "-U"),
    ]
    assert what.startswith("flash:w:/")
    assert what.endswith("uno.hex:i")
    FLASH_TOOLS["avrdude"].reset(clock.target(UNO, "/dev/ttyACM0"))
    assert bench.calls[-1].arguments == arguments[:9]


def test_asb(bench: Bench, image_for: Images, clock: Clock) -> None:
    """The image's address goes under the name that the script swaps, and the button is asked for first."""
    bench.tool("asb.py").chmod(0o644)
    arguments, content = flashed(bench, "asb", image_for(EDGE), clock=clock, port="/dev/ttyUSB0")
    output = arguments.pop(arguments.index("-o") + 1)
    assert arguments == [
        *("--bin", "edge.bin", "--load-address-blob", "0x20000", "--magic-num", "0xCB", "-o"),
        *("--version", "0x0", "--load-address-wired", "0xC000", "-i", "6", "--options", "0x1"),
        *("-b", "921600", "-port", "/dev/ttyUSB0", "-r", "2"),
    ]
    assert Path(output).name == "edge"
    assert content == IMAGE_BYTES
    assert "hold button 14" in clock.told[0]


def test_apollo3_wired(bench: Bench, image_for: Images, clock: Clock) -> None:
    """Ambiq's three scripts, each on what the one before it has written."""
    assert FLASH_TOOLS["apollo3-wired"].program() is None
    for name in ("create_cust_image_blob.py", "create_cust_wireupdate_blob.py"):
        wrap = "out = sys.argv[sys.argv.index('-o') + 1] + '.bin'; pathlib.Path(out).write_bytes(b'wrapped')"
        bench.tool(name, wrap)
    assert FLASH_TOOLS["apollo3-wired"].program() is None
    bench.tool("uart_wired_update.py")
    board = structs.replace(EDGE, flash_options={"apollo3-wired": "115200"})
    FLASH_TOOLS["apollo3-wired"].flash(image_for(board), clock.target(board, "/dev/ttyUSB0"))
    first, second, third = bench.calls
    folder = Path(next(iter(first.files))).parent
    assert first.arguments == [
        *("--bin", str(folder / "edge.bin"), "--load-address", "0xC000", "--magic-num", "0xCB"),
        *("-o", str(folder / "main_nonsecure_ota"), "--version", "0x0"),
    ]
    assert second.arguments == [
        *("--load-address", "0x20000", "--bin", str(folder / "main_nonsecure_ota.bin"), "-i", "6"),
        *("-o", str(folder / "main_nonsecure_wire"), "--options", "0x1"),
    ]
    assert third.arguments == [
        *(
            "-b",
            "115200",
            "/dev/ttyUSB0",
            "-r",
            "1",
            "-f",
            str(folder / "main_nonsecure_wire.bin"),
            "-i",
            "6",
        ),
    ]
    assert list(third.files.values()) == [b"wrapped"]
    assert "hold button 14" in clock.told[0]


def test_svl(bench: Bench, image_for: Images, clock: Clock) -> None:
    """An image linked where this loader starts it is uploaded; the button is asked for first."""
    bench.tool("svl.py")
    board = structs.replace(EDGE, flash=Memory(0x10000, 0xF0000))
    arguments, content = flashed(bench, "svl", image_for(board), clock=clock, port="/dev/ttyUSB0")
    assert arguments == ["/dev/ttyUSB0", "-f", "edge.bin", "-b", "921600"]
    assert content == IMAGE_BYTES
    assert "hold button 14" in clock.told[0]


def test_svl_refuses_an_image_that_it_would_not_start(bench: Bench, image_for: Images, clock: Clock) -> None:
    """An image for the secure boot loader would be written and never run."""
    bench.tool("svl.py")
    with pytest.raises(ConfigError, match="svl starts images at 0x10000"):
        FLASH_TOOLS["svl"].flash(image_for(EDGE), clock.target(EDGE, "/dev/ttyUSB0"))
    assert bench.calls == []


@pytest.mark.parametrize("tool", ["arduino-cli", "bossac", "svl", "asb", "apollo3-wired", "mass-storage"])
def test_a_tool_that_only_uploads_says_so(tool: str, clock: Clock) -> None:
    """Resetting is then for the hand."""
    with pytest.raises(FlashError, match=r"cannot reset edge .*press its reset button"):
        FLASH_TOOLS[tool].reset(clock.target(EDGE, "/dev/ttyUSB0"))


@pytest.mark.parametrize("tool", [tool.name for tool in FLASH_TOOLS.values() if tool.needs])
def test_what_a_tool_must_be_told_is_missed(tool: str, bench: Bench, image_for: Images, clock: Clock) -> None:
    """A board file without it is refused by the key that is missing, before anything runs."""
    bench.tool(tool)
    board = structs.replace(NANO, flash_options={})
    with pytest.raises(ConfigError, match=f"which {tool} needs") as caught:
        FLASH_TOOLS[tool].flash(image_for(board), clock.target(board, "/dev/ttyUSB0"))
    assert caught.value.key == f"flash_options.{tool}"
    assert bench.calls == []


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize("name", sorted(set(FLASH_TOOLS) - {"mass-storage"}))
def test_a_tool_that_is_not_installed_says_how_to_get_it(name: str, image_for: Images, clock: Clock) -> None:
    """Nothing is on PATH: the error names the tool and the way to it."""
    tool = FLASH_TOOLS[name]
    assert tool.program() is None
    board = structs.replace(DISCO, flash_tools=(name,), flash_options={name: "x"})
    with pytest.raises(FlashError, match=f"{name} is not installed") as caught:
        tool.flash(image_for(board), clock.target(board, "/dev/ttyUSB0"))
    assert caught.value.hint == tool.install


@pytest.mark.parametrize("board", list_boards(), ids=lambda board: board.name)
def test_every_tool_of_the_catalogue_exists_and_is_told_enough(board: Board, clock: Clock) -> None:
    """No board file names a tool that is not here, or leaves out what one has to know."""
    for tool in tools_of(board):
        if tool.needs:
            assert clock.target(board, "").option(tool)


def test_the_page_about_board_files_says_what_each_tool_needs() -> None:
    """A row for each tool that has to be told something, and no other."""
    page = (Path(__file__).parents[2] / "docs" / "adding-a-board.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \|", page, re.MULTILINE)
    assert dict(rows) == {tool.name: tool.needs for tool in FLASH_TOOLS.values() if tool.needs}


def test_the_first_tool_that_is_installed_is_chosen(bench: Bench) -> None:
    """The board file's order is the order of preference; the bench may name one that is not installed."""
    board = structs.replace(DISCO, flash_tools=("pyocd", "openocd", "st-flash"))
    assert choose_tool(board) is None
    bench.tool("st-flash")
    assert choose_tool(board) is FLASH_TOOLS["st-flash"]
    bench.tool("openocd")
    assert choose_tool(board) is FLASH_TOOLS["openocd"]
    assert choose_tool(board, wanted="pyocd") is FLASH_TOOLS["pyocd"]


def test_a_misspelt_tool_is_suggested() -> None:
    """A board file and a bench are told the nearest name."""
    with pytest.raises(ConfigError, match="did you mean 'openocd'"):
        choose_tool(NANO, wanted="opnocd")
    with pytest.raises(ConfigError, match=r"board file of nano33ble-sense .*did you mean 'pyocd'"):
        tools_of(structs.replace(NANO, flash_tools=("pyocdd",)))


def test_scripts_are_started_by_this_python(bench: Bench, image_for: Images, clock: Clock) -> None:
    """A script that is not marked executable still runs, and has this Python's packages."""
    bench.tool("asb.py", "print(sys.executable); sys.exit(1)").chmod(0o644)
    with pytest.raises(FlashError) as caught:
        FLASH_TOOLS["asb"].flash(image_for(EDGE), clock.target(EDGE, "/dev/ttyUSB0"))
    assert str(caught.value.output).strip() == sys.executable
