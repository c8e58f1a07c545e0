"""Hostile text through every entry, and a look at every place where it comes out."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from msgspec import structs

from tinysine.bench.night import BoardNight, Job, Part
from tinysine.bench.night_report import junit
from tinysine.boards import load_board
from tinysine.codegen import generate
from tinysine.commands import app
from tinysine.commands.errors_shown import show
from tinysine.commands.screen import markup, say, say_aside, table
from tinysine.emulation.control import ControlServer, ask
from tinysine.errors import PRODUCT, BoardNotFound, FlashError, LinkTimeout
from tinysine.graph import read_network
from tinysine.history import Figure, HistoryRun
from tinysine.model import REFERENCE_MODEL
from tinysine.outside_text import lines
from tinysine.quantization import Rounding
from tinysine.reports import markdown, night_page, render

FORGED = "PASS  everything is equal"
HOSTILE = f'x\n{FORGED}\r\x1b[2K\x1b]0;t\x07\u202e[red]|<b>`*/ #include "/etc/passwd"\n| a | b |\n'


def assert_harmless(text: str) -> None:
    """No order for a terminal, and no line that the text itself began."""
    assert all(char.isprintable() or char in "\n\t" for char in text)
    assert not any(line.startswith((FORGED, "| a")) for line in text.splitlines())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names of files")
def test_the_name_of_a_model_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict cannot be forged by what a model's file is called; the evidence has the name as it is."""
    file = tmp_path / f"m\n\x1b[2K{FORGED}\u202e.tflite"
    shutil.copy(REFERENCE_MODEL, file)
    evidence = tmp_path / "evidence.json"
    monkeypatch.chdir(tmp_path)
    assert app.run_app(["verify", file.name, "--board", "host", "--json", str(evidence)]) == 0
    out, err = capfd.readouterr()
    assert_harmless(out + err)
    assert out.startswith("PASS  m ")
    assert json.loads(evidence.read_text())["provenance"]["model_file"].endswith(file.name)


def test_the_name_of_a_missing_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An error is one line, whatever it is about."""
    for arguments in (
        ["verify", str(tmp_path / f"a\n{FORGED}")],
        ["verify", str(REFERENCE_MODEL), "--board", f"a\n{FORGED}\x1b[2J"],
        ["verify", str(REFERENCE_MODEL), "--bench", f"a\n{FORGED}\x1b[2J"],
        ["verify", str(REFERENCE_MODEL), "--port", f"a\n{FORGED}\x1b[2J", "--timeout", "0.3"],
        ["verify", str(REFERENCE_MODEL), f"--a\n{FORGED}\x1b[2J"],
    ):
        assert app.run_app(arguments) in (2, 3)
        err = capfd.readouterr().err
        assert_harmless(err)
        assert len(err.splitlines()) == 1


def test_what_a_device_and_a_tool_say(capsys: pytest.CaptureFixture[str]) -> None:
    """A tool's output keeps its lines, below the error, and nothing else of it."""
    show(LinkTimeout(f"the board said {HOSTILE}", hint=HOSTILE), command="verify", debug=False)
    assert_harmless(error := capsys.readouterr().err)
    assert len(error.splitlines()) == 1
    show(
        FlashError("failed", command=f"tool {HOSTILE}", output="\x1b[31mred\x1b[0m\x07"),
        command="flash",
        debug=False,
    )
    shown = capsys.readouterr().err
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines and tables hold their form."""
    say(HOSTILE)
    say_aside(HOSTILE)
    table(HOSTILE, ["a", "b"], [[HOSTILE, 1], ["x", HOSTILE]])
    out, err = capsys.readouterr()
    assert_harmless(out + err)
    assert len(out.splitlines()) == 4
    assert len(err.splitlines()) == 1


def test_what_a_person_sees_in_colours() -> None:
    """Rich takes nothing in the text for a style."""
    from rich.text import Text  # slow to import

    assert Text.from_markup(markup(HOSTILE)).plain == lines(HOSTILE)


def test_what_a_night_writes(tmp_path: Path) -> None:
    """A page and a report hold what a device said as text, in the place that was meant for it."""
    part = Part("verify", PRODUCT, HOSTILE, 1.0, HOSTILE)
    night = BoardNight(Job(HOSTILE, HOSTILE, HOSTILE), HOSTILE, (part,))
    line = HistoryRun(
        started_utc="2026-01-01T00:00:00Z",
        command="nightly",
        board=HOSTILE,
        kind=HOSTILE,
        verdict="fail",
        figures=(Figure("latency.median", 1, HOSTILE),),
    )
    report = night_page([night], [line], out=tmp_path)
    page = markdown(report)
    assert_harmless(page)
    assert "<b>" not in page
    assert sum(row.startswith("| ") for row in page.splitlines()) == 3  # headings, rule, one row
    shown = render(report)
    assert_harmless(shown)
    assert "[red]|<b>" not in shown
    suites = ET.fromstring(junit([night], [line]).encode())
    assert [case.get("name") for case in suites.iter("testcase")] == ["verify"]
    (failure,) = suites.iter("failure")
    assert "<b>" in str(failure.text)


def test_the_names_of_tensors() -> None:
    """Nothing in a model's names is C."""
    model = read_network(REFERENCE_MODEL)
    layers = tuple(dataclasses.replace(layer, name=f"a */ {HOSTILE} ??/\\\n") for layer in model.layers)
    source = generate(dataclasses.replace(model, layers=layers), rounding=Rounding.LITERT, core="host").source
    assert_harmless(source)
    assert "passwd" in source
    comments = [line for line in source.splitlines() if "passwd" in line]
    assert all(line.count("/*") == line.count("*/") == 1 and line.strip().endswith("*/") for line in comments)


def test_the_names_of_boards() -> None:
    """A file that is named for a board is in its folder."""
    board = structs.replace(load_board("host"), name="../" + HOSTILE)
    assert Path("folder", board.file_name).parent == Path("folder")


DEEP = b"[" * 200_000
NONSENSE = [
    DEEP, b'{"command": ' + DEEP, b'{"command": "state", "a": ' + b"[" * 70 + b"]" * 70 + b"}", b"[]", b"1", b"null",
    b"\xff", b"", b"NaN", b'{"command": []}', b'{"command": "state", "\\ud800": 1}',
    b'{"command": "' + b"a" * 9999 + b'"}',
]  # fmt: skip


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the control socket is a Unix socket")
def test_what_is_sent_to_a_control_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is answered, by a refusal that can be read, and the socket goes on."""
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    server = ControlServer(Path("c"), {"state": lambda: 1})
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect("c")
            with connection.makefile("rwb") as stream:
                for line in NONSENSE:
                    stream.write(line + b"\n")
                    stream.flush()
                    answer = json.loads(stream.readline())
                    assert answer["ok"] is False
                    assert answer["error"] == "ConfigError"
                    assert len(answer["message"]) < 600
        assert ask("c", "state") == 1
    finally:
        server.close()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the control socket is a Unix socket")
@pytest.mark.parametrize("answer", [DEEP, b"[]", b"{}", b'{"ok": false, "error": 1, "message": 2}', b"\xff"])
def test_what_a_control_socket_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Somebody else behind the socket is no emulated board."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ControlServer, "_serve", lambda _self, connection: _reply(connection, answer))
    server = ControlServer(Path("c"), {})
    try:
        with pytest.raises(BoardNotFound, match="is no emulated board"):
            ask("c", "state")
    finally:
        server.close()


def _reply(connection: socket.socket, answer: bytes) -> None:
    with connection, connection.makefile("rwb") as stream:
        stream.readline()
        stream.write(answer + b"\n")
