"""The board catalogue: what is in it, and what a board file may not do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from msgspec import to_builtins

from tinysine.boards import Board, Memory, board_from_table, list_boards, load_board, read_board
from tinysine.boards.based_on import CATALOGUE
from tinysine.errors import EXIT_USAGE, ConfigError

NANO = CATALOGUE / "nano33ble-sense.toml"
NANO_TEXT = NANO.read_text(encoding="utf-8")


def facts() -> list[str]:
    """Every key of the Nano's file but those under [sources], dotted."""
    table = tomllib.loads(NANO_TEXT)
    del table["sources"], table["flash_options"]  # what each tool is told is for its maker to say, not for us
    inner = [f"{key}.{name}" for key, value in table.items() if isinstance(value, dict) for name in value]
    return [key for key, value in table.items() if not isinstance(value, dict)] + inner


def edited(tmp_path: Path, key: str, line: str) -> Path:
    """The Nano's file with the line of one key replaced; values over several lines go with it."""
    *table, name = key.split(".")
    section, skipping, lines = "", False, []
    for old in NANO_TEXT.splitlines():
        if old.startswith("["):
            section = old.strip("[]")
        if section == ".".join(table) and old.split(" = ")[0] == name:
            lines.append(line)
            skipping = old.endswith("[")
        elif skipping:
            skipping = old != "]"
        else:
            lines.append(old)
    path = tmp_path / NANO.name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def refusal(path: Path) -> ConfigError:
    """The error that reading a file must give."""
    with pytest.raises(ConfigError) as caught:
        read_board(path)
    assert caught.value.exit_code == EXIT_USAGE
    assert path.name in str(caught.value)
    return caught.value


def test_the_nano_is_as_its_fact_sheet_says() -> None:
    """The image starts behind the boot loader, and the UART is on the pins of the header."""
    board = load_board("nano33ble-sense")
    assert board.flash == Memory(0x10000, 0xF0000)
    assert board.ram == Memory(0x20000000, 256 * 1024)
    assert board.uart is not None
    assert (board.uart.tx, board.uart.rx, board.uart.baud) == ("P1.03", "P1.10", 115_200)
    # Its link is behind somebody's adapter; the USB of its own takes uploads.
    assert board.usb_ids == ()
    assert (0x2341, 0x805A) in board.own_usb_ids
    assert board.backend == "emulated"


def test_the_nano_over_its_own_usb_is_another_board_of_the_catalogue() -> None:
    """The same chip, memories and USB; its firmware is the sketch, and nothing stands in for Arduino's USB."""
    usb, pins = load_board("nano33ble-usb"), load_board("nano33ble-sense")
    assert (usb.chip, usb.core, usb.fpu, usb.flash, usb.ram, usb.led) == (
        *(pins.chip, pins.core, pins.fpu),
        *(pins.flash, pins.ram, pins.led),
    )
    assert usb.usb_ids == usb.own_usb_ids == pins.own_usb_ids
    assert (usb.port, usb.has_twin, pins.has_twin) == ("arduino", False, True)


def test_the_host_has_no_memories_of_its_own() -> None:
    """A process has neither flash nor a UART block."""
    board = load_board("host")
    assert (board.flash, board.ram, board.uart, board.led) == (None, None, None, None)


def test_list_boards_names_each_board_once_and_in_order() -> None:
    """The list is sorted and without doubles."""
    names = [board.name for board in list_boards()]
    assert names == sorted(set(names))
    assert {"host", "nano33ble-sense"} <= set(names)


@pytest.mark.parametrize("board", list_boards(), ids=lambda board: board.name)
def test_every_board_has_its_port_in_the_firmware(board: Board) -> None:
    """Each port that the catalogue names is in the firmware folder."""
    ports = Path(__file__).parents[2] / "firmware" / "ports"
    assert list((ports / board.port).glob("*.c*"))
    if board.uart is not None:
        assert (ports / "blocks" / f"{board.uart.block}.c").is_file()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("nano33ble", "nano33ble-usb"),
        ("nano33ble-sens", "nano33ble-sense"),
        ("nano33-ble-sense", "nano33ble-sense"),
        ("hots", "host"),
        ("zzz", None),
    ],
)
def test_an_unknown_board_gets_the_nearest_name(name: str, nearest: str | None) -> None:
    """A slip of the finger is answered with the name that was meant, anything else with all names."""
    with pytest.raises(ConfigError) as caught:
        load_board(name)
    assert caught.value.facts["nearest"] == nearest
    assert (nearest or "nano33ble-sense") in str(caught.value)


@pytest.mark.parametrize("key", [key for key in facts() if key != "fpu"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    """Every key but the optional ones must be there."""
    assert refusal(edited(tmp_path, key, "")).facts["key"] in (key, f"sources.{key}")


@pytest.mark.parametrize("key", facts())
def test_a_misspelt_key_gets_the_nearest(tmp_path: Path, key: str) -> None:
    """A key with a letter too many is unknown, and the right one is suggested."""
    name = key.rpartition(".")[2]
    error = refusal(edited(tmp_path, key, f"{name}x = 1"))
    assert error.facts["key"] == f"{key}x"
    assert error.facts["nearest"] == name


@pytest.mark.parametrize("key", facts())
@pytest.mark.parametrize("value", ["true", "1.5", "[1]", "{ a = 1 }"])
def test_a_value_of_the_wrong_type_is_refused(tmp_path: Path, key: str, value: str) -> None:
    """No key of a board file takes a truth value, a fraction, a list of one number or a strange table."""
    name = key.rpartition(".")[2]
    assert str(refusal(edited(tmp_path, key, f"{name} = {value}")).facts["key"]).startswith(key)


@pytest.mark.parametrize(
    ("key", "line", "says"),
    [
        ("core", 'core = "cortex-m44"', "cortex-m4"),
        ("backend", 'backend = "emulator"', "emulated"),
        ("led.active", 'active = "hihg"', "high"),
        ("led.pin", 'pin = "P0.32"', "32 bits"),
        ("led.pin", 'pin = "P3.15"', "the nrf52840 has no pin 'P3.15'"),
        ("led.pin", 'pin = "P1.16"', "the nrf52840 has no pin 'P1.16'"),
        ("led.pin", 'pin = "PA9"', "'PA9' is not a pin of the nrf52840"),
        ("uart.rx", 'rx = "P1.03"', "uart.rx and uart.tx are both on pin P1.03"),
        ("led.pin", 'pin = "P1.10"', "led.pin and uart.rx are both on pin P1.10"),
        ("uart.tx", 'tx = "TX"', "P1.03"),
        ("uart.baud", "baud = 0", "out of range"),
        ("flash.origin", "origin = -1", "out of range"),
        ("usb_ids", "usb_ids = [[0x12345, 1]]", "16-bit"),
        ("flash.origin", "origin = 0x10002", "flash.origin is 0x10002, not a multiple of 4"),
        ("ram.origin", "origin = 0x20000001", "not a multiple of 4"),
        ("ram.length", "length = 0x3ffff", "not a multiple of 4"),
        ("flash.length", "length = 0xFFFFFFFC", "[flash] reaches beyond"),
        ("ram.origin", "origin = 0xFFFFFFFC", "[ram] reaches beyond"),
        ("ram.origin", "origin = 0xFFFFC", "[flash] and [ram] overlap"),
        ("flash.origin", "origin = 0x2003FFFC", "[flash] and [ram] overlap"),
        ("flash.length", "length = 0xF0000\ntcm_length = 4", "about RAM only"),
        ("ram.length", "length = 0x40000\ntcm_length = 0x1001", "not a multiple of 4"),
        ("ram.length", "length = 0x40000\ntcm_length = 0x40000", "where all of the RAM is alike"),
        ("ram.length", "length = 0x40000\ntcm_length = 0x400", "the stack and the fault record do not fit"),
        ("clock_hz", "clock_hz = 0", "clock_hz is 0"),
        ("core", 'core = "avr5"', "'arduino'"),
        ("core", 'core = "any"', "'arduino'"),
        ("core", 'core = "host"', "'host' goes with 'host' only"),
        ("port", 'port = "host"', "'host' goes with 'host' only"),
        *(
            ("port", f'port = "{name}"', "not the name of a port")
            for name in ("", "..", "blocks", "cortex_m")
        ),
        ("port", 'port = "nrf5x/../nrf5x"', "not the name of a port"),
        *(
            ("uart.block", f'block = "{name}"', "not the name of a block")
            for name in ("", "..", "../nrf5x/port")
        ),
        ("limits.payload_bytes", "payload_bytes = 100", "128"),
        ("limits.payload_bytes", "payload_bytes = 32769", "the most is 32768"),
        ("limits.stack_bytes", "stack_bytes = 8", "the least is 256"),
        ("limits.stack_bytes", "stack_bytes = 1001", "steps of 8"),
        ("ram.length", "length = 0x600", "two frames of 256 bytes are more than the RAM"),
        ("limits.stack_bytes", "stack_bytes = 300000", "RAM"),
        ("backend", 'backend = "qemu"', "machine does not say which"),
        ("name", 'name = "nano"', "named otherwise"),
        ("title", 'title = "\\u001b[31mred"', "cannot be printed"),
        ("clock_hz", f"clock_hz = 0x{'f' * 9000}", "clock_hz is a number beyond all bounds, out of range"),
        ("usb_ids", f"usb_ids = [0x{'f' * 9000}]", "16-bit"),
        ("flash_options.pyocd", 'pyocd = "a\\u0000b"', "cannot be printed"),
    ],
)
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, key: str, line: str, says: str) -> None:
    """Values are checked against what exists, and the message says what would do; file and key are told as facts."""
    error = refusal(edited(tmp_path, key, line))
    assert says in str(error)
    assert error.facts["key"]
    assert str(error.facts["file"]).endswith(NANO.name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "../nano",
        "..",
        ".",
        "-rf",
        "CON",
        "a%2F",
        "a*",
        "a\\b",
        "nänö",
        "a\nb",
        "nano\u00a0",
        "a\0",
    ],
)
def test_a_name_that_makes_trouble_is_refused(name: str) -> None:
    """It becomes part of file names and of lines, and the device reports it in ASCII."""
    table = tomllib.loads((CATALOGUE / "host.toml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match="name is") as caught:
        board_from_table({**table, "name": name}, file="x.toml")
    assert (caught.value.facts["key"], caught.value.facts["file"]) == ("name", "x.toml")


def test_a_machine_with_options_is_refused() -> None:
    """QEMU takes what follows a comma for options, and some of them write files."""
    table = tomllib.loads((CATALOGUE / "host.toml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match="one of QEMU's machines"):
        board_from_table({**table, "machine": "virt,dumpdtb=evil"}, file="x.toml")


def test_a_chip_without_a_link_is_refused() -> None:
    """Leaving out [uart] is for sketches and the host."""
    table = tomllib.loads(NANO_TEXT)
    del table["uart"]
    with pytest.raises(ConfigError, match=r"needs \[uart\]") as caught:
        board_from_table(table, file=NANO)
    assert caught.value.facts["key"] == "uart"


def test_an_avr_has_two_memories_at_the_same_addresses() -> None:
    """Only where one bus reaches both must they lie apart."""
    uno = load_board("arduino-uno")
    assert uno.flash is not None
    assert uno.ram is not None
    assert uno.flash.origin < uno.ram.origin < uno.flash.length


def test_a_fact_without_a_source_is_refused(tmp_path: Path) -> None:
    """Every fact says where it comes from."""
    error = refusal(edited(tmp_path, "sources.clock_hz", ""))
    assert error.facts["key"] == "sources.clock_hz"


def test_a_source_without_a_fact_is_refused(tmp_path: Path) -> None:
    """A source for a key that the file does not have is a slip."""
    error = refusal(edited(tmp_path, "sources.clock_hz", 'clock_hertz = "a datasheet"'))
    assert error.facts["nearest"] == "clock_hz"


def test_a_chip_without_memories_is_refused(tmp_path: Path) -> None:
    """Leaving out [flash] is for the host only."""
    text = NANO_TEXT.replace("[flash]\norigin = 0x10000\nlength = 0xF0000\n", "").replace("\nflash = ", "\n#")
    (tmp_path / NANO.name).write_text(text, encoding="utf-8")
    assert "[flash]" in str(refusal(tmp_path / NANO.name))


@pytest.mark.parametrize(
    "content",
    [
        b"name = ",
        b"\xff\xfe",
        b"[[[[",
        b"x = " + b"[" * 5000,
        b"x = " + b"{a=" * 5000,
        b"clock_hz = " + b"9" * 5000,
    ],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    """Broken TOML and bytes that are no text are one clear line."""
    (tmp_path / "broken.toml").write_bytes(content)
    assert "not TOML" in str(refusal(tmp_path / "broken.toml"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is one clear line."""
    assert "cannot read" in str(refusal(tmp_path / "none.toml"))


def test_a_board_survives_being_a_table() -> None:
    """A board that is written down with an image reads back as the same board."""
    for board in list_boards():
        table = {key: value for key, value in to_builtins(board).items() if value is not None}
        assert board_from_table(table, file="board.json") == board
