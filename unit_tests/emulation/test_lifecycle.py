"""Emulated boards as processes: started, found, attached to, ended, and never left behind."""

from __future__ import annotations

import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs, to_builtins

from tinysine.boards import TWIN_ID, load_board
from tinysine.emulation import attach_emulator, client, running_emulators, start_emulator
from tinysine.emulation.control import ask
from tinysine.emulation.wire import Wire
from tinysine.errors import BenchError, BoardNotFound, ConfigError, FlashError, PortUnavailable
from tinysine.processes import started
from unit_tests.waiting import wait_until

NANO = load_board("nano33ble-sense")
HOST = load_board("host")


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Boards of other tests are not seen. The path stays short: a socket's name has to fit."""
    folder = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder / "tinysine"


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("board", [NANO, HOST], ids=lambda board: board.name)
def test_board_starts_is_found_and_leaves_nothing(board, own_runtime_folder: Path) -> None:
    """Between start and close it is on record, in a folder that nobody else can enter."""
    with start_emulator(board) as emulator:
        (record,) = running_emulators()
        assert (record.board, record.port, record.control) == (board.name, emulator.port, emulator.control)
        assert record.pid == emulator.pid
        assert stat.S_IMODE(Path(emulator.control).parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(own_runtime_folder.stat().st_mode) == 0o700
        status = emulator.status()
        assert (status["state"], status["board"], status["plugged"]) == ("loader", board.name, True)
    assert running_emulators() == []
    assert list(own_runtime_folder.iterdir()) == []
    assert _gone(emulator.pid)


def test_attached_handle_leaves_the_board_running() -> None:
    """Whoever started a board ends it, nobody else."""
    with start_emulator(NANO) as emulator:
        with attach_emulator(emulator.control) as other:
            assert other.port == emulator.port
            other.reset()
        assert emulator.status()["state"] == "loader"
    with pytest.raises(BoardNotFound):
        attach_emulator(emulator.control)


def test_board_dies_with_its_parent() -> None:
    """A parent that is killed takes its boards along, even though its own child inherited the pipe."""
    code = (
        "import json, subprocess, time\n"
        "from tinysine.boards import load_board\n"
        "from tinysine.emulation import start_emulator\n"
        "board = start_emulator(load_board('nano33ble-sense'))\n"
        "print(board.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not _gone(pid)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: _gone(pid))
    assert running_emulators() == []


def test_record_of_a_killed_board_is_removed(own_runtime_folder: Path) -> None:
    """A board that was killed cannot clean up; the next look does it."""
    emulator = start_emulator(NANO)
    os.kill(emulator.pid, signal.SIGKILL)
    wait_until(lambda: _gone(emulator.pid))
    assert list(own_runtime_folder.iterdir())
    assert running_emulators() == []
    assert list(own_runtime_folder.iterdir()) == []
    with pytest.raises(BoardNotFound):
        emulator.status()
    emulator.close()


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"[]",
        b"{}",
        b"\xff",
        {"port": 5},
        {"control": None},
        {"board": []},
        {"pid": "1"},
        {"pid": 1},
    ],
    ids=str,
)
def test_a_record_that_makes_no_sense_is_none(
    own_runtime_folder: Path, content: bytes | dict[str, object]
) -> None:
    """Whoever wrote it, it is passed by; so is a folder with a number in another script."""
    own_runtime_folder.mkdir()
    (own_runtime_folder / "e²").mkdir()
    folder = own_runtime_folder / f"e{os.getpid()}"
    folder.mkdir()
    facts: dict[str, object] = {"board": "host", "port": "/dev/ttyX", "control": "/x"}
    facts |= {"pid": os.getpid(), "started": started(os.getpid())}
    if isinstance(content, dict):
        content = json.dumps({**facts, **content}).encode()
    (folder / "record.json").write_bytes(content)
    assert running_emulators() == []
    (folder / "record.json").write_text(json.dumps(facts))
    assert len(running_emulators()) == 1
    # Another process had this number before.
    (folder / "record.json").write_text(json.dumps(facts | {"started": "1"}))
    assert running_emulators() == []


def test_closing_a_board_whose_firmware_hangs(assemble) -> None:
    """A tight loop in the firmware keeps nobody from resetting or ending the board."""
    with start_emulator(NANO) as emulator:
        emulator.flash(assemble("start:\nb start\n"))
        assert emulator.status()["state"] == "running"
        resets = emulator.status()["resets"]
        emulator.reset()
        assert emulator.status()["resets"] == resets + 1
        emulator.power(False)
        assert emulator.status()["state"] == "off"
    assert _gone(emulator.pid)


def test_unplugged_port_vanishes_and_comes_back(assemble) -> None:
    """Whoever has the port open loses it; plugged in again it has the same name, and the board went on."""
    with start_emulator(NANO) as emulator:
        emulator.flash(assemble("start:\nuart_up\nput UART, 1\nldr r1, =UART+0x108\n2: ldr r0, [r1]\nb 2b\n"))
        port = os.open(emulator.port, os.O_RDWR | os.O_NOCTTY)
        emulator.unplug()
        assert not os.path.lexists(emulator.port)
        assert _is_dead(port)
        os.close(port)
        assert emulator.status()["plugged"] is False
        emulator.plug()
        emulator.plug()
        os.close(os.open(emulator.port, os.O_RDWR | os.O_NOCTTY))
        assert emulator.status()["state"] == "running"


def _is_dead(port: int) -> bool:
    try:
        return os.read(port, 1) == b""
    except OSError:
        return True


def test_flash_refuses_what_is_no_image_for_this_board(assemble, tmp_path: Path) -> None:
    """Missing, garbage, another machine's, linked over the boot loader: one line each, and the board goes on."""
    garbage = tmp_path / "garbage.elf"
    garbage.write_bytes(b"\x7fELF" + bytes(range(200)))
    bad = {
        tmp_path / "missing.elf": "No such file",
        garbage: "not an ELF file",
        Path(sys.executable).resolve(): "image for x64",
        assemble("start:\nb start\n", origin=0): "lives in 0x00010000",
    }
    with start_emulator(NANO) as emulator:
        emulator.flash(assemble("start:\nb start\n"))
        for path, words in bad.items():
            with pytest.raises(FlashError, match=words):
                emulator.flash(path)
        assert emulator.status()["state"] == "running"


def test_poked_code_runs_at_once(assemble) -> None:
    """A changed instruction in flash takes effect, though it was translated before."""
    source = """
start:
    put SCB+8, 0x10000
    uart_up
    put UART, 1
    ldr r1, =UART+0x108
2:  ldr r0, [r1]
    nop
    b 2b
fault:
    done
"""
    with start_emulator(NANO) as emulator:
        emulator.flash(assemble(source))
        code = emulator.peek(0x10000, 256)
        loop = code.index(bytes.fromhex("086800bf"))  # ldr r0, [r1]; nop
        emulator.poke(0x10000 + loop + 2, bytes.fromhex("01de"))  # udf #1
        wait_until(emulator.report)
        assert "0xF0000000" in (emulator.report() or "")


def test_a_board_that_cannot_be_emulated_is_refused_before_a_process_lingers() -> None:
    """Unknown chips and backends are an error at once."""
    for board, words in (
        (structs.replace(NANO, chip="nrf9999"), "no emulator for the chip"),
        (structs.replace(NANO, backend="none"), "backend is 'none'"),
        (structs.replace(NANO, uart=None), r"needs \[uart\]"),
    ):
        with pytest.raises(ConfigError, match=words):
            start_emulator(board)
    assert running_emulators() == []


def test_an_emulator_that_does_not_start_says_its_last_line(
    own_runtime_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error shows the emulator's last line; the lines before it are not shown."""
    package = tmp_path / "unicorn"
    package.mkdir()
    (package / "__init__.py").write_text("def deeper():\n    raise RuntimeError('no such luck')\ndeeper()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BenchError) as caught:
        start_emulator(NANO)
    assert caught.value.message == (
        "the emulator of nano33ble-sense did not start: RuntimeError: no such luck"
    )
    assert "--debug" in caught.value.hint
    assert "Traceback" in str(caught.value.output)
    assert "Traceback" in str(caught.value.__cause__)
    assert running_emulators() == []
    assert list(own_runtime_folder.iterdir()) == []


def test_control_socket_answers_nonsense_with_an_error() -> None:
    """Unknown commands, missing arguments and broken JSON are told, and the board lives."""
    with start_emulator(NANO) as emulator:
        with pytest.raises(ConfigError, match="did not understand"):
            ask(emulator.control, "explode")
        with pytest.raises(ConfigError, match="did not understand"):
            ask(emulator.control, "peek")
        with pytest.raises(ConfigError, match="no memory"):
            emulator.peek(0x60000000, 4)
        with pytest.raises(ConfigError, match="no wire fault"):
            emulator.wire_fault("to_device", "melt")
        assert emulator.status()["state"] == "loader"


def test_unique_id_is_what_was_asked_for(assemble) -> None:
    """FICR.DEVICEID shows the id that was given; two boards without one differ, and say that they are twins."""
    source = "start:\nldr r0, =0x10000060\nldm r0, {r1, r2}\nldr r0, =0x2001F000\nstm r0, {r1, r2}\ndone\n"
    elf = assemble(source)
    seen = []
    for unique_id in (b"ABCDEFGH", None, None):
        with start_emulator(NANO, unique_id=unique_id) as emulator:
            emulator.flash(elf)
            wait_until(emulator.report)
            seen.append(emulator.peek(0x2001F000, 8))
    assert seen[0] == b"ABCDEFGH"
    assert len(set(seen)) == 3
    assert all(given.startswith(TWIN_ID) for given in seen[1:])


_HOST_PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    FILE *noinit = fopen(getenv("TINYSINE_NOINIT"), "a+");
    fputc('x', noinit);
    fclose(noinit);
    noinit = fopen(getenv("TINYSINE_NOINIT"), "r");
    int starts = 0;
    while (fgetc(noinit) != EOF) {
        starts++;
    }
    dprintf(atoi(getenv("TINYSINE_LED_FD")), "led 250 %d\n", starts);
    char byte;
    while (read(0, &byte, 1) == 1) {
        if (byte == 'r') {
            return 3;
        }
        dprintf(1, "%c%d", byte, starts);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def host_program(tmp_path_factory: pytest.TempPathFactory, host_cc: Callable[..., None]) -> Path:
    """A small program that speaks the host port's dialect."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "program.c").write_text(_HOST_PROGRAM)
    host_cc("program.c", "-o", "program", cwd=folder)
    return folder / "program"


def _ask_port(port: str, sent: bytes, count: int) -> bytes:
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(descriptor, sent)
        heard = b""
        while len(heard) < count:
            heard += os.read(descriptor, 100)
        return heard
    finally:
        os.close(descriptor)


def test_host_board_runs_a_process_on_the_wire(host_program: Path) -> None:
    """Bytes go both ways; it is started again when it ends; its record outlives resets, not the power."""
    with start_emulator(HOST) as emulator:
        emulator.flash(host_program)
        assert _ask_port(emulator.port, b"a", 2) == b"a1"
        emulator.reset()
        assert _ask_port(emulator.port, b"b", 2) == b"b2"
        os.close(_write(emulator.port, b"r"))
        wait_until(lambda: emulator.status()["resets"] == 3)
        assert _ask_port(emulator.port, b"c", 2) == b"c3"
        wait_until(lambda: len(emulator.led_trace()) == 3)  # told on another pipe than the answer
        assert [duty * 255 for _, duty in emulator.led_trace()] == pytest.approx([1, 2, 3])
        emulator.power(False)
        assert emulator.status()["state"] == "off"
        emulator.power(True)
        assert _ask_port(emulator.port, b"d", 2) == b"d1"


def _write(port: str, data: bytes) -> int:
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    os.write(descriptor, data)
    return descriptor


def test_host_board_gives_up_on_a_process_that_keeps_ending() -> None:
    """A crash loop ends in a report, not in a busy computer. One that never said a word does not run here at all."""
    with start_emulator(HOST) as emulator:
        emulator.flash("/bin/false")
        wait_until(lambda: emulator.status()["report"])
        assert emulator.status()["state"] == "stopped"
        with pytest.raises(BenchError, match=r"does not run on this computer: .*exit code 1, without a word"):
            emulator.report()
        with pytest.raises(FlashError, match="does not start"):
            emulator.flash(__file__)


def test_host_firmware_that_crashes_is_to_blame(tmp_path: Path) -> None:
    """A signal that a program brings about by itself is its own fault, also before its first word."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nkill -ABRT $$\n")
    program.chmod(0o755)
    with start_emulator(HOST) as emulator:
        emulator.flash(program)
        wait_until(lambda: emulator.status()["report"])
        assert "signal 6" in (emulator.report() or "")


def _only_child(pid: int) -> int:
    """The process that another one has started; Linux may leave it out of its list while threads come and go."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        lists = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for file in lists for child in file.read_text().split()]
        if children:
            (child,) = children
            return child
        time.sleep(0.01)
    raise AssertionError(f"process {pid} has no child")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_host_firmware_that_somebody_ends_is_not_to_blame(host_program: Path, how: signal.Signals) -> None:
    """It is not started again behind the back of whoever asks it, who would take that for a reset of its own."""
    with start_emulator(HOST) as emulator:
        emulator.flash(host_program)
        assert _ask_port(emulator.port, b"a", 2) == b"a1"
        process = _only_child(emulator.pid)
        os.kill(process, how)
        wait_until(lambda: emulator.status()["report"])
        with pytest.raises(BenchError, match=f"something on this computer ended .*signal {how}"):
            emulator.report()
        emulator.reset()
        assert _ask_port(emulator.port, b"b", 2) == b"b2"


def test_no_pseudo_terminals_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the system has no pseudo-terminals, as on Windows, the error says so."""
    monkeypatch.delattr(os, "openpty")
    with pytest.raises(PortUnavailable, match="pseudo-terminal"):
        Wire(tmp_path / "tty")


def test_a_process_of_ours_ignores_the_folder_and_variables_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules of the current folder are not taken for Python's, and no variable changes how it speaks."""
    for name in ("queue", "numpy", "json", "tinysine"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the current folder')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-16")
    monkeypatch.setenv("PYTHONINSPECT", "1")
    with start_emulator(NANO) as twin:
        assert twin.status()["state"] == "loader"


def test_first_line_of_a_process_that_cannot_start_is_json() -> None:
    """The process refuses in the same language in which it announces itself."""
    board = to_builtins(structs.replace(NANO, chip="nrf9999"))
    wanted = {"board": board, "clock": "real", "loader": "old", "unique_id": None}
    done = subprocess.run(
        [sys.executable, "-m", "tinysine.emulation"],
        input=json.dumps(wanted) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"] == "ConfigError"


def test_a_twin_tells_what_others_ordered() -> None:
    """Every order counts, also one that is refused; what only looks does not."""
    with start_emulator(HOST) as emulator:
        emulator.reset()
        other = attach_emulator(emulator.control)
        assert (emulator.orders_of_others(), other.orders_of_others()) == ({}, {"reset": 1})
        other.status()
        other.power(True)
        with pytest.raises(FlashError):
            other.flash("/nowhere.elf")
        assert emulator.orders_of_others() == {"power": 1, "flash": 1}


@pytest.mark.parametrize(("asked", "given"), [(1.0, 20), (60.0, 60)])
def test_a_slow_computer_gives_an_emulator_more_time(
    monkeypatch: pytest.MonkeyPatch, asked: float, given: int
) -> None:
    """Never less than 20 s; the message says what gives it more. The environment is for whoever calls."""

    def silent(_stream: object, *, patience_s: float, clock: object) -> bytes:
        del clock
        raise ValueError(f"silent for {patience_s:g} s")

    monkeypatch.setenv("TINYSINE_TIMEOUT", "90")
    monkeypatch.setattr("tinysine.emulation.client._first_line", silent)
    with pytest.raises(BenchError, match=f"silent for {given} s"):
        start_emulator(HOST, timeout_s=asked)


def test_a_process_that_gets_no_processor_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock stands meanwhile, and it is waited for; one that is silent by its own clock is not."""
    monkeypatch.setattr(client, "_LOOK_EVERY_S", 0.01)
    read_end, write_end = os.pipe()
    looks = iter(range(50))

    def busy() -> float:
        if next(looks) == 20:  # far beyond its patience, by any other clock
            os.write(write_end, b"ready\n")
        return 5.0

    with os.fdopen(read_end, "rb") as stream:
        assert client._first_line(stream, patience_s=1e-9, clock=busy) == b"ready\n"
        seconds = itertools.count()
        with pytest.raises(ValueError, match="silent for 3 s"):
            client._first_line(stream, patience_s=3, clock=lambda: float(next(seconds)))
    os.close(write_end)
