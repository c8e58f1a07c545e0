"""--timeout and TINYSINE_TIMEOUT: the same everywhere, and refused where they mean nothing."""

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinysine.bench.census import take_census
from tinysine.bench.night import Job, Orders, Plan
from tinysine.bench.nightly import NightRun
from tinysine.boards import load_board
from tinysine.commands import boards, doctor, make, nightly, options, rigs, run
from tinysine.commands.verify import verify as verify_command
from tinysine.device import Device
from tinysine.errors import LinkTimeout
from tinysine.link.expectation import ForeignFirmware
from tinysine.quantization import Rounding
from tinysine.rigs import Installation
from tinysine.rigs.station import Station
from tinysine.settings import CONNECT_TIMEOUT_S, SETTINGS
from tinysine.testing import FakeRig
from tinysine.verify import verify

COMMANDS = (
    verify_command,
    run.run,
    boards.boards,
    doctor.doctor,
    nightly.nightly,
    rigs.flash,
    rigs.emulate,
    make.build,
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_each_command_has_the_same_option(command: Callable[..., None]) -> None:
    """One option, one default, one variable."""
    parameter = inspect.signature(command, eval_str=True).parameters["timeout"]
    assert parameter.annotation == options.Timeout
    assert parameter.default == CONNECT_TIMEOUT_S


def test_the_default_is_one_and_long_enough_for_a_board_that_boots() -> None:
    """Python's own calls and pytest's option have it, too."""
    for function in (verify, Device.connect, take_census, Station):
        assert inspect.signature(function).parameters["timeout_s"].default == CONNECT_TIMEOUT_S
    (setting,) = (setting for setting in SETTINGS if setting.name == "timeout")
    assert float(setting.default) == CONNECT_TIMEOUT_S
    assert CONNECT_TIMEOUT_S > 5 + 2  # boots for 5 s, after a reset that opening the port may cause


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "soon", "1e-300", "0.0009"])
@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_timeout_that_means_nothing_is_refused(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, value: str, by: str
) -> None:
    """One line and exit code 2, from the command line and from the environment."""
    arguments = ["boards", "--ask", "none"]
    if by == "option":
        arguments.append(f"--timeout={value}")
    else:
        monkeypatch.setenv("TINYSINE_TIMEOUT", value)
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert "timeout" in ended.err.lower()


def test_the_variable_reaches_the_device(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variable sets how long a board is waited for."""
    waited: list[float] = []
    monkeypatch.setenv("TINYSINE_TIMEOUT", "12.5")
    monkeypatch.setattr(
        "tinysine.bench.census.take_census",
        lambda *_args, timeout_s, **_options: waited.append(timeout_s) or (),
    )
    cli("boards")
    assert waited == [12.5]


@pytest.mark.parametrize("soak", [0, 500])
def test_a_night_hands_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soak: int) -> None:
    """verify gets the option and the suite the variable; the same for a soak, and for none."""
    program = tmp_path / "note.py"
    program.write_text(
        "import json, os, sys\n"
        "values = [os.environ[f'TINYSINE_{name}'] for name in ('TIMEOUT', 'SOAK')]\n"
        "open(os.environ['NOTE'], 'a').write(json.dumps([sys.argv[1:], *values]) + '\\n')\n"
    )
    monkeypatch.setenv("NOTE", str(tmp_path / "notes"))
    runner = tmp_path / "python"
    runner.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
    runner.chmod(0o755)
    monkeypatch.setenv("TINYSINE_SOAK", "9")  # `--soak` says otherwise
    orders = Orders(
        model=tmp_path / "m", out=tmp_path / "out", suite=(str(runner), "suite"), connect_s=15.0, soak=soak
    )
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(runner))
        NightRun(Plan((Job("host", "host", None),), ()), orders).run()
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    (verify_words, verify_seconds, _), (_, suite_seconds, suite_soak) = notes
    assert (verify_words[verify_words.index("--soak") + 1], suite_soak) == (str(soak), str(soak))
    assert verify_words[verify_words.index("--timeout") + 1] == "15"
    assert (verify_seconds, suite_seconds) == ("15", "15")


def test_verify_waits_as_long_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question to a real board, what it runs, waits as long as any other."""
    waited: list[float] = []

    def connect(_url: str, *, timeout_s: float, **_options: object) -> Device:
        waited.append(timeout_s)
        raise LinkTimeout("silent", hint="", diagnosis="silence")

    monkeypatch.setattr(Device, "connect", connect)
    rig = FakeRig(board=load_board("host"), kind="hardware")
    firmware = ForeignFirmware("ab" * 32, Rounding.LITERT)
    with pytest.raises(LinkTimeout):
        Installation(rig, firmware, timeout_s=15.0).install()
    assert waited == [15.0]
