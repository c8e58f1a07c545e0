"""Paths of the files that a session's settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinysine.pytest_plugin.settings import Choices, Chosen


def model_path(config: pytest.Config, choices: Choices) -> Path:
    """Path of the model under test, seen from where it was named; the reference model by default."""
    chosen = choices["model"]
    if not chosen.value:
        from tinysine.model import REFERENCE_MODEL  # noqa: PLC0415

        return REFERENCE_MODEL
    return path_of(config, chosen)


def path_of(config: pytest.Config, chosen: Chosen) -> Path:
    """Return a chosen path, seen from whoever named it: pytest's configuration file, or the current folder."""
    if config.inipath is not None and chosen.source == config.inipath.name:
        return config.inipath.parent / chosen.value
    return config.invocation_params.dir / chosen.value
