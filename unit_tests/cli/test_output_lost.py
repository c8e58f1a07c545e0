"""A verdict that cannot be shown or kept: its exit code stands, and the reason is said."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from tinysine.commands import run_kept
from tinysine.errors import ConfigError

FULL = OSError(errno.ENOSPC, "No space left on device")


def ended(verdict: str, unwritten: list[Exception]) -> int:
    """The exit code of a command with this verdict."""
    evidence: Any = SimpleNamespace(verdict=verdict, exit_code={"pass": 0, "fail": 1}[verdict])
    with pytest.raises(typer.Exit) as left:
        run_kept.leave(evidence, unwritten)
    return left.value.exit_code


@pytest.mark.parametrize(
    "error", [FULL, ConfigError("no"), RuntimeError("a bug of a library"), BrokenPipeError()]
)
def test_a_failure_outlives_whatever_keeps_it_from_being_told(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device that is wrong is wrong, with a full disk and without a plot, too."""
    assert ended("fail", [error]) == 1
    assert capsys.readouterr().err.count("\n") == (0 if isinstance(error, BrokenPipeError) else 1)


def test_a_pass_that_nobody_can_read_is_none() -> None:
    """It ends as what kept it from being told."""
    evidence: Any = SimpleNamespace(verdict="pass", exit_code=0)
    with pytest.raises(OSError, match="No space left"):
        run_kept.leave(evidence, [FULL])
    assert ended("pass", []) == 0


def test_a_full_standard_output_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the verdict is shown, and while evidence is printed there."""
    silenced: list[int] = []
    monkeypatch.setattr("tinysine.commands.screen.silence_output", lambda: silenced.append(1))
    unwritten: list[Exception] = []
    with run_kept.output_kept(unwritten):
        raise FULL

    def print_it(_evidence: object, _path: Path) -> None:
        raise FULL

    monkeypatch.setattr("tinysine.evidence.write_evidence", print_it)
    evidence: Any = SimpleNamespace(verdict="fail")
    run_kept.keep(evidence, Path("-"), unwritten)
    assert unwritten == [FULL, FULL]
    assert silenced == [1, 1]
