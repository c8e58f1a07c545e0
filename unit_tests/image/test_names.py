"""The names of `tinysine.image`, which are imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tinysine.image


def test_every_name_is_there() -> None:
    """Each listed name can be imported; any other is an AttributeError, as in any module."""
    assert sorted(tinysine.image._MODULES) == sorted(tinysine.image.__all__)
    for name in tinysine.image.__all__:
        assert getattr(tinysine.image, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tinysine.image.nothing


def test_an_emulated_board_imports_nothing_that_reads_models() -> None:
    """It starts in half of the time."""
    code = "import sys, tinysine.emulation.__main__, tinysine.emulation.twin; print(*sys.modules)"
    imported = subprocess.check_output([sys.executable, "-P", "-c", code], text=True).split()
    assert "tinysine.emulation.server" in imported
    assert {"numpy", "tinysine.graph", "tinysine.model", "elftools"}.isdisjoint(imported)
