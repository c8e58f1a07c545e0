"""The environment's variables mean on the command line what they mean to pytest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinysine.commands.app import built, run_app
from tinysine.errors import ConfigError
from tinysine.pytest_plugin.settings import choose
from tinysine.settings import SETTINGS

GOOD = {
    "board": "host",
    "port": "socket://127.0.0.1:1",
    "place": "left",
    "probe": "0001",
    "bench": "my-bench.toml",
    "model": "my.tflite",
    "firmware": "foreign",
    "engine": "bakenn",
    "data": "set.npz",
    "reference": "tflm",
    "optimize": "size",
    "prune": "yes",
    "toolchain": "zig",
    "tolerance": "2",
    "tolerance-abs": "0.5",
    "soak": "7",
    "inputs": "128",
    "seed": "3",
    "timeout": "12.5",
}
PARAMETER = {
    "reference": "rounding",
    "tolerance-abs": "tolerance_abs",
}  # what the command's function calls it
BAD = {
    "TINYSINE_FIRMWARE": "mine",
    "TINYSINE_REFERENCE": "litetr",
    "TINYSINE_OPTIMIZE": "Size",
    "TINYSINE_PRUNE": "1",
    "TINYSINE_TOOLCHAIN": "clang",
    "TINYSINE_SOAK": "-1",
    "TINYSINE_TOLERANCE": "one",
    "TINYSINE_TOLERANCE_ABS": "-0.5",
    "TINYSINE_INPUTS": "0",
    "TINYSINE_SEED": "x",
    "TINYSINE_TIMEOUT": "0",
    "TINYSINE_PORT": "sockt://127.0.0.1:1",
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that gives the arguments of `verify`, which is not run."""

    def told(*arguments: str, environment: dict[str, str]) -> dict[str, Any]:
        called: list[dict[str, Any]] = []
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with monkeypatch.context() as patched:
            patched.setattr(built().commands["verify"], "callback", lambda **told: called.append(told))
            assert run_app(["verify", *arguments]) == 0
        return called[0]

    return told


def test_verify_hears_every_variable_as_pytest_does(told: Callable[..., dict[str, Any]]) -> None:
    """The same environment, the same choices; only board files are found by the variable itself."""
    environment = {s.variable: GOOD[s.name] for s in SETTINGS if s.name in GOOD}
    assert set(GOOD) == {setting.name for setting in SETTINGS} - {"boards"}
    chosen = choose({}, environment, {}, file_name="")
    heard = told(environment=environment)
    yes_no = {True: "yes", False: "no"}
    for name in GOOD:
        value = heard[PARAMETER.get(name, name)]
        value = yes_no[value] if isinstance(value, bool) else value
        assert str(value) == chosen[name].value, name


def test_an_empty_variable_is_not_set(told: Callable[..., dict[str, Any]]) -> None:
    """As CI files write it."""
    heard = told(
        "m.tflite", environment={"TINYSINE_REFERENCE": "", "TINYSINE_PRUNE": "", "TINYSINE_SOAK": ""}
    )
    assert (heard["rounding"], heard["prune"], heard["soak"]) == ("litert", False, 0)


@pytest.mark.parametrize("name", BAD)
def test_a_value_that_means_nothing_is_refused_in_the_same_words(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By commands that read the variable, in pytest's words; one that an option outdoes is passed over."""
    with pytest.raises(ConfigError) as refused:
        choose({}, {name: BAD[name]}, {}, file_name="")
    monkeypatch.setenv(name, BAD[name])
    ended = cli("verify", "m.tflite")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {refused.value.message}. try: ")


@pytest.mark.parametrize("name", ["reference", "optimize", "toolchain", "soak", "timeout"])
def test_an_option_wins_over_a_variable(
    told: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Even over one that means nothing."""
    monkeypatch.setenv(f"TINYSINE_{name.upper()}", "nonsense")
    assert (
        str(told("m.tflite", f"--{name}", GOOD[name], environment={})[PARAMETER.get(name, name)])
        == GOOD[name]
    )


def test_the_former_name_is_still_taken(told: Callable[..., dict[str, Any]]) -> None:
    """As an option, as a variable, by commands and by pytest; two names that differ are refused."""
    assert told("m.tflite", "--rounding", "tflm", environment={})["rounding"] == "tflm"
    assert told("m.tflite", environment={"TINYSINE_ROUNDING": "tflm"})["rounding"] == "tflm"
    assert choose({}, {"TINYSINE_ROUNDING": "tflm"}, {}, file_name="")["reference"].value == "tflm"
    with pytest.raises(ConfigError, match="they are one setting"):
        choose({}, {"TINYSINE_ROUNDING": "tflm", "TINYSINE_REFERENCE": "litert"}, {}, file_name="")


def test_no_prune_wins_over_the_variable(told: Callable[..., dict[str, Any]]) -> None:
    """A switch can be turned off, too."""
    assert told("m.tflite", environment={"TINYSINE_PRUNE": "yes"})["prune"] is True
    assert told("m.tflite", "--no-prune", environment={})["prune"] is False


@pytest.mark.parametrize(
    "words", [["--port", "-q"], ["--port", "--quiet"], ["--board", "-h"], ["--json", "--prune"]]
)
def test_an_option_without_its_value_takes_no_other_option(cli: Callable[..., Any], words: list[str]) -> None:
    """`--port -q` is not a port named -q."""
    ended = cli("verify", "m.tflite", *words)
    assert ended.code == 2
    assert f"'{words[0]}' needs a value, but {words[1]} is an option" in ended.err


def test_a_value_may_be_named_as_an_argument_is(cli: Callable[..., Any], model: Path, tmp_path: Path) -> None:
    """`--name model` is a name, and no option."""
    assert cli("c-array", model, "--name", "model", "--out", tmp_path).code == 0
    assert (tmp_path / "model.cc").exists()
