"""The image that the fake device runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tinysine.quantization import Rounding
from tinysine.testing.fake_device import BUILD_ID, MODEL_SHA256


def image(**changes: object) -> Any:
    """The image that the fake device runs, but for the changes."""
    facts = {
        "board": SimpleNamespace(name="host"),
        "model_sha256": MODEL_SHA256.hex(),
        "build_id": BUILD_ID,
        "rounding": Rounding.LITERT,
    }
    return SimpleNamespace(**{**facts, **changes})
