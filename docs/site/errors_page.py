"""The page of errors: each kind with its causes and cures, and every message of it that is in the program's source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from marks import prose

from tinysine.errors import CAUSES, ConfigError, ModelError, TinysineError
from tinysine.remedies import REMEDIES, facts_of, meaning_of

_HEAD = """# Errors

An error is one line: what happened, where, and what to try. In a terminal, `tinysine explain` lists the names that are
here, and `tinysine explain PortUnavailable` says what that one may come from. In Python each is a class of
[`tinysine.errors`](api/errors.md), and its facts are attributes.

| exit code | |
|---|---|
"""
# Functions that make or raise an error of a kind, and the place of the message among their arguments.
_MAKERS = {"unknown_name": (ConfigError, 0), "refuse_file": (ModelError, 1)}


def page(package: Path) -> str:
    """Return the page.

    Args:
        package: the folder of the package's source.
    """
    codes = [
        f"| {cause.exit_code} | {prose(cause.sentence)} |"
        for cause in sorted(CAUSES, key=lambda cause: cause.exit_code)
    ]
    said = _messages(package)
    parts = [_HEAD + "\n".join(codes) + "\n"]
    for kind, remedies in REMEDIES.items():
        parts.append(f"## {kind.__name__}\n\n{prose(meaning_of(kind))}. Exit code {kind.exit_code}.\n")
        if facts := facts_of(kind):
            parts.append(f"Facts: {prose(facts)}.\n")
        rows = [f"| {prose(remedy.cause)} | {prose(remedy.cure)} |" for remedy in remedies]
        parts.append("\n".join(["| cause | what helps |", "|---|---|", *rows, ""]))
        if messages := sorted(said.get(kind, ())):
            shown = [f"    | {prose(text)} | {prose(hint)} |" for text, hint in messages]
            title = f"Its {len(messages)} messages" if len(messages) > 1 else "Its message"
            table = ["    | message | what to try |", "    |---|---|", *shown, ""]
            parts.append("\n".join([f'??? note "{title}"', "", *table]))
    return "\n".join(parts)


def _messages(package: Path) -> dict[type[TinysineError], set[tuple[str, str]]]:
    """Return the messages with their hints; capitals or `...` in place of what the program puts in."""
    kinds = {kind.__name__: (kind, 0) for kind in REMEDIES} | _MAKERS
    found: dict[type[TinysineError], set[tuple[str, str]]] = {}
    for path in sorted(package.rglob("*.py")):
        for call in _calls(path):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if name not in kinds:
                continue
            kind, place = kinds[name]
            text = _text(call.args[place]) if len(call.args) > place else ""
            hint = next((_text(word.value) for word in call.keywords if word.arg == "hint"), "")
            if text.replace("...", "").strip():
                found.setdefault(kind, set()).add((text, hint))
    return found


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _name(node.value)
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return "..."


def _name(node: ast.expr) -> str:
    """Return the word for a value in a message: its name in the source, such as PATH."""
    if isinstance(node, ast.Name):
        return node.id.upper().strip("_")
    if isinstance(node, ast.Attribute):
        return node.attr.upper().strip("_")
    return "..."
