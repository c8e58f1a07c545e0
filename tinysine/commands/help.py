"""Help pages: plain text, options in groups, examples kept as they are written; and commands as they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from tinysine.commands.screen import set_quiet
from tinysine.commands.table import COMMANDS

# Rich would draw boxes around the same words, and take longer to import than all the rest.
HELP_OPTIONS = ["--help", "-h"]
_QUIET_HELP = "Print the result and errors only: no progress and no remarks."


def grouped(params: list[Any], ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Return what help says of each parameter, by the group that it stands in."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for param in params:
        record = param.get_help_record(ctx)
        if record is None:
            continue
        default = "Arguments" if param.param_type_name == "argument" else "Options"
        groups.setdefault(getattr(param, "rich_help_panel", None) or default, []).append(record)
    return groups


def _write(groups: dict[str, list[tuple[str, str]]], formatter: Any) -> None:
    last = groups.pop("Options", None)
    for title, records in [*groups.items(), *([("Options", last)] if last else [])]:
        with formatter.section(title):
            formatter.write_dl(records)


class Command(TyperCommand):
    """A command whose help lists its options by group."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Name what has to be given plainly, and what may be left out in brackets."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then each group of options, then the rest."""
        _write(grouped(self.get_params(ctx), ctx), formatter)


class Commands(Mapping[str, Any]):
    """The commands of the table, each imported when it is asked for: help of the program needs none of them."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _command(name)
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _command(name: str) -> Any:
    row = COMMANDS[name]
    module, _, function = row.function.partition(".")
    command = _built(name, getattr(importlib.import_module(f"tinysine.commands.{module}"), function))
    command.hidden, command.rich_help_panel = row.hidden, row.panel
    if all(param.name != "quiet" for param in command.params):
        command.params += _built("quiet", _every_command).params
    return command


def _be_quiet(asked: bool) -> None:
    set_quiet(asked)


def _every_command(
    *,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help=_QUIET_HELP,
            is_eager=True,
            expose_value=False,
            callback=_be_quiet,
            rich_help_panel="Output",
        ),
    ] = False,
) -> None:
    """Options of a command that declares no `quiet` of its own."""


def _built(name: str, function: Any) -> Any:
    info = CommandInfo(name, cls=Command, callback=function)
    return get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)


class Group(TyperGroup):
    """The program itself: its help lists the commands by group, in the order of the work."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.commands: Any = Commands()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        _write(grouped(self.get_params(ctx), ctx), formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature is click's
        """Write the commands by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, row in COMMANDS.items():
            if not row.hidden:
                groups.setdefault(row.panel, []).append((name, row.summary))
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the signature is click's
        """In the order of the table."""
        return list(COMMANDS)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Offer commands and options; no command is imported for its name."""
        kept = self.commands
        self.commands = {
            name: TyperCommand(name, help=row.summary, hidden=row.hidden) for name, row in COMMANDS.items()
        }
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.commands = kept
