"""Errors are explained: each one that can be raised has its causes, and what helps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

import tinysine
from tinysine.commands import completion
from tinysine.commands.errors_shown import say_error
from tinysine.commands.verdict_words import WORDS
from tinysine.errors import ConfigError, FlashError, LinkTimeout, TinysineError
from tinysine.remedies import REMEDIES, facts_of, meaning_of
from tinysine.rigs import RigKind


def kinds() -> set[str]:
    """Every kind of error that the source declares: classes below the root of the tree, wherever they are."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(tinysine.__path__[0]).rglob("*.py"))
    declared = re.findall(r"^class (\w+)\((\w+)\):", source, re.MULTILINE)
    found = {TinysineError.__name__}
    while more := {name for name, base in declared if base in found} - found:
        found |= more
    return found - {TinysineError.__name__}


def test_every_error_has_causes_and_cures() -> None:
    """Sentences without a full stop, as the page and the command put them together, and no pair twice."""
    assert {kind.__name__ for kind in REMEDIES} == kinds()
    pairs = [pair for remedies in REMEDIES.values() for pair in remedies]
    assert len(set(pairs)) == len(pairs)
    for kind, remedies in REMEDIES.items():
        assert remedies, kind
        for text in (*[text for remedy in remedies for text in remedy], meaning_of(kind)):
            assert text[0].isupper() or text[0] in "`", text
            assert not text.endswith("."), text
            assert len(text) > 7, text


def test_an_error_is_explained_by_its_name(cli: Callable) -> None:
    """In whatever letters it is typed; with its exit code, its causes and what helps."""
    ended = cli("explain", "linktimeout")
    assert ended.code == 0
    first, code, *rest = ended.out.splitlines()
    assert first == "LinkTimeout: A deadline passed without an answer"
    assert code == "exit code 3: the bench failed"
    assert rest[0::2] == [f"- {remedy.cause}." for remedy in REMEDIES[LinkTimeout]]
    assert rest[1::2] == [f"  try: {remedy.cure}" for remedy in REMEDIES[LinkTimeout]]


def test_all_errors_are_listed_and_others_refused(cli: Callable) -> None:
    """Without a name each has a line; a wrong one is an error that names the nearest."""
    listed = cli("explain").out
    assert all(kind.__name__ in listed for kind in REMEDIES)
    wrong = cli("explain", "PortUnavailble")
    assert wrong.code == 2
    assert "PortUnavailable" in wrong.err


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (
            LinkTimeout("no answer", hint="reset it"),
            "error: no answer. try: reset it (more: tinysine explain LinkTimeout)",
        ),
        (FlashError("it failed"), "error: it failed (more: tinysine explain FlashError)"),
        (ConfigError("no such board", hint="name one"), "error: no such board. try: name one"),
    ],
)
def test_an_error_of_the_bench_names_the_command(
    error: TinysineError, ends: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bench fails in many ways; bad input is explained by its own message."""
    say_error(error)
    assert capsys.readouterr().err == f"{ends}\n"


def test_names_of_errors_are_completed() -> None:
    """From any letters, each with its meaning."""
    assert completion.complete_error("port") == [
        ("PortUnavailable", "The port is missing, is busy, or vanished while it was in use")
    ]
    assert completion.complete_error("agai") == [("against", WORDS["against"])]
    assert len(completion.complete_error("")) == len(REMEDIES) + len(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_words_of_a_verdict_are_explained(cli: Callable[..., Any], word: str) -> None:
    """Each in one line; without a name all are listed."""
    ended = cli("explain", word.upper())
    assert (ended.code, ended.out, ended.err) == (0, f"{word}: {WORDS[word]}\n", "")


def test_each_line_of_a_verdict_and_its_terms_are_explained() -> None:
    """The labels of the verdict on the page, what is behind a port, and the terms that stand in its lines."""
    page = (Path(__file__).parents[2] / "docs" / "verdict.md").read_text(encoding="utf-8")
    shown = page.split("```")[1]
    labels = re.findall(r"^  ([a-z()]+) ", shown, re.MULTILINE)
    assert len(labels) > 8
    kinds = get_args(RigKind)
    terms = [
        "arena",
        "stack",
        "static RAM",
        "instructions",
        "estimated cycles",
        "cycles",
        "counts",
        "noisy clock",
        "rounding",
        "seed",
        "corners",
        "BUILTIN_REF",
        "image",
        "build",
        "PASS",
        "FAIL",
        "layers",
        "equal",
    ]
    for word in (*labels, *kinds, *terms):
        assert word.lower() in WORDS, word
    known = {word.lower(): word for word in WORDS}
    assert list(known) == list(WORDS), "words are looked up in small letters"


def test_doctor_says_what_it_looks_at(cli: Callable[..., Any]) -> None:
    """On standard error, as it begins, so that a slow computer does not look dead; with -q nothing."""
    ended = cli("doctor", "--no-boards")
    assert ended.err.splitlines() == [
        f"{what} ..." for what in ("packages", "compilers", "QEMU", "flash tools", "permissions")
    ]
    assert cli("boards", "--ask", "none").err == "read the board files ...\nask the attached boards ...\n"
    assert cli("boards", "--ask", "none", "-q").err == ""


def test_facts_are_read_from_the_docstring() -> None:
    """They stand behind the first sentence."""
    assert facts_of(FlashError) == "tool, command, output"
