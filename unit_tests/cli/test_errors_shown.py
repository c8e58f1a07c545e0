"""Errors that no room of ours raises still end in one line and the right exit code."""

from __future__ import annotations

import errno

import pytest

from tinysine.commands.errors_shown import show
from tinysine.errors import EXIT_BENCH_FAILURE, EXIT_USAGE, BuildError, ConfigError, FlashError, raise_as


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            "matplotlib",
            'plots: the package matplotlib is not installed. try: pip install "tinysine[train]"',
        ),
        (
            "matplotlib.nosuch",
            "plots: the package matplotlib is not whole, its module matplotlib.nosuch is not there. "
            "try: pip install --force-reinstall matplotlib",
        ),
        (
            "serial",
            "serial ports: the package pyserial is not installed. try: pip install pyserial",
        ),
        ("rich", "the package that brings the module rich is not installed. try: pip install tinysine"),
    ],
)
def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str], module: str, said: str) -> None:
    """A module that cannot be imported is a package to install, with what it is for, not a crash."""
    error = ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert show(error, command="verify", debug=False) == EXIT_USAGE
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert said in shown


def test_a_full_disk_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    """Output that finds no room fails the bench, wherever it is met."""
    code = show(OSError(errno.ENOSPC, "No space left on device"), command="verify", debug=False)
    assert code == EXIT_BENCH_FAILURE
    assert "no space left" in capsys.readouterr().err


def test_a_terminal_obeys_no_tool(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in a tool's output are removed; its readable text stays."""
    said = "\x1b[31mred\x1b[0m\r\n10 %\r100 %\tdone\n\x1b]0;title\x07\x00\x9b\u202e\ud800 ümlaut\n"
    error = FlashError(f"it failed: {said}", hint=said, tool="t", command="t \x1b[2J", output=said)
    show(error, command="flash", debug=False)
    shown = capsys.readouterr().err
    assert "red\n10 %\n100 %\tdone\n" in shown
    assert "ümlaut" in shown
    assert not {char for char in shown if not char.isprintable()} - {"\n", "\t"}


@pytest.mark.parametrize("better", [None, ConfigError("the engine is refused")])
def test_the_better_of_two_errors_is_shown(
    capsys: pytest.CaptureFixture[str], better: ConfigError | None
) -> None:
    """An error for which there is no better one is not its own cause: the causes of what is shown come to an end."""
    caught = BuildError("cc was ended")
    with pytest.raises(type(better or caught)) as raised:
        raise_as(better, caught)
    assert raised.value.__cause__ is (caught if better else None)
    show(raised.value, command="verify", debug=False)
    assert (better or caught).message in capsys.readouterr().err


def test_an_error_that_is_its_own_cause_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A ring of causes, as `raise error from error` leaves it."""
    error = BuildError("cc was ended")
    error.__cause__ = error
    show(error, command="verify", debug=False)
    assert "cc was ended" in capsys.readouterr().err
