"""Evidence of an earlier run: whatever ends a run without evidence, what is there says no pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tinysine.commands.app import run_app

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "evidence.schema.json").read_text())
PASSED = {"schema": "tinysine.evidence/1", "verdict": "pass", "findings": []}


@pytest.fixture
def passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Evidence of an earlier pass, in the current folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "e.json"
    file.write_text(json.dumps(PASSED))
    return file


COMMANDS = {
    "no such model": ["verify", "none.tflite", "--json", "e.json"],
    "no such board": ["verify", "none.tflite", "--board", "nanoo", "--json=e.json"],
    "no such option": ["verify", "none.tflite", "--json", "e.json", "--samples", "3"],
    "an option out of range": ["verify", "none.tflite", "--json", "e.json", "--inputs", "0"],
    "no argument": ["verify", "--json", "e.json"],
    "no such network": ["run", "--network", "nonsense", "--json", "e.json"],
    "a link": ["verify", "none.tflite", "--json", "link.json"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_usage_error_leaves_no_pass(passed: Path, command: list[str]) -> None:
    """The earlier evidence is put aside, and what is in its place says so, by the schema."""
    Path("link.json").symlink_to(passed)
    assert run_app(command) == 2
    document = json.loads(passed.read_text())
    Draft202012Validator(SCHEMA).validate(document)
    assert (document["verdict"], document["error"]["exit_code"]) == ("error", 2)
    assert "without evidence" in document["error"]["message"]
    assert json.loads(Path("e.json.earlier").read_text()) == PASSED
    assert run_app(command) == 2  # nor does a second one lose it
    assert json.loads(passed.read_text())["verdict"] == "error"


@pytest.mark.parametrize("ended", [KeyboardInterrupt(), SystemExit(143), MemoryError()], ids=repr)
def test_what_ends_a_run_in_any_other_way_leaves_no_pass(
    passed: Path, monkeypatch: pytest.MonkeyPatch, ended: BaseException
) -> None:
    """Ctrl-C, a signal, and what nobody has thought of."""

    def end(*_arguments: object, **_options: object) -> None:
        raise ended

    monkeypatch.setattr("tinysine.commands.app.app", end)
    with pytest.raises(type(ended)) if not isinstance(ended, Exception) else pytest.MonkeyPatch.context():
        assert run_app(["verify", "m.tflite", "--json", "e.json"]) == 3
    codes = {KeyboardInterrupt: 130, SystemExit: 143, MemoryError: 3}
    document = json.loads(passed.read_text())
    assert (document["verdict"], document["error"]["exit_code"]) == ("error", codes[type(ended)])


def test_a_run_that_is_killed_leaves_no_pass(passed: Path) -> None:
    """Nobody is left to say anything then: it was said before."""
    program = (
        "import os, signal\n"
        "from tinysine.commands import app\n"
        "app.app = lambda **_options: os.kill(os.getpid(), signal.SIGKILL)\n"
        "app.run_app(['verify', 'm.tflite', '--json', 'e.json'])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, cwd=passed.parent, timeout=60)
    assert ended.returncode < 0
    document = json.loads(passed.read_text())
    assert (document["verdict"], document["error"]["kind"]) == ("error", "Unfinished")
    assert "was killed" in document["error"]["message"]


def test_new_evidence_takes_the_place_of_the_old(passed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of the old is left beside it."""
    new = PASSED | {"verdict": "fail"}
    monkeypatch.setattr(
        "tinysine.commands.app.app", lambda **_options: passed.write_text(json.dumps(new)) and 1
    )
    assert run_app(["verify", "m.tflite", "--json", "e.json"]) == 1
    assert json.loads(passed.read_text()) == new
    assert [path.name for path in passed.parent.iterdir()] == ["e.json"]


def test_the_folder_of_run_is_no_exception(passed: Path, tmp_path: Path) -> None:
    """Its evidence is put aside, its models stay."""
    for option in ("--out", "-o"):
        folder = tmp_path / option
        folder.mkdir()
        (folder / "evidence.json").write_bytes(passed.read_bytes())
        (folder / "sine_int8.tflite").write_bytes(b"model")
        assert run_app(["run", option, str(folder), "--network", "nonsense"]) == 2
        assert json.loads((folder / "evidence.json").read_text())["verdict"] == "error"
        assert (folder / "sine_int8.tflite").read_bytes() == b"model"


@pytest.mark.parametrize(
    "command",
    [["verify", "--help", "--json", "e.json"], ["boards", "--json"], ["doctor", "--json", "e.json"]],
)
def test_other_commands_touch_no_evidence(
    passed: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does somebody who asks for help."""
    run_app(command)
    capsys.readouterr()
    assert json.loads(passed.read_text()) == PASSED


@pytest.mark.parametrize("text", ["", "notes", "[1]", '{"schema": "other/1"}', "[" * 100_000])
def test_a_file_that_is_no_evidence_is_left_alone(passed: Path, text: str) -> None:
    """Bad input loses nothing that is somebody else's."""
    passed.write_text(text)
    assert run_app(["verify", "none.tflite", "--json", "e.json"]) == 2
    assert passed.read_text() == text
    assert [path.name for path in passed.parent.iterdir()] == ["e.json"]


def test_evidence_that_cannot_be_put_aside_is_warned_of(
    passed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that may not be written to: then one line says what the file is."""

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    assert run_app(["verify", "none.tflite", "--json", "e.json"]) == 2
    assert "still holds the evidence of an earlier run: Permission denied" in capsys.readouterr().err
    assert json.loads(passed.read_text()) == PASSED
