"""Settings: option over variable over file over default, and nonsense is refused with the nearest sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.errors import ConfigError
from tinysine.image.build_options import ENGINE_LEVEL
from tinysine.pytest_plugin.settings import choose, describe
from tinysine.quantization import Rounding
from tinysine.settings import (
    FIRMWARE,
    INPUTS,
    OPTIMIZE,
    PRUNE,
    REFERENCE,
    SETTINGS,
    TIMEOUT,
    TOLERANCE_ABS,
    TOOLCHAIN,
)

values = st.none() | st.sampled_from(["a", "b", "c"])


def test_settings_default_when_nobody_says_anything() -> None:
    """Without option, variable or file every value is the default, and says so."""
    choices = choose({}, {}, {}, file_name="pytest.ini")
    assert {name: chosen.value for name, chosen in choices.items()} == {s.name: s.default for s in SETTINGS}
    assert {chosen.source for chosen in choices.values()} == {"default"}
    assert describe(choices) == "board nano33ble-sense (default), port twin (default)"


@given(option=values, variable=values, file=values)
def test_settings_take_the_strongest_voice(
    option: str | None, variable: str | None, file: str | None
) -> None:
    """Whatever subset is given, the first of option, variable, file that is there wins and is named."""
    environment = {} if variable is None else {"TINYSINE_BOARD": variable}
    chosen = choose({"board": option}, environment, {"board": file}, file_name="tox.ini")["board"]
    ranking = ((option, "--tinysine-board"), (variable, "TINYSINE_BOARD"), (file, "tox.ini"))
    expected = next((pair for pair in ranking if pair[0] is not None), ("nano33ble-sense", "default"))
    assert (chosen.value, chosen.source) == expected


def test_settings_empty_variable_is_not_set() -> None:
    """A variable set to nothing, as CI files write it, leaves the file's value."""
    choices = choose({}, {"TINYSINE_REFERENCE": ""}, {"reference": "tflm"}, file_name="tox.ini")
    assert choices["reference"].value == "tflm"


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [("reference", "litetr", "litert"), ("optimize", "sise", "size"), ("toolchain", "gc", "gcc")],
)
def test_settings_misspelt_value_is_refused_with_the_nearest(name: str, value: str, nearest: str) -> None:
    """A value that is not allowed is an error that tells where it came from and what was probably meant."""
    with pytest.raises(ConfigError, match=f"from TINYSINE_{name.upper()}.*did you mean '{nearest}'") as error:
        choose({}, {f"TINYSINE_{name.upper()}": value}, {}, file_name="")
    assert error.value.nearest == nearest


def test_settings_misspelt_variable_is_refused() -> None:
    """A variable of this family that means nothing is not ignored."""
    with pytest.raises(ConfigError, match=r"TINYSINE_BORD means nothing.*TINYSINE_BOARD"):
        choose({}, {"TINYSINE_BORD": "host"}, {}, file_name="")


def test_settings_of_others_are_left_alone() -> None:
    """Variables that only begin alike are somebody else's business."""
    assert choose({}, {"TINYSINE_CACHE_DIR": "x", "TINY": "y"}, {}, file_name="")["board"].source == "default"


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", "1e999", "1e-300", "1٣", "1_0"])
def test_settings_timeout_must_be_a_positive_number(value: str) -> None:
    """Anything that is no positive finite number of seconds is refused."""
    with pytest.raises(ConfigError, match="not a positive number of seconds"):
        choose({"timeout": value}, {}, {}, file_name="")


def test_settings_description_names_what_was_decided_and_by_whom() -> None:
    """The header line shows board and port always, the rest when somebody chose it."""
    choices = choose(
        {"port": "socket://x:4000"}, {"TINYSINE_BOARD": "host"}, {"optimize": "size"}, file_name="tox.ini"
    )
    assert describe(choices) == (
        "board host (from TINYSINE_BOARD), port socket://x:4000 (from --tinysine-port), "
        "optimize size (from tox.ini)"
    )


def test_an_empty_port_option_is_refused() -> None:
    """An unset variable of a CI job must not turn a test of a real board into one of its twin."""
    with pytest.raises(ConfigError, match="--tinysine-port is empty"):
        choose({"port": ""}, {}, {}, file_name="pytest.ini")


def test_a_default_is_a_value_that_may_be_chosen() -> None:
    """Every setting's own default passes its check, and has the type that the program takes."""
    for setting in SETTINGS:
        if setting.default:
            setting.check(setting.default, "default")
    starts = [one.start for one in (PRUNE, INPUTS, TIMEOUT, TOLERANCE_ABS, FIRMWARE, TOOLCHAIN)]
    assert starts == [False, 1000, 8.0, 0.0, "own", "auto"]
    assert [type(start) for start in starts[:4]] == [bool, int, float, float]
    assert PRUNE.value("yes") is True


def test_what_is_allowed_is_what_there_is() -> None:
    """The references are those of the arithmetic, and each profile has a level of the compiler."""
    assert REFERENCE.allowed == tuple(Rounding)
    assert OPTIMIZE.allowed == tuple(ENGINE_LEVEL)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many"])
def test_a_count_has_a_least_value(text: str) -> None:
    """No input at all would show nothing."""
    with pytest.raises(ConfigError, match="inputs"):
        choose({"inputs": text}, {}, {}, file_name="")
