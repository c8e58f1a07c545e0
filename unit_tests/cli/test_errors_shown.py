"""Errors that no room of ours raises still end in one line and the right exit code."""

from __future__ import annotations

import errno

import pytest

from tinysine.commands.errors_shown import show
from tinysine.errors import EXIT_BENCH_FAILURE, EXIT_USAGE


def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A module that cannot be imported is a package to install, not a crash."""
    code = show(ModuleNotFoundError("No module named 'serial'", name="serial"), command="verify", debug=False)
    shown = capsys.readouterr().err
    assert code == EXIT_USAGE
    assert shown.count("\n") == 1
    assert "serial is not installed" in shown
    assert 'pip install "tinysine[all]"' in shown


def test_a_full_disk_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    """Output that finds no room fails the bench, wherever it is met."""
    code = show(OSError(errno.ENOSPC, "No space left on device"), command="verify", debug=False)
    assert code == EXIT_BENCH_FAILURE
    assert "no space left" in capsys.readouterr().err
