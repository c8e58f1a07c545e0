"""Every command and option that a message names exists, so that a hint works when it is typed."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from tinysine.commands.app import built
from tinysine.commands.table import COMMANDS
from tinysine.settings import SETTINGS
from tinysine.training import REPRESENTATIVE_OPTION

ROOT = Path(__file__).parents[2]
OF_OTHERS = {
    "--junitxml",
    "--reload",
    "--include",
    "--format",
    "--force-reinstall",
}  # of pytest, udevadm, git and pip

# In backquotes, to their end; else up to where the sentence goes on.
COMMAND = re.compile(
    r"`tinysine ([^`]*)`|\btinysine ((?:--debug )?(?:"
    + "|".join(sorted(name for name, row in COMMANDS.items() if not row.hidden))
    + r")\b[^;,:(`]*)"
)
OPTION = re.compile(r"(?<![\w=-])--[a-z][a-z-]*")
EXTRA = re.compile(r"tinysine\[([a-z,]+)\]")
PROGRAM: Any = built()


def texts(source: str) -> Iterator[str]:
    """Yield the strings that a module may print: no docstrings, X for each value in an f-string, aliases resolved."""
    tree = ast.parse(source)
    skipped = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    skipped |= {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def parse(command: str) -> str:
    """Return the reason why a command line cannot be typed; "" if it can."""
    words = command.replace("--debug ", "").split()
    if words and words[0] == "--help":
        return ""
    if not words or words[0] not in PROGRAM.commands:
        return f"there is no command {words[:1]}"
    known = PROGRAM.commands[words[0]]
    # A command keeps the first names of its help option that it sees.
    context = typer.Context(known, info_name=words[0], **PROGRAM.context_settings)
    try:
        known.make_parser(context).parse_args(words[1:])
    except Exception as error:
        return str(error)
    return ""


def wrong(text: str) -> list[str]:
    """Everything in a text that names a command, an option or an extra that does not exist."""
    found = []
    for match in COMMAND.finditer(text):
        if problem := parse(match[1] if match[1] is not None else match[2]):
            found.append(f"{match[0]}: {problem}")
    if " " in text:
        found += [
            f"{option} is no option"
            for option in OPTION.findall(text)
            if option.rstrip("-") not in known_options()
        ]
    named = {name for names in EXTRA.findall(text) for name in names.split(",")}
    return found + [f"there is no extra {name}" for name in named - extras()]


@cache
def known_options() -> set[str]:
    """Every option of every command, of the pytest plugin, and of the programs of others that messages name."""
    params = [param for command in PROGRAM.commands.values() for param in command.params]
    known = {
        option for param in [*params, *PROGRAM.params] for option in (*param.opts, *param.secondary_opts)
    }
    return known | {setting.option for setting in SETTINGS} | OF_OTHERS | {"--help"}


@cache
def extras() -> set[str]:
    """Names of the extras that can be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])


def test_every_hint_can_be_typed() -> None:
    """In all modules: messages, hints, and lines that say what to do next."""
    seen, failures = 0, []
    for path in sorted((ROOT / "tinysine").rglob("*.py")):
        for text in texts(path.read_text(encoding="utf-8")):
            seen += len(COMMAND.findall(text)) + (" " in text) * len(OPTION.findall(text))
            failures += [f"{path.relative_to(ROOT)}: {problem}" for problem in wrong(text)]
    assert failures == []
    assert seen > 50, "the patterns find what they are meant to find"


@pytest.mark.parametrize(
    "text",
    [
        "`tinysine konvert FILE` does it",
        "`tinysine convert FILE --quantise` does it",
        "run tinysine verify MODEL --boards nano",
        "judge it with --engines tflm",
        'pip install "tinysine[training]"',
        "`tinysine verify MODEL --board`",
    ],
)
def test_a_hint_that_cannot_be_typed_is_found(text: str) -> None:
    """No such command, option or extra, or an option without its value."""
    assert wrong(text)


def test_strings_are_seen_and_docstrings_are_not() -> None:
    """Of a module: a constant, and an f-string as a whole."""
    assert list(texts('"""doc `tinysine x`"""\na = f"b {c} d"\nprint("e")\n')) == ["b X d", "e"]


def test_the_option_for_typical_inputs_is_converts() -> None:
    """Messages of the room that reads them name it by a constant."""
    assert REPRESENTATIVE_OPTION in {
        option for param in PROGRAM.commands["convert"].params for option in param.opts
    }
