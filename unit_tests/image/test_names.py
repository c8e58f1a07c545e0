"""The names of `tinysine.image` and `tinysine.emulation`, which are imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import tinysine.emulation
import tinysine.image


@pytest.mark.parametrize("package", [tinysine.image, tinysine.emulation])
def test_every_name_is_there(package: ModuleType) -> None:
    """Each listed name can be imported; any other is an AttributeError, as in any module."""
    assert sorted(package._MODULES) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_an_emulated_board_imports_nothing_that_reads_models() -> None:
    """It starts in half of the time."""
    code = "import sys, tinysine.emulation.__main__, tinysine.emulation.twin; print(*sys.modules)"
    imported = subprocess.check_output([sys.executable, "-P", "-c", code], text=True).split()
    assert "tinysine.emulation.server" in imported
    assert {"numpy", "tinysine.graph", "tinysine.model", "elftools"}.isdisjoint(imported)
