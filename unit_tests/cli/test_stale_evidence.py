"""Evidence of an earlier run: whatever ends a run without evidence, what is there says no pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tinysine.commands.app import built, run_app
from tinysine.commands.command_line import read_command_line
from tinysine.commands.help import Group
from tinysine.model import REFERENCE_MODEL
from tinysine.report_file import REPORT_MARK
from tinysine.schemas import schema as schema_of_document

SCHEMA = schema_of_document("evidence")
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
    "no such option, and help": ["verify", "none.tflite", "--json", "e.json", "--samples", "-h"],
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
    assert json.loads(Path("e.json.earlier").read_text()) == PASSED
    assert len(list(Path.cwd().glob("e.json*"))) == 2


@pytest.mark.parametrize("ended", [KeyboardInterrupt(), SystemExit(143), MemoryError()], ids=repr)
def test_what_ends_a_run_in_any_other_way_leaves_no_pass(
    passed: Path, monkeypatch: pytest.MonkeyPatch, ended: BaseException
) -> None:
    """Ctrl-C, a signal, and what nobody has thought of."""

    def end(*_arguments: object, **_options: object) -> None:
        raise ended

    monkeypatch.setattr(Group, "main", end)
    with pytest.raises(type(ended)) if not isinstance(ended, Exception) else pytest.MonkeyPatch.context():
        assert run_app(["verify", "m.tflite", "--json", "e.json"]) == 3
    codes = {KeyboardInterrupt: 130, SystemExit: 143, MemoryError: 3}
    document = json.loads(passed.read_text())
    assert (document["verdict"], document["error"]["exit_code"]) == ("error", codes[type(ended)])
    Draft202012Validator(SCHEMA).validate(document)


def test_a_run_that_is_killed_leaves_no_pass(passed: Path) -> None:
    """Nobody is left to say anything then: it was said before."""
    program = (
        "import os, signal\n"
        "from tinysine.commands import app, help\n"
        "help.Group.main = lambda *_words, **_options: os.kill(os.getpid(), signal.SIGKILL)\n"
        "app.run_app(['verify', 'm.tflite', '--json', 'e.json'])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, cwd=passed.parent, timeout=60)
    assert ended.returncode < 0
    document = json.loads(passed.read_text())
    assert (document["verdict"], document["error"]["kind"]) == ("error", "Unfinished")
    assert "was killed" in document["error"]["message"]


def test_new_evidence_ends_a_row_of_failures(passed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that writes new evidence removes the file that the first failure put aside."""
    for _ in range(2):
        assert run_app(["verify", "none.tflite", "--json", "e.json"]) == 2
    monkeypatch.setattr(
        Group, "main", lambda *_words, **_options: passed.write_text(json.dumps(PASSED)) and 0
    )
    assert run_app(["verify", "m.tflite", "--json", "e.json"]) == 0
    assert [path.name for path in passed.parent.iterdir()] == ["e.json"]


@pytest.mark.parametrize("code", [0, 2])
@pytest.mark.parametrize("theirs", ["notes", json.dumps(PASSED)])
def test_a_file_of_the_users_is_no_place_to_put_evidence(
    passed: Path, monkeypatch: pytest.MonkeyPatch, theirs: str, code: int
) -> None:
    """A file that has the name already stays, however the run ends."""
    Path("e.json.earlier").write_text(theirs)
    new = json.dumps(PASSED | {"verdict": "fail"})
    monkeypatch.setattr(Group, "main", lambda *_a, **_b: (not code and passed.write_text(new) and 0) or code)
    assert run_app(["verify", "m.tflite", "--json", "e.json"]) == code
    assert Path("e.json.earlier").read_text() == theirs
    aside = Path("e.json.earlier-2")
    assert aside.exists() == bool(code)
    assert not code or json.loads(aside.read_text()) == PASSED


@pytest.mark.parametrize("bytes_", [247, 248, 255])
def test_evidence_of_a_long_name_is_put_aside(passed: Path, bytes_: int) -> None:
    """The system allows 255 bytes, and NAME.earlier would be longer."""
    name = "\u00e9" * (bytes_ // 2 - 3) + "e" * (bytes_ % 2 + 1) + ".json"
    file = passed.rename(name)
    assert len(os.fsencode(file.name)) == bytes_
    assert run_app(["verify", "none.tflite", "--json", name]) == 2
    document = json.loads(Path(name).read_text())
    assert document["verdict"] == "error"
    (aside,) = (path for path in Path.cwd().iterdir() if path.name != name)
    assert json.loads(aside.read_text()) == PASSED


def test_long_evidence_is_known_by_its_beginning(passed: Path) -> None:
    """It is not read whole."""
    document = json.dumps(PASSED, indent=2)
    with passed.open("w") as file:
        file.write(document)
        file.truncate(65 << 20)
    assert run_app(["verify", "none.tflite", "--json", "e.json"]) == 2
    assert json.loads(passed.read_text())["verdict"] == "error"


@pytest.mark.parametrize("content", [b"[[board]]\nname = 'nano33ble'\n", b"notes", b"\x1c\0\0\0TFL3", b"{}"])
@pytest.mark.parametrize("command", [["verify", str(REFERENCE_MODEL)], ["run"]], ids=["verify", "run"])
def test_evidence_replaces_nothing_but_evidence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    content: bytes,
) -> None:
    """A bench file, notes and models are refused before any work."""
    monkeypatch.chdir(tmp_path)
    file = Path("bench.toml")
    file.write_bytes(content)
    assert run_app([*command, "--board", "host", "--json", "bench.toml"]) == 2
    assert "bench.toml holds something else than evidence" in capsys.readouterr().err
    assert file.read_bytes() == content


def test_new_evidence_takes_the_place_of_the_old(passed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of the old is left beside it."""
    new = PASSED | {"verdict": "fail"}
    monkeypatch.setattr(Group, "main", lambda *_words, **_options: passed.write_text(json.dumps(new)) and 1)
    assert run_app(["verify", "m.tflite", "--json", "e.json"]) == 1
    assert json.loads(passed.read_text()) == new
    assert [path.name for path in passed.parent.iterdir()] == ["e.json"]


def test_the_folder_of_run_is_no_exception(passed: Path, tmp_path: Path) -> None:
    """Its evidence is put aside, its models stay."""
    for number, words in enumerate((["--out", "{}"], ["--out={}"], ["-o", "{}"], ["-o{}"], ["-qo", "{}"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "evidence.json").write_bytes(passed.read_bytes())
        (folder / "sine_int8.tflite").write_bytes(b"model")
        assert run_app(["run", *(word.format(folder) for word in words), "--network", "nonsense"]) == 2
        assert json.loads((folder / "evidence.json").read_text())["verdict"] == "error"
        assert (folder / "sine_int8.tflite").read_bytes() == b"model"


@pytest.mark.parametrize(
    "command",
    [
        ["verify", "--help", "--json", "e.json"],
        ["verify", "--json", "e.json", "-h"],
        ["--version", "verify", "--json", "e.json"],
        ["boards", "--json"],
        ["doctor", "--json", "e.json"],
        ["verify", "none.tflite", "--json", "e.json", "--json", "other.json"],
        ["verify", "none.tflite", "--", "--json", "e.json"],
        ["run", "--network", "--json=e.json"],
    ],
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


def test_a_full_disk_neither_loses_evidence_nor_hides_how_the_run_ended(
    passed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new file is written before the old evidence is renamed."""

    def refuse(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert run_app(["verify", "none.tflite", "--json", "e.json"]) == 2
    said = capsys.readouterr().err
    assert "still holds the evidence of an earlier run: No space left on device" in said
    assert "unexpected" not in said
    assert json.loads(passed.read_text()) == PASSED
    assert [path.name for path in passed.parent.iterdir()] == ["e.json"]


def test_a_disk_that_fills_during_the_run_leaves_no_pass(
    passed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is the run's own, and the file goes on saying that the run has not ended."""

    def fill(*_words: object, **_options: object) -> int:
        def refuse(*_arguments: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", refuse)
        return 2

    monkeypatch.setattr(Group, "main", fill)
    assert run_app(["verify", "m.tflite", "--json", "e.json"]) == 2
    assert json.loads(passed.read_text())["verdict"] == "error"
    assert json.loads(Path("e.json.earlier").read_text()) == PASSED


def test_earlier_evidence_that_cannot_be_removed_is_left(
    passed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New evidence is there: an exit code of the bench would say otherwise."""

    def finish(*_words: object, **_options: object) -> int:
        def refuse(self: Path, **_options: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        passed.write_text(json.dumps(PASSED))
        monkeypatch.setattr(Path, "unlink", refuse)
        return 0

    monkeypatch.setattr(Group, "main", finish)
    assert run_app(["verify", "m.tflite", "--json", "e.json"]) == 0


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["run", "-oelsewhere"], {"out": "elsewhere"}),
        (["--boards-dir", "run", "verify", "m", "--json=e"], {"json": "e"}),
        (["verify", "--json", "e", "--json", "f"], {"json": "f"}),
        (["--nonsense", "verify", "--nonsense", "3", "--json", "e"], {"json": "e"}),
        (["verify", "--json"], {}),
    ],
)
def test_a_command_line_is_read_as_the_program_reads_it(words: list[str], options: dict[str, str]) -> None:
    """Short options with their value, values that look like commands, the last of two, and words that mean nothing."""
    asked = read_command_line(built(), words)
    assert asked.command == ("run" if words[0] == "run" else "verify")
    assert {name: asked.options[name] for name in ("out", "json") if name in asked.options} == options


def test_the_folder_that_a_run_does_not_write_to_is_left_alone(passed: Path, tmp_path: Path) -> None:
    """`-oelsewhere` names another folder than the default one."""
    (tmp_path / "tinysine-out").mkdir()
    earlier = passed.replace(tmp_path / "tinysine-out" / "evidence.json")
    assert run_app(["run", "-oelsewhere", "--network", "nonsense"]) == 2
    assert json.loads(earlier.read_text()) == PASSED


def test_a_report_of_an_earlier_pass_is_put_aside_like_evidence(
    passed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends without a report leaves none that says pass; the next report ends that."""
    report = passed.with_name("r.html")
    old = f"<!doctype html>{REPORT_MARK}<title>PASS</title>"
    report.write_text(old)
    for _ in range(2):
        assert run_app(["verify", "none.tflite", "--html", "r.html"]) == 2
        assert "PASS" not in report.read_text()
        assert "ended with exit code 2" in report.read_text()
        assert Path("r.html.earlier").read_text() == old
    monkeypatch.setattr(Group, "main", lambda *_words, **_options: report.write_text(old) and 0)
    assert run_app(["verify", "m.tflite", "--html", "r.html"]) == 0
    assert sorted(path.name for path in passed.parent.iterdir()) == ["e.json", "r.html"]


def test_a_page_of_the_users_is_left_as_it_is(passed: Path) -> None:
    """It is no report of tinysine's, and is neither put aside nor replaced."""
    page = passed.with_name("r.html")
    page.write_text("<!doctype html><title>mine</title>")
    assert run_app(["verify", str(REFERENCE_MODEL), "--html", "r.html"]) == 2
    assert page.read_text() == "<!doctype html><title>mine</title>"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the current folder")
@pytest.mark.parametrize("command", [["verify", "m.tflite", "--json", "e.json"], ["nightly"]])
def test_a_current_folder_that_is_gone_is_no_wrong_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Python's own exit code for a traceback is 1."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run_app(command) == 2
    assert capsys.readouterr().err.startswith("error: the current folder is not there any more. try: cd")
