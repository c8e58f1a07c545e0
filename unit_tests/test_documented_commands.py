"""The commands that the pages show can be typed, and those that are cheap are run."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer

from tinysine.commands.app import built, run_app
from tinysine.commands.verdict_words import WORDS
from tinysine.link import encode_frame
from tinysine.model import REFERENCE_MODEL
from tinysine.settings import REFERENCE

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "README.zh.md",
    "CONTRIBUTING.md",
    *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))),
)
BLOCK = re.compile(r"^```(?:sh)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(tinysine [a-z][^`]*)`")
CHEAP = ("verify", "references", "c-array", "build", "export-arduino", "boards")


def commands(page: str) -> Iterator[str]:
    """Every tinysine command of a page, in blocks and in sentences, without comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            for command in re.split(r"&&", line.split("  #")[0]):
                if command.strip().startswith("tinysine "):
                    yield command.strip()
    for command in INLINE.findall(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        yield " ".join(command.split())


def problem_of(command: str) -> str:
    """Say why a command line cannot be typed; "" where it can. A sentence may leave values out."""
    words = [word for word in shlex.split(command)[1:] if word != "..."]
    if words[0] not in built().commands:
        return f"there is no command {words[0]}"
    known = built().commands[words[0]]
    # A command keeps the first names of its help option that it sees.
    context = typer.Context(known, **built().context_settings)
    try:
        known.make_parser(context).parse_args(words[1:])
    except Exception as error:
        return str(error)
    return ""


@pytest.mark.parametrize("page", PAGES)
def test_every_command_can_be_typed(page: str) -> None:
    """Commands and options exist, and options have their values."""
    wrong = {command: problem for command in commands(page) if (problem := problem_of(command))}
    for command in wrong:  # a sentence names a command and an option alone
        assert re.fullmatch(r"tinysine [a-z-]+ (--[a-z-]+)", command), wrong
        assert shlex.split(command)[2] in {
            name for param in built().commands[shlex.split(command)[1]].params for name in param.opts
        }, wrong


def test_the_check_sees_a_wrong_command() -> None:
    """And finds the commands that are there."""
    assert problem_of("tinysine verfy MODEL")
    assert problem_of("tinysine verify MODEL --bord nano")
    assert len(list(commands("README.md"))) > 10
    assert "tinysine verify tinysine-out/sine_int8.cc" in list(commands("README.md"))


@pytest.mark.parametrize("page", ["README.md", "docs/installing.md"])
def test_the_chinese_page_has_the_same_code_and_rows(page: str) -> None:
    """Commands, names in tables, and pictures are those of the English page, in its order."""
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in (page, page.replace(".md", ".zh.md"))
    )
    for pattern in (r"^\| ((?:`[^`]+` \| )+)", r"!\[[^]]*\]\(([^)]*)\)", r"^(#+) "):
        assert re.findall(pattern, chinese, re.MULTILINE) == re.findall(pattern, english, re.MULTILINE)
    blocks = [
        [
            re.sub(r"^# .*\n", "", block, flags=re.M)
            for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
        ]
        for text in (english, chinese)
    ]
    assert blocks[0] == blocks[1]
    spoken = [
        set(re.findall(r"`((?:pip|tox|tinysine|pytest|numpy)[ .][^`]*)`", text))
        for text in (english, chinese)
    ]
    assert {text.replace("tutorial.zh.", "tutorial.") for text in spoken[1]} == spoken[0]


@pytest.mark.long
def test_the_cheap_commands_of_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As they stand, in their order, with this computer as the board; none that needs a real one, or trains."""
    (tmp_path / "tinysine-out").mkdir()
    shutil.copy(REFERENCE_MODEL, tmp_path / "tinysine-out" / "sine_int8.tflite")
    shutil.copytree(REFERENCE_MODEL.parent, tmp_path / "tinysine" / "model" / "reference")
    assert (
        run_app(
            ["c-array", str(REFERENCE_MODEL), "--name", "sine_int8", "--out", str(tmp_path / "tinysine-out")]
        )
        == 0
    )
    np.savez(tmp_path / "test_set.npz", x=np.array([[0.5], [1.5]]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TINYSINE_BOARD", "host")
    ran = []
    for command in commands("README.md"):
        words = shlex.split(command)[1:]
        if words[0] in CHEAP and "--port" not in words and len(words) > 1 and "--flash" not in words:
            assert run_app(words) == 0, (command, capfd.readouterr().err)
            ran.append(words[0])
    assert ran.count("verify") >= 3
    assert "export-arduino" in ran


def test_every_line_of_a_verdict_is_on_the_page(capfd: pytest.CaptureFixture[str]) -> None:
    """Each printed label is explained on the page, and the page explains no other label."""
    page = (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")
    source = (ROOT / "tinysine" / "commands" / "verdict_shown.py").read_text(encoding="utf-8")
    labels = set(re.findall(r"\(\s*\"([a-z()x ]+)\",", source)) - {
        "also",
        "broke",
        "wrong",
        "model",
        "image",
        "build",
        "counter",
    }
    explained = set(re.findall(r"^\| `([^`]+)` \|", page.split("## The references")[0], re.MULTILINE))
    assert labels == explained
    references = page.split("## The references")[1].split("\n## ")[0]
    for names, meaning in re.findall(r"^\| (`.+?`) \| (.+) \|$", page.split("## Which")[0], re.MULTILINE):
        for word in re.findall(r"`([^`]+)`", names):
            assert WORDS[word] == re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", meaning)
    assert all(f"`{name}`" in references for name in REFERENCE.allowed)
    chinese = (ROOT / "docs" / "verdict.zh.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", chinese.split("\n## ")[0], re.MULTILINE)) == explained
    assert run_app(["verify", str(REFERENCE_MODEL), "--board", "host"]) == 0
    printed = {line[2:11].strip() for line in capfd.readouterr().out.splitlines()[1:]}
    assert printed <= explained


def test_the_protocols_example_prints_what_the_page_says(capfd: pytest.CaptureFixture[str]) -> None:
    """And that is the frame that the link sends."""
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(code, {})  # the page's own lines, as a reader would type them
    printed = capfd.readouterr().out.strip()
    assert f"`{printed}`" in page
    assert bytes.fromhex(printed) == encode_frame(bytes([1, 0, 2, 3, 4, 1]))
