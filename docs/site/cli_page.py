"""The page of all commands, from the program's own parser: what `--help` says, in the order of `--help`."""

from __future__ import annotations

import inspect
import re
from typing import Any

import typer
from marks import code, prose

from tinysine.commands.app import built
from tinysine.commands.help import grouped

_HEAD = """# Command line

`tinysine COMMAND --help` says the same in a terminal, and `tinysine --install-completion` has the shell complete
commands, options, boards, ports and engines. Options that can be set by a variable, too, are on the page of
[options and variables](settings.md).
"""


def page() -> str:
    """Return the page."""
    program = built()
    context = typer.Context(program, info_name="tinysine", **program.context_settings)
    parts = [_HEAD, _body(program, context, level=0)]
    for name in program.list_commands(context):
        command = program.commands[name]
        if not command.hidden:
            inner = typer.Context(command, info_name=name, parent=context, **program.context_settings)
            parts.append(f"## tinysine {name}\n\n{_body(command, inner, level=1)}")
    return "\n".join(parts)


def _body(command: Any, context: Any, *, level: int) -> str:
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [f"```\n{' '.join(usage.split())}\n```\n"] if level else []
    parts.append(_help(command.help or ""))
    for title, records in grouped(command.get_params(context), context).items():
        rows = [f"| {code(option)} | {prose(meaning)} |" for option, meaning in records]
        parts.append("\n".join([f"| {title} | |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _help(text: str) -> str:
    """Return a command's help as Markdown: paragraphs, and lists of examples as they stand."""
    parts = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text.replace("\b", ""))):
        first, _, rest = block.strip("\n").partition("\n")
        if rest and first.strip().endswith(":") and all(line.startswith(" ") for line in rest.splitlines()):
            parts.append(f"{first.strip()}\n\n```sh\n{inspect.cleandoc(rest)}\n```\n")
        else:
            parts.append(f"{prose(block)}\n")
    return "\n".join(parts)
