"""Signals while the program is loaded: held until evidence of an earlier run is put aside, and then acted on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinysine.cli import _Signals

ENDS = [
    (signal.SIGINT, KeyboardInterrupt, None),
    (signal.SIGTERM, SystemExit, 143),
    (signal.SIGHUP, SystemExit, 129),
]


@pytest.fixture(autouse=True)
def _usual_handlers(interruptible: None) -> Iterator[None]:  # noqa: ARG001 - SIGINT and SIGHUP
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("number", "kind", "code"), ENDS)
def test_a_signal_is_held_until_the_program_is_ready(
    number: signal.Signals, kind: type[BaseException], code: int | None
) -> None:
    """The run ends as by a signal that comes later."""
    signals = _Signals()
    signal.raise_signal(number)
    with pytest.raises(kind) as ended:
        signals.release()
    assert getattr(ended.value, "code", None) == code


@pytest.mark.parametrize(("number", "kind", "code"), ENDS)
def test_a_second_signal_is_not_held(
    number: signal.Signals, kind: type[BaseException], code: int | None
) -> None:
    """Whoever asks twice does not want to wait."""
    _Signals()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(kind) as ended:
        signal.raise_signal(number)
    assert getattr(ended.value, "code", None) == code


@pytest.mark.parametrize(("number", "kind", "code"), ENDS)
def test_a_signal_that_comes_later_is_acted_on_at_once(
    number: signal.Signals, kind: type[BaseException], code: int | None
) -> None:
    """In whatever the program does then."""
    _Signals().release()
    with pytest.raises(kind) as ended:
        signal.raise_signal(number)
    assert getattr(ended.value, "code", None) == code


def test_ignored_signals_stay_ignored() -> None:
    """A shell has its background jobs ignore Ctrl-C, nohup has SIGHUP ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signals = _Signals()
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGHUP)
    signals.release()
    for number in (signal.SIGINT, signal.SIGHUP):
        assert signal.getsignal(number) is signal.SIG_IGN


INTERRUPTED_IN_EXEC = """
import signal
import subprocess
import sys
from tinysine import cli
from tinysine.commands import app


def run_app(arguments, *, on_ready):
    on_ready()
    exec("signal.raise_signal(signal.SIGINT)")  # as in the making of a dataclass


app.run_app = run_app
cli.main()
"""


def test_an_interrupt_while_modules_are_loaded_keeps_its_exit_code(tmp_path: Path) -> None:
    """Python would end itself by the signal, after all else is done."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_IN_EXEC)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
