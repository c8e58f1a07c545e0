"""Docstrings name what is there: each argument that one describes is an argument."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*): ")


def described(docstring: str) -> Iterator[str]:
    """Names in the section of arguments: `first, second: what they are`, less deep than what goes on below them."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    for line in section[1].splitlines() if section else ():
        if line.startswith("    ") and (entry := ENTRY.match(line[4:])):
            yield from (name.lstrip("*") for name in entry[1].split(", "))


def arguments(node: ast.AST) -> set[str]:
    """The arguments of a function; of a class, those of its constructor and its annotated fields."""
    if isinstance(node, ast.ClassDef):
        makers = [inner for inner in node.body if _is_maker(inner)]
        fields = {
            inner.target.id
            for inner in node.body
            if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name)
        }
        return fields.union(*map(arguments, makers))
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    spec = node.args
    named = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
    return {argument.arg for argument in named if argument is not None}


def _is_maker(node: ast.AST) -> bool:
    return getattr(node, "name", "") in ("__init__", "__new__")


def unknown(source: str) -> list[str]:
    """Every argument that a docstring of a module describes, and that is not there."""
    wrong: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.bases and not any(_is_maker(inner) for inner in node.body):
            continue  # its constructor is that of another class
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names = set(described(ast.get_docstring(node) or "")) - arguments(node)
            wrong += [f"{node.name} has no {name}" for name in sorted(names)]
    return wrong


def test_every_described_argument_exists() -> None:
    """A renamed argument is renamed in its docstring, from which the pages are made."""
    wrong = {}
    for path in sorted((ROOT / "tinysine").rglob("*.py")):
        if found := unknown(path.read_text(encoding="utf-8")):
            wrong[str(path.relative_to(ROOT))] = found
    assert wrong == {}


def test_a_name_that_is_no_argument_is_found() -> None:
    """Also where two share a line; text that goes on below is none."""
    told = "Do it.\n\n    Args:\n        a, c: they are\n            here: so\n        b: it\n    "
    source = f'def f(a, *, b):\n    """{told}"""\n'
    assert unknown(source) == ["f has no c"]
