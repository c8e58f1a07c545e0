"""A command line as the program's own parser reads it, before anything is checked or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# typer carries its own copy of click since 0.26; this is the root of usage errors in either.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


_ASK_ONLY = {"help", "version"}


@dataclass(frozen=True)
class CommandLine:
    """The command that is asked for, and its options.

    Attributes:
        command: its name; "" where none of the program's is named.
        options: the text that was typed (True for a flag), by the name of the command's parameter; only those typed.
            `help` where a page of it or the version is asked for.
    """

    command: str
    options: Mapping[str, Any]


def read_command_line(program: TyperGroup, arguments: Sequence[str]) -> CommandLine:
    """Read a command line. Words that mean nothing are passed over: the program itself refuses them later.

    No callback is called and no value is converted, so reading has no effect.
    """
    outer, words = _parsed(program, None, arguments)
    name = next((word for word in words if not word.startswith("-")), "")
    command = program.commands.get(name)
    if outer.get("help") or outer.get("version") or not isinstance(command, TyperCommand):
        shown = {"help": True} if outer.get("help") or outer.get("version") else {}
        return CommandLine(name if command is not None else "", shown)
    options, _ = _parsed(command, program, words[words.index(name) + 1 :])
    return CommandLine(name, options)


def _parsed(
    command: TyperCommand | TyperGroup, program: TyperGroup | None, arguments: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    settings = (
        program or command
    ).context_settings  # a command has the names of the help option from the program
    context = command.context_class(
        command, resilient_parsing=True, **{**settings, "ignore_unknown_options": True}
    )
    options, words, _ = command.make_parser(context).parse_args(list(arguments))
    if options.keys() & _ASK_ONLY and program is not None and not _is_accepted(command, settings, arguments):
        # The program refuses the line before it comes to help.
        options = {name: value for name, value in options.items() if name not in _ASK_ONLY}
    return options, words


def _is_accepted(command: TyperCommand | TyperGroup, settings: Any, arguments: Sequence[str]) -> bool:
    """Tell whether every option is known and has its value."""
    context = command.context_class(command, resilient_parsing=False, **settings)
    try:
        command.make_parser(context).parse_args(list(arguments))
    except UsageError:
        return False
    return True
