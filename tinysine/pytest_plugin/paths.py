"""Where the files are that a session's settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinysine.pytest_plugin.settings import Choices, Chosen


def model_path(config: pytest.Config, choices: Choices) -> Path:
    """Where the model under test is, seen from whoever named it; the reference model where nobody did."""
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
