"""Ports that are missing, busy, silent, or full of garbage, and one that vanishes: bench failures, told apart."""

from __future__ import annotations

import json
import os
import pty
import re
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from jsonschema import Draft202012Validator

from tinysine.schemas import schema as schema_of_document

SCHEMA = schema_of_document("evidence")


class Wire:
    """Both ends of a pseudo-terminal, and somebody at the far one."""

    def __init__(self) -> None:
        self.far, self.near = pty.openpty()
        tty.setraw(self.near)
        self.port = os.ttyname(self.near)
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def garble(self) -> None:
        """Send bytes that mean nothing, until it is over."""

        def work() -> None:
            while not self._over.wait(0.01):
                os.write(self.far, bytes((i * 89 + 41) % 255 + 1 for i in range(30)) + b"\0")

        self._start(work)

    def vanish_when_asked(self) -> None:
        """Unplug as soon as anything arrives."""

        def work() -> None:
            os.read(self.far, 1)
            # The near end stays open: else the next pseudo-terminal on this computer, which may be a board's,
            # gets the same name.
            os.close(self.far)
            self.far = -1

        self._start(work)

    def _start(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def close(self) -> None:
        """End it."""
        self._over.set()
        for thread in self._threads:
            thread.join(5)
        for end in (self.far, self.near):
            if end >= 0:
                os.close(end)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A pseudo-terminal with nobody at the far end yet."""
    made = Wire()
    yield made
    made.close()


def the_line(err: str) -> str:
    """The one line on standard error."""
    assert re.fullmatch(r"error: [^\n]+\. try: [^\n]+\n", err), err
    return err


def test_a_silent_port_is_a_bench_failure(cli: Callable, wire: Wire, model: Path, tmp_path: Path) -> None:
    """Nothing came: exit code 3, the port's name, and evidence that says error."""
    ended = cli("verify", model, "--port", wire.port, "--timeout", 1.5, "--json", tmp_path / "evidence.json")
    assert ended.code == 3
    assert ended.out == ""
    assert wire.port in the_line(ended.err)
    assert "within 1.5 s: not one byte came" in ended.err
    evidence = json.loads((tmp_path / "evidence.json").read_text())
    Draft202012Validator(SCHEMA).validate(evidence)
    assert evidence["verdict"] == "error"
    assert evidence["error"]["kind"] == "LinkTimeout"
    assert evidence["error"]["exit_code"] == 3
    assert "outputs" not in evidence


def test_garbage_is_told_from_silence(cli: Callable, wire: Wire, model: Path) -> None:
    """Bytes that mean nothing: exit code 3, and the line shows them."""
    wire.garble()
    ended = cli("verify", model, "--port", wire.port, "--timeout", 1.5)
    assert ended.code == 3
    assert "garbage" in the_line(ended.err)


def test_a_port_that_vanishes_is_a_bench_failure(cli: Callable, wire: Wire, model: Path) -> None:
    """Unplugged in the middle of the first request: exit code 3, and the port is named."""
    port = wire.port
    wire.vanish_when_asked()
    ended = cli("verify", model, "--port", port, "--timeout", 1.5)
    assert ended.code == 3
    assert port in the_line(ended.err)


def test_a_missing_port_is_a_bench_failure(cli: Callable, model: Path, tmp_path: Path) -> None:
    """No such port: exit code 3, and evidence of nothing but that: no reference was asked, nothing built."""
    port, kept = "/dev/tty-that-is-not-there", tmp_path / "evidence.json"
    ended = cli("verify", model, "--port", port, "--timeout", 0.3, "--json", kept)
    assert ended.code == 3
    assert f"{port} does not exist (waited 0.3 s)" in the_line(ended.err)
    evidence = json.loads(kept.read_text())
    Draft202012Validator(SCHEMA).validate(evidence)
    assert evidence["error"]["kind"] == "PortUnavailable"
    assert list(evidence["stages_s"]) == ["model"]


@pytest.mark.parametrize("command", [("run", "--out", "out"), ("engines", "{model}")])
def test_a_missing_port_is_told_before_anything_is_trained_or_compared(
    command: tuple[str, ...], cli: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `verify` says it, once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinysine.training.require_tensorflow", lambda: None)  # it need not be installed
    words = [word.format(model=model) for word in command]
    ended = cli(*words, "--port", "/dev/tty-that-is-not-there", "--timeout", 0.3)
    assert ended.code == 3
    assert "/dev/tty-that-is-not-there does not exist (waited 0.3 s)" in the_line(ended.err)
    assert ended.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_busy_port_is_a_bench_failure(cli: Callable, wire: Wire, model: Path) -> None:
    """A port that somebody else holds: exit code 3, and the line says so."""
    with serial.Serial(wire.port, exclusive=True):
        ended = cli("verify", model, "--port", wire.port)
    assert ended.code == 3
    assert re.search(r"busy|in use|holds", the_line(ended.err))


def test_flash_without_a_tool_is_a_bench_failure(
    cli: Callable, wire: Wire, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a flash tool the exit code is 3, and no tool that is installed here is run."""
    monkeypatch.setenv("PATH", "/nonexistent")
    ended = cli("flash", model, "--port", wire.port, "--toolchain", "zig")
    assert ended.code == 3
    assert "flash" in the_line(ended.err)
