"""The user's model file, beside the model that was read from it."""

from __future__ import annotations

import os

from tinysine.errors import ConfigError, ModelError
from tinysine.image import Engine
from tinysine.model import Model
from tinysine.model.reader import read_tflite


def require_unchanged(file: str | os.PathLike[str], model: Model, engine: Engine | None) -> None:
    """Demand that a model's file is still what was read from it, where a command of the user's may have run.

    Args:
        file: that the model was read from.
        model: as it was read.
        engine: of the user's, that was built; nothing is demanded where no command generates it.
    Raises:
        ConfigError: it is not; the model that was read is nowhere else.
    """
    if engine is None or not engine.generate:
        return
    try:
        same = read_tflite(file) == model.source
    except ModelError:
        same = False
    if not same:
        raise ConfigError(
            f"{os.fspath(file)} was changed while the engine {engine.name} was built: the command that generates it "
            "may write there",
            hint="put the file back, and have generate in engine.toml write to {out} only",
            file=os.fspath(file),
            key="generate",
        )
