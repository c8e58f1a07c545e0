"""A bench file that is written can be read again, and holds what was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tinysine.bench.bench_file import BenchEntry, BenchFile
from tinysine.bench.bench_reader import read_bench
from tinysine.bench.bench_writer import bench_of, bench_text, write_bench
from tinysine.bench.census import FoundBoard
from tinysine.boards import load_board
from tinysine.errors import ConfigError

DISCO = (0x0483, 0x374B)
FTDI = (0x0403, 0x6001)


def found(
    port: str,
    usb_ids: tuple[int, int],
    *,
    board: str | None = "stm32f746g-disco",
    serial: str = "",
    place: str = "",
) -> FoundBoard:
    """A port as the census tells of it."""
    return FoundBoard(
        board=board,
        known_by="usb" if board else "",
        port=port,
        vendor_id=usb_ids[0],
        product_id=usb_ids[1],
        serial_number=serial,
        description='FT232\n[[board]] "x"',
        state="not asked",
        place=place,
    )


def written(
    tmp_path: Path, rows: list[FoundBoard], bench: BenchFile | None = None, **options: Any
) -> BenchFile:
    """The bench of these, written and read again."""
    wanted = bench_of(rows, bench or BenchFile(), **options)
    read = write_bench(tmp_path / "new.toml", bench_text(wanted, rows))
    assert read.entries == wanted.entries == read_bench(tmp_path / "new.toml").entries
    return read


def test_each_board_is_told_by_what_stays(tmp_path: Path) -> None:
    """Its own USB serial number; else the stable name of its port, as of adapters, and of a number that two have."""
    assert DISCO in load_board("stm32f746g-disco").usb_ids
    names = tmp_path / "by-id"
    names.mkdir()
    port = tmp_path / "ttyUSB0"
    port.touch()
    (names / "usb-FTDI-if00").symlink_to(port)
    bench = written(
        tmp_path,
        [
            found("/dev/ttyACM0", DISCO, serial="066DFF"),
            found(str(port), FTDI, board="nano33ble-sense", serial="FT1"),
            found("/dev/ttyACM1", DISCO, serial="same"),
            found("/dev/ttyACM2", DISCO, serial="same"),
            found("/dev/ttyACM3", DISCO, serial="not\nprintable"),
        ],
        stable_names=names,
    )
    assert [(entry.id, entry.usb_serial, entry.port) for entry in bench.entries] == [
        ("stm32f746g-disco", "066DFF", ""),
        ("nano33ble-sense", "", str(names / "usb-FTDI-if00")),
        ("stm32f746g-disco-2", "", "/dev/ttyACM1"),
        ("stm32f746g-disco-3", "", "/dev/ttyACM2"),
        ("stm32f746g-disco-4", "", "/dev/ttyACM3"),
    ]


def test_what_the_bench_file_says_is_kept(tmp_path: Path) -> None:
    """Every key; a board that is attached and in it comes once; a twin only where no board of its name is."""
    kept = BenchEntry(
        "stm32f746g-disco",
        usb_serial="066DFF",
        id="left",
        unique_id="8f3b5a2c91d07e64",
        tool="openocd",
        power=(("uhubctl", "-a", 'a "b"'), ("true",)),
        features=("microphone",),
        port="labgrid:rack=2",
    )
    bench = written(
        tmp_path,
        [found("/dev/ttyACM0", DISCO, serial="066DFF", place="left")],
        BenchFile((kept,), "old.toml", ("microphone",)),
        twins=[load_board(name) for name in ("stm32f746g-disco", "host", "nano33ble-usb")],
    )
    assert bench.entries == (kept, BenchEntry("host", port="twin", id="host"))
    assert bench.features == ("microphone",)


def test_a_port_that_nobody_can_tell_is_a_remark(tmp_path: Path) -> None:
    """To be completed; what its maker wrote is no line of the file."""
    rows = [found("/dev/ttyACM0", DISCO, serial="1"), found("/dev/ttyUSB0", FTDI, board=None)]
    bench = written(tmp_path, rows)
    assert len(bench.entries) == 1
    text = (tmp_path / "new.toml").read_text()
    remarks = [line for line in text.splitlines() if "[[board]]" in line]
    assert remarks[0] == "[[board]]"
    assert all(line.startswith("#") for line in remarks[1:])
    assert '# port = "/dev/ttyUSB0"' in text


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    """Nor is a file that is there replaced, unless asked."""
    file = tmp_path / "x.toml"
    with pytest.raises(ConfigError, match="unknown key"):
        write_bench(file, "nonsense = 1\n")
    assert not file.exists()
    file.write_text("mine")
    with pytest.raises(ConfigError, match="was left as it is"):
        write_bench(file, "")
    assert file.read_text() == "mine"
