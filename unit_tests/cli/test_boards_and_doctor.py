"""`tinysine boards` and `tinysine doctor`, as a person and a script see them."""

from __future__ import annotations

import grp
import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from tinysine.boards import list_boards, load_board
from tinysine.commands import doctor_boards, doctor_checks
from tinysine.commands.doctor_checks import probe_vendors, udev_fix
from tinysine.emulation.qemu_process import qemu_program
from tinysine.errors import BenchError, ConfigError
from tinysine.image.arduino_core import INSTALL_HINT
from tinysine.schemas import schema


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Nano at a port that is not there, and a foreign adapter."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    ports = [
        SimpleNamespace(
            device="/dev/tty-nano", vid=0x2341, pid=0x805A, serial_number="A1", description="Nano"
        ),
        SimpleNamespace(device="/dev/tty-x", vid=0x1234, pid=0x5678, serial_number=None, description="X"),
    ]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)


@pytest.mark.usefixtures("attached")
def test_boards_shows_state_and_next_step(cli: Callable) -> None:
    """Port, board, ids, serial number, what is the matter and what to do."""
    shown = cli("boards", "--ask", "none").out
    assert "/dev/tty-nano" in shown
    assert "2341:805a" in shown
    assert "A1" in shown
    assert "next: tinysine verify MODEL --board nano33ble-usb --port /dev/tty-nano\n" in shown


@pytest.mark.usefixtures("attached")
def test_boards_as_json_has_everything(cli: Callable) -> None:
    """The keys that scripts read, the nightly run among them."""
    document = json.loads(cli("boards", "--json", "--ask", "none").out)
    jsonschema.Draft202012Validator(schema("boards")).validate(document)
    nano, foreign = document["attached"]
    assert nano["board"] == "nano33ble-usb"
    assert (nano["port"], nano["serial_number"], nano["state"]) == ("/dev/tty-nano", "A1", "not asked")
    assert {"vendor_id", "product_id", "lease", "next", "identity", "detail", "known_by"} <= set(nano)
    assert foreign["board"] is None


@pytest.mark.usefixtures("attached")
def test_boards_asks_and_a_dead_port_is_no_crash(cli: Callable) -> None:
    """A port that is listed and cannot be opened is a state, not an error."""
    ended = cli("boards", "--json", "--timeout", "0.3")
    assert ended.code == 0
    assert json.loads(ended.out)["attached"][0]["state"] == "unusable"


def test_boards_of_ones_own_are_listed(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--boards-dir adds a folder for the whole command."""
    monkeypatch.delenv("TINYSINE_BOARDS", raising=False)
    from tinysine.boards.based_on import CATALOGUE

    text = (CATALOGUE / "host.toml").read_text().replace('name = "host"', 'name = "mine"')
    (tmp_path / "mine.toml").write_text(text)
    document = json.loads(cli("--boards-dir", tmp_path, "boards", "--json").out)
    assert "mine" in [board["name"] for board in document["catalogue"]]
    ended = cli("--boards-dir", tmp_path / "gone", "boards")
    assert ended.code == 2
    assert "there is no folder" in ended.err
    assert "TINYSINE_BOARDS" not in os.environ


def test_a_bench_file_with_a_typing_error_is_a_usage_error(cli: Callable, tmp_path: Path) -> None:
    """One line with the nearest key."""
    (tmp_path / "bench.toml").write_text('[[board]]\nname = "host"\nprot = "a"\n')
    ended = cli("boards", "--bench", tmp_path / "bench.toml")
    assert ended.code == 2
    assert "did you mean 'port'" in ended.err


def test_doctor_tries_every_board(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that something stands in for are in the list; one that fails shows why; only the default one is needed."""
    tried = []

    def verified(board, timeout_s: float) -> tuple[str, str]:
        assert timeout_s > 0
        tried.append(board.name)
        return ("", "it does not boot") if board.name == "host" else ("256 of 256 answers equal", "")

    monkeypatch.setattr(doctor_boards, "_verified", verified)
    ended = cli("doctor", "--json")
    assert ended.code == 0
    document = json.loads(ended.out)
    names = [board.name for board in list_boards() if board.has_twin]
    assert sorted(tried) == names
    assert [board["name"] for board in document["boards"]] == names
    shown = cli("doctor").out
    assert "host: it does not boot\n" in shown
    assert "256 of 256 answers equal" in shown


@pytest.mark.usefixtures("attached")
def test_doctor_asks_who_is_attached(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every board connected to this computer is asked, with the next step; nothing of it is needed."""
    monkeypatch.setattr(doctor_boards, "board_checks", lambda **_options: [])
    ended = cli("doctor", "--json", "--timeout", "0.2")
    assert ended.code == 0
    nano, foreign = json.loads(ended.out)["attached"]
    assert (nano["name"], nano["found"], nano["need"]) == ("nano33ble-usb at /dev/tty-nano", "", "unusable")
    assert "plug the board in" in nano["fix"]
    assert foreign["name"] == "unknown at /dev/tty-x"
    assert "nano33ble-usb at /dev/tty-nano: plug the board in" in cli("doctor", "--timeout", "0.2").out


@pytest.mark.parametrize("name", ["host", "nano33ble-sense"])
def test_doctor_really_boots_boards(name: str) -> None:
    """Built, booted, asked, compared."""
    found, fix = doctor_boards._verified(load_board(name), 30.0)
    assert found.startswith("256 of 256 answers equal")
    assert fix == ""


def test_a_board_that_cannot_be_tried_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error's own words and what to try."""

    def verify(*_arguments: object, **_options: object) -> None:
        raise BenchError("no emulator", hint="install it")

    monkeypatch.setattr("tinysine.verify.verify", verify)
    assert doctor_boards._verified(load_board("host"), 30.0) == ("", "no emulator; install it")


def check(name: str) -> doctor_checks.Check:
    """One of doctor's checks."""
    return next(check for check in doctor_checks.all_checks() if check.name.startswith(name))


def test_every_flash_tool_of_the_catalogue_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the boards that want it, and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    pyocd = check("pyocd")
    assert (pyocd.found, pyocd.fix, pyocd.required) == ("", "pip install pyocd", False)
    assert "nano33ble-sense" in pyocd.need
    (tmp_path / "pyocd").touch(mode=0o755)
    assert check("pyocd").found == str(tmp_path / "pyocd")
    assert check("mass-storage").found == "built in"


def arduino_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer that has nothing but what a test puts into this home, and where Arduino's tools install."""
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr("tinysine.image.arduino_core._DEBIAN", folder / "no")
    return folder / ".arduino15" / "packages" / "arduino"


def script(path: Path, body: str) -> None:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_doctor_finds_the_avr_compiler_and_core_that_a_build_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of arduino-cli count, and a compiler without Arduino's core does not; the fix is the build's hint."""
    packages = arduino_home(tmp_path, monkeypatch)
    missing = check("compiler for avr5")
    assert (missing.found, missing.fix) == ("", INSTALL_HINT)
    script(packages / "tools/avr-gcc/7.3.0-arduino7/bin/avr-gcc", "echo avr-gcc 7.3.0")
    missing = check("compiler for avr5")
    assert (missing.found, missing.fix) == ("", INSTALL_HINT)
    core = packages / "hardware/avr/1.8.6"
    (core / "cores/arduino").mkdir(parents=True)
    (core / "cores/arduino/Arduino.h").touch()
    (core / "platform.txt").write_text("version=1.8.6\n")
    assert check("compiler for avr5").found == "avr-gcc 7.3.0, Arduino AVR core 1.8.6"


def test_doctor_looks_for_the_core_of_the_nano_on_its_own_usb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """arduino-cli alone does not build for it: it has to have the core."""
    arduino_home(tmp_path, monkeypatch)
    program = tmp_path / "arduino-cli"
    says = 'case "$1" in version) echo arduino-cli Version: 1.0.4;; core) echo "{core} 4.2.1 4.2.1 Boards";; esac'
    for tool in (lambda: None, lambda: script(program, says.format(core="arduino:avr"))):
        tool()
        missing = check("compiler for nano33ble-usb")
        assert missing.found == ""
        assert missing.need == "the Nano 33 BLE on its own USB"
        assert "arduino-cli core install arduino:mbed_nano" in missing.fix
    script(program, says.format(core="arduino:mbed_nano"))
    assert check("compiler for nano33ble-usb").found == "arduino-cli Version: 1.0.4, arduino:mbed_nano 4.2.1"


@pytest.mark.parametrize(
    ("program", "board"), [("qemu-system-arm", "qemu:lm3s6965evb"), ("qemu-system-avr", "qemu:arduino-uno")]
)
def test_doctor_says_of_qemu_what_the_emulation_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, board: str
) -> None:
    """The same program, and the same way to get it."""
    arduino_home(tmp_path, monkeypatch)
    with pytest.raises(ConfigError) as caught:
        qemu_program(load_board(board))
    assert (check(program).found, check(program).fix) == ("", caught.value.hint)
    script(tmp_path / program, "")
    assert check(program).found == str(tmp_path / program)


def as_user(monkeypatch: pytest.MonkeyPatch, *, groups: list[int], members: list[str]) -> None:
    """Run as somebody who is not root, on a computer with the group dialout."""
    dialout = grp.struct_group(("dialout", "x", 20, members))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: groups)
    monkeypatch.setattr(grp, "getgrall", lambda: [dialout])
    monkeypatch.setenv("USER", "ada")


@pytest.mark.parametrize(
    ("groups", "members", "found", "fix"),
    [
        ([20], [], "member", None),
        ([], [], "", "sudo usermod -aG dialout ada, then log in again"),
        ([], ["ada"], "", "log out and in again: you became a member after you had logged in"),
    ],
    ids=["member", "stranger", "not logged in since"],
)
def test_the_serial_group_is_checked(
    monkeypatch: pytest.MonkeyPatch, groups: list[int], members: list[str], found: str, fix: str | None
) -> None:
    """Membership counts from the next login on, which is what people forget."""
    as_user(monkeypatch, groups=groups, members=members)
    result = check("group dialout")
    assert result.found == found
    if fix is not None:
        assert result.fix == fix


def test_udev_rules_are_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A rule that gives access to every vendor of a probe is found; one that only names it is not."""
    as_user(monkeypatch, groups=[20], members=[])
    monkeypatch.setattr(doctor_checks, "UDEV_FOLDERS", (tmp_path,))
    vendors = probe_vendors()
    assert 0x0483 in vendors
    assert 0x0D28 in vendors
    (tmp_path / "60-names.rules").write_text('ATTR{idVendor}=="0d28", SYMLINK+="microbit"\n')
    missing = check("udev rules")
    assert missing.found == ""
    assert all(f"{vendor:04x}" in missing.fix for vendor in vendors)
    one = vendors[0]
    (tmp_path / "70-one.rules").write_text(f'ATTR{{idVendor}}=="{one:04X}", MODE="0666"\n')
    assert f"{one:04x}" not in check("udev rules").fix
    rest = "".join(f'ATTRS{{idVendor}}=="{vendor:04x}", TAG+="uaccess"\n' for vendor in vendors[1:])
    (tmp_path / "71-rest.rules").write_text(rest)
    assert check("udev rules").found == f"{tmp_path / '70-one.rules'}, {tmp_path / '71-rest.rules'}"


def test_the_udev_fix_writes_the_rules(tmp_path: Path) -> None:
    """The command is exact: run with stand-ins for sudo and udevadm, it leaves rules that the check then finds."""
    for name, body in (
        ("sudo", 'exec "$@"'),
        ("udevadm", "exit 0"),
        ("tee", f'exec cat > "{tmp_path}/rules"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    command = udev_fix([0x0483, 0x0D28])
    assert shlex.split(command)[-2:] == ["udevadm", "trigger"]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], check=True, env=environment)
    assert (tmp_path / "rules").read_text().splitlines() == [
        'SUBSYSTEM=="usb", ATTR{idVendor}=="0483", MODE="0660", GROUP="dialout", TAG+="uaccess"',
        'SUBSYSTEM=="usb", ATTR{idVendor}=="0d28", MODE="0660", GROUP="dialout", TAG+="uaccess"',
    ]
