"""Help pages: plain text, options in groups, examples kept as they are written."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

# Rich would draw boxes around the same words, and take longer to import than all the rest.


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


class Group(TyperGroup):
    """The program itself: its help lists the commands by group, in the order of the work."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        _write(grouped(self.get_params(ctx), ctx), formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                title = getattr(command, "rich_help_panel", None) or "Commands"
                groups.setdefault(title, []).append((name, command.get_short_help_str(limit=70)))
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the signature is click's
        """In the order they were added."""
        return list(self.commands)
