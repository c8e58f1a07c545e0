"""The page of settings, from their one declaration."""

from __future__ import annotations

from typing import Any

from marks import code, prose

from tinysine.commands.app import built
from tinysine.settings import OF_THE_COMPUTER, SETTINGS, Setting

_HEAD = """# Options and variables

Each setting can be given in four ways. An option wins over a variable, and a variable over the key in pytest's own
configuration file; the header of a pytest run names the winner. An empty variable counts as not set.

| where | form | example |
|---|---|---|
| a command of tinysine | `--NAME` | `tinysine verify MODEL --reference tflm` |
| pytest's command line | `--tinysine-NAME` | `pytest --tinysine-reference=tflm` |
| the environment | `TINYSINE_NAME` | `TINYSINE_REFERENCE=tflm pytest` |
| pytest's configuration file | `tinysine_NAME`, a hyphen written as `_` | `tinysine_reference = tflm` |

A variable whose name is nearly one of these, such as `TINYSINE_BORD`, is refused, so that a typing error is
noticed.
"""

_KINDS = {"path": "a file or a folder", "count": "a whole number"}

_OTHERS = """## Variables alone

| variable | meaning |
|---|---|
"""
_OF_ALL_PROGRAMS = {"NO_COLOR": "Any value: no colours, even in a terminal"}


def page() -> str:
    """Return the page."""
    meanings = {setting.variable: setting.help for setting in OF_THE_COMPUTER} | _OF_ALL_PROGRAMS
    rows = "".join(f"| `{name}` | {prose(meaning)} |\n" for name, meaning in meanings.items())
    return "\n".join([_HEAD, *(_section(setting) for setting in SETTINGS), _OTHERS + rows])


def _section(setting: Setting[Any]) -> str:
    rows = [("option of pytest", code(setting.option)), ("variable", code(setting.variable))]
    if setting.allowed:
        rows.append(("values", ", ".join(map(code, setting.allowed))))
    else:
        rows.append(("value", _KINDS.get(setting.kind, setting.kind)))
    rows.append(("default", code(setting.default) if setting.default else "none"))
    if setting.former:
        rows.append(("former name, still taken", code(setting.former)))
    takers = [
        name for name, command in built().commands.items() if not command.hidden and _takes(command, setting)
    ]
    rows.append(("commands", ", ".join(f"[`{name}`](cli.md#tinysine-{name})" for name in takers) or "all"))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"## {setting.name}\n\n{prose(setting.help)}.\n\n| | |\n|---|---|\n{table}\n"


def _takes(command: Any, setting: Setting[Any]) -> bool:
    return any(
        param.envvar
        and setting.variable in ([param.envvar] if isinstance(param.envvar, str) else param.envvar)
        for param in command.params
    )
