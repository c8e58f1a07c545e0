"""Environment variables of tinysine, and those that cannot be meant."""

from __future__ import annotations

import pytest

from tinysine.errors import EXIT_USAGE, ConfigError
from tinysine.settings import VARIABLES
from tinysine.variables import check_variables


@pytest.mark.parametrize(
    ("name", "meant"), [("TINYSINE_PROT", "TINYSINE_PORT"), ("TINYSINE_BORD", "TINYSINE_BOARD")]
)
def test_a_slip_of_the_finger_is_refused(name: str, meant: str) -> None:
    """A run would otherwise go on with the emulated board, and pass."""
    with pytest.raises(ConfigError, match=f"{name} means nothing.*did you mean {meant}") as caught:
        check_variables(dict.fromkeys([*VARIABLES, "PATH", name], "x"))
    assert caught.value.exit_code == EXIT_USAGE
    check_variables(dict.fromkeys([*VARIABLES, "PATH", "TINYSINES", "TINYSINE_PROMISED"], "x"))


def test_an_empty_port_is_refused() -> None:
    """A variable of a CI job that is not set, most likely: a pass on the twin would be taken for the board's."""
    with pytest.raises(ConfigError, match="TINYSINE_PORT is empty") as caught:
        check_variables({"TINYSINE_PORT": "", "TINYSINE_BOARD": ""})
    assert caught.value.exit_code == EXIT_USAGE
    check_variables({"TINYSINE_PORT": "twin", "TINYSINE_BOARD": ""})
