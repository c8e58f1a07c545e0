"""The bench file, and where the board is that somebody asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinysine.bench.bench_file import BenchFile, locate, place_of
from tinysine.bench.bench_reader import find_bench, read_bench
from tinysine.errors import EXIT_BENCH_FAILURE, EXIT_USAGE, BoardNotFound, ConfigError
from tinysine.place import NEW_TWIN, Place, Wiring, read_place

NANO = "nano33ble-sense"
NANO_USB = (0x2341, 0x805A)


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a test say which Nanos are attached: (port, serial number)."""

    def plug(*boards: tuple[str, str]) -> None:
        found = [
            SimpleNamespace(
                device=port, vid=NANO_USB[0], pid=NANO_USB[1], serial_number=serial, description=""
            )
            for port, serial in boards
        ]
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: found)

    plug()
    return plug


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a bench file."""

    def write(text: str) -> Path:
        path = tmp_path / "bench.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_bench_file_is_read(written) -> None:
    """Every key, and none is needed but the name and one way to find the port."""
    bench = read_bench(
        written(
            f'[[board]]\nname = "{NANO}"\nport = "/dev/a"\nusb_serial = "S"\nprobe = "P"\n'
            f'upload_port = "/dev/b"\ntool = "pyocd"\n[[board]]\nname = "{NANO}"\nusb_serial = "T"\n'
        )
    )
    first, second = bench.entries
    assert (first.name, first.port) == (NANO, "/dev/a")
    assert first.wiring == Wiring(probe="P", usb_serial="S", upload_port="/dev/b", tool="pyocd")
    assert second.wiring == Wiring(usb_serial="T")


def test_each_board_has_an_id(written) -> None:
    """The id is the one that is given; else its name, which comes again with a number."""
    rows = ("", 'id = "nano33ble-sense-2"\n', "", "")
    bench = read_bench(written("".join(f'[[board]]\n{id}name = "{NANO}"\nport = "twin"\n' for id in rows)))
    assert [entry.id for entry in bench.entries] == [NANO, f"{NANO}-2", f"{NANO}-3", f"{NANO}-4"]
    assert place_of(bench.entry(f"{NANO}-3"), bench) == NEW_TWIN
    with pytest.raises(ConfigError, match=f"no board 'nano' .did you mean '{NANO}"):
        bench.entry("nano")


def test_power_is_one_command_or_several(written) -> None:
    """Each a program and its arguments."""
    row = f'[[board]]\nname = "{NANO}"\nport = "a"\npower = '
    one = read_bench(written(row + '["a", "b"]')).entries[0]
    several = read_bench(written(row + '[["a", "off"], ["a", "on"]]')).entries[0]
    assert one.wiring.power == (("a", "b"),)
    assert several.wiring.power == (("a", "off"), ("a", "on"))


def test_an_empty_bench_is_a_bench(written) -> None:
    """A file without boards says nothing."""
    assert read_bench(written("")).entries == ()


REFUSED = {
    "no TOML": ("[[board", "is not TOML"),
    "an unknown table": ("[[bord]]\n", "unknown key 'bord' .*did you mean 'board'"),
    "an unknown key": (
        f'[[board]]\nname = "{NANO}"\nusb_seral = "S"\n',
        r"unknown key 'board\[0\].usb_seral' .*did you mean 'usb_serial'",
    ),
    "no table": ('board = "nano"\n', r"\[\[board\]\]"),
    "no name": ('[[board]]\nport = "/dev/a"\n', "name is missing"),
    "no way to find it": (f'[[board]]\nname = "{NANO}"\n', "neither port nor usb_serial"),
    "an unknown board": ('[[board]]\nname = "nano33ble-sens"\nport = "a"\n', f"did you mean '{NANO}'"),
    "an unknown tool": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\ntool = "pyocdd"\n',
        "did you mean 'pyocd'",
    ),
    "a number": (f'[[board]]\nname = "{NANO}"\nport = 5\n', r"board\[0\].port is 5, which is not a text"),
    "an empty text": (f'[[board]]\nname = "{NANO}"\nport = ""\n', "which is not a text"),
    "a port with a NUL": (
        f'[[board]]\nname = "{NANO}"\nport = "/dev/a\\u0000b"\n',
        r"board\[0\].port is .* cannot be printed",
    ),
    "a number beyond all bounds": (f"board = {'9' * 5000}", "is not TOML"),
    "a number beyond all bounds, in hex": (
        f'[[board]]\nname = "{NANO}"\nport = 0x{"f" * 9000}\n',
        "port is a number beyond all bounds, which is not a text",
    ),
    "nested without a bottom": (f"board = {'[' * 5000}", "nested too deeply"),
    "a chip id that is none": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\nunique_id = "8f3b"\n',
        r"board\[0\].unique_id is '8f3b', which is not 16 hexadecimal digits",
    ),
    "a twin's chip": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\nunique_id = "{b"TWIN1234".hex()}"\n',
        "is that of a chip made of software",
    ),
    "two of one id": (
        f'[[board]]\nid = "a"\nname = "{NANO}"\nport = "a"\n[[board]]\nid = "A"\nname = "{NANO}"\nport = "b"\n',
        "two boards have the id 'a'",
    ),
    "an id that is none": (
        f'[[board]]\nid = "../a"\nname = "{NANO}"\nport = "a"\n',
        r"board\[0\].id is '../a'",
    ),
    "a feature of nobody": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\nfeatures = ["ledd"]\n',
        r"board\[0\].features has 'ledd', which .*did you mean 'led'",
    ),
    "features that are no words": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\nfeatures = "led"\n',
        r"board\[0\].features is 'led', which is not a list of words",
    ),
    "power that is a line of a shell": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\npower = "uhubctl -a cycle"\n',
        r"board\[0\].power is 'uhubctl -a cycle', which is not a program and its arguments",
    ),
    "power that is nothing": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\npower = [[]]\n',
        r"board\[0\].power is \[\[\]\]",
    ),
    "a place that is none": (f'[[board]]\nname = "{NANO}"\nport = "auto"\n', r"board\[0\].port is auto"),
    "a twin of what has none": (
        '[[board]]\nname = "arduino-nano-esp32"\nport = "twin"\n',
        "has no twin|no board",
    ),
    "two at one port": (
        f'[[board]]\nname = "{NANO}"\nport = "a"\n[[board]]\nname = "{NANO}"\nport = "a"\n',
        "two boards have the port 'a'",
    ),
}


@pytest.mark.parametrize(("text", "complaint"), REFUSED.values(), ids=REFUSED.keys())
def test_nonsense_is_refused_with_the_file(written, text: str, complaint: str) -> None:
    """Each mistake is a usage error that names the file and what was probably meant."""
    path = written(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_bench(path)
    assert caught.value.exit_code == EXIT_USAGE
    assert caught.value.facts["file"] == str(path)
    assert str(path) in caught.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """One that is named has to be there; those of folder and user need not be."""
    with pytest.raises(ConfigError, match="cannot read the bench file"):
        read_bench(tmp_path / "none.toml")


def test_the_bench_of_folder_goes_before_that_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a named one before both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert find_bench() == BenchFile()
    users = tmp_path / "config" / "tinysine" / "bench.toml"
    users.parent.mkdir(parents=True)
    users.touch()
    assert find_bench().file == str(users)
    (tmp_path / "tinysine-bench.toml").touch()
    assert find_bench().file == "tinysine-bench.toml"
    assert find_bench(str(users)).file == str(users)


def placed(board: str, port: str | None, *, bench: BenchFile, probe: str = "") -> Place:
    """Place of a board, as an option asks for it."""
    return locate(board, read_place(port, source="--port", probe=probe), bench=bench)


def test_no_port_means_the_twin(plug) -> None:
    """Also where a board is attached: nobody asked for it."""
    plug(("/dev/ttyACM0", "A"))
    assert placed(NANO, None, bench=BenchFile()) == NEW_TWIN
    assert placed(NANO, "twin", bench=BenchFile()) == NEW_TWIN


def test_auto_is_the_only_attached_board(plug) -> None:
    """By its USB ids; with two, a person has to choose, and with none it is the bench's fault."""
    name = "nano33ble-usb"
    plug(("/dev/ttyACM0", "A"))
    assert placed(name, "auto", bench=BenchFile(), probe="P").port == "/dev/ttyACM0"
    assert placed(name, "auto", bench=BenchFile(), probe="P").wiring == Wiring(probe="P")
    plug(("/dev/ttyACM0", "A"), ("/dev/ttyACM1", "B"))
    with pytest.raises(ConfigError, match=r"2 boards could be .*ttyACM0, /dev/ttyACM1"):
        placed(name, "auto", bench=BenchFile())
    plug()
    with pytest.raises(BoardNotFound, match=f"no {name} is attached") as caught:
        placed(name, "auto", bench=BenchFile())
    assert caught.value.exit_code == EXIT_BENCH_FAILURE


def test_auto_follows_the_bench_by_serial_number(plug, written) -> None:
    """Of two attached boards the bench's is taken, whatever its port is called today."""
    bench = read_bench(written(f'[[board]]\nname = "{NANO}"\nusb_serial = "B"\nprobe = "P"\n'))
    plug(("/dev/ttyACM0", "A"), ("/dev/ttyACM1", "B"))
    place = placed(NANO, "auto", bench=bench)
    assert (place.port, place.wiring.probe) == ("/dev/ttyACM1", "P")
    plug(("/dev/ttyACM0", "B"), ("/dev/ttyACM1", "A"))
    assert placed(NANO, "auto", bench=bench).port == "/dev/ttyACM0"


def test_another_board_of_its_kind_is_not_taken_for_the_benchs(plug, written) -> None:
    """The bench's board is missing, and that is said."""
    bench = read_bench(written(f'[[board]]\nname = "{NANO}"\nusb_serial = "B"\n'))
    plug(("/dev/ttyACM0", "A"))
    with pytest.raises(BoardNotFound, match="is not there"):
        placed(NANO, "auto", bench=bench)


def test_a_port_by_name_gets_what_the_bench_knows_of_it(plug, written, tmp_path: Path) -> None:
    """By serial number or through a link; an option wins over the bench's probe."""
    (tmp_path / "tty").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "tty")
    bench = read_bench(
        written(
            f'[[board]]\nname = "{NANO}"\nusb_serial = "B"\nprobe = "P"\n'
            f'[[board]]\nname = "{NANO}"\nport = "{tmp_path / "by-id"}"\nprobe = "Q"\n'
        )
    )
    plug(("/dev/ttyACM1", "B"))
    assert placed(NANO, "/dev/ttyACM1", bench=bench).wiring.probe == "P"
    assert placed(NANO, str(tmp_path / "tty"), bench=bench).wiring.probe == "Q"
    assert placed(NANO, "/dev/ttyACM1", bench=bench, probe="R").wiring.probe == "R"
    assert placed(NANO, "/dev/ttyOther", bench=bench).wiring == Wiring()


def test_a_port_where_the_bench_has_another_board_is_refused(plug, written) -> None:
    """Flashing one board's image to another is caught before it happens."""
    plug(("/dev/ttyACM1", "B"))
    bench = read_bench(written(f'[[board]]\nname = "{NANO}"\nusb_serial = "B"\n'))
    with pytest.raises(ConfigError, match=f"has {NANO} at /dev/ttyACM1, not host"):
        placed("host", "/dev/ttyACM1", bench=bench)
