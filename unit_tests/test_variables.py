"""Environment variables of tinysine, and those that are nearly called so."""

from __future__ import annotations

import pytest

from tinysine.errors import EXIT_USAGE, ConfigError
from tinysine.pytest_plugin.settings import SETTINGS
from tinysine.variables import NAMES, refuse_misspelt


def test_every_setting_has_its_variable() -> None:
    """The plugin's settings are all there is."""
    assert {setting.variable for setting in SETTINGS} == set(NAMES)


@pytest.mark.parametrize(
    ("name", "meant"), [("TINYSINE_PROT", "TINYSINE_PORT"), ("TINYSINE_BORD", "TINYSINE_BOARD")]
)
def test_a_slip_of_the_finger_is_refused(name: str, meant: str) -> None:
    """A run would otherwise go on with the emulated board, and pass."""
    with pytest.raises(ConfigError, match=f"{name} means nothing.*did you mean {meant}") as caught:
        refuse_misspelt([*NAMES, "PATH", name])
    assert caught.value.exit_code == EXIT_USAGE
    refuse_misspelt([*NAMES, "PATH", "TINYSINES", "TINYSINE_QEMU"])
