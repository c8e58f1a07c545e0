"""Files that training writes, and their reader."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tinysine.errors import ConfigError
from tinysine.outside_json import read_json_file
from tinysine.result_files import KERAS_FILE, NETWORK, TRAINING_JSON
from tinysine.training.conversion import Converted
from tinysine.training.dataset import make_dataset
from tinysine.training.settings import TrainingSettings
from tinysine.training.tensorflow_import import tensorflow_quietly
from tinysine.training.trained import Trained
from tinysine.whole_files import require_writable, write_files

SCHEMA = "tinysine-training-1"


def save(
    folder: str | os.PathLike[str],
    trained: Trained,
    converted: Converted | None = None,
) -> tuple[Path, ...]:
    """Write the Keras model, training.json, and the .tflite files where there are any.

    Args:
        folder: made if need be; old files of the same names are replaced, all or none.
        trained: the network.
        converted: its TensorFlow Lite forms.
    Returns:
        The files, training.json first.
    Raises:
        ConfigError: the folder cannot be written to.
    """
    require_writable(folder)
    contents = {
        TRAINING_JSON: json.dumps(provenance(trained, converted), indent=2).encode() + b"\n",
        KERAS_FILE: _keras_bytes(trained),
    }
    if converted is not None:
        contents |= tflite_files(converted)
    return write_files(folder, contents)


def tflite_files(converted: Converted, *, name: str = NETWORK) -> dict[str, bytes]:
    """Name the .tflite files of a conversion: NAME_float, NAME_dynamic and NAME_int8."""
    return {
        f"{name}_float.tflite": converted.float_tflite,
        f"{name}_dynamic.tflite": converted.dynamic_tflite,
        f"{name}_int8.tflite": converted.int8_tflite,
    }


def provenance(trained: Trained, converted: Converted | None = None) -> dict[str, Any]:
    """Say what was made, from what, and with what, as plain values for JSON."""
    files = {} if converted is None else tflite_files(converted)
    return {
        "schema": SCHEMA,
        "settings": dataclasses.asdict(trained.settings),
        "versions": trained.versions,
        "parameters": trained.parameters,
        "seconds": round(trained.seconds, 3),
        "history": {key: [float(v) for v in values] for key, values in trained.history.items()},
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }


def load(folder: str | os.PathLike[str]) -> Trained:
    """Read back what `save` wrote; the data set is drawn again from its settings.

    Raises:
        ConfigError: files that are missing or are not what `save` writes; fact `file`.
    """
    path = Path(folder)
    file = path / TRAINING_JSON
    try:
        told = read_json_file(file)
        if told["schema"] != SCHEMA:
            raise ValueError(f"schema {told['schema']!r}, expected {SCHEMA!r}")
        settings = TrainingSettings(**told["settings"])
        history = {str(key): np.array(values, np.float64) for key, values in told["history"].items()}
        seconds, versions = float(told["seconds"]), dict(told["versions"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"cannot use {file}: {getattr(error, 'strerror', None) or error!r}",
            hint="`tinysine train` writes it",
            file=file,
        ) from error
    model = _network(path / KERAS_FILE, settings)
    return Trained(settings, make_dataset(settings), model, history, seconds, versions)


def load_network(file: str | os.PathLike[str]) -> Any:
    """Read a .keras file.

    Returns:
        keras.Model, not compiled.
    Raises:
        ConfigError: missing, or not a Keras model; fact `file`.
    """
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f"there is no {path}", hint="`tinysine train` writes one", file=path)
    with tensorflow_quietly() as tf:
        try:
            return tf.keras.models.load_model(path, compile=False)
        except Exception as error:  # Keras lets zip, JSON, HDF5 and value errors through as they come
            reason = (str(error).splitlines() or [repr(error)])[0]
            raise ConfigError(
                f"cannot read {path}: {reason}", hint="is it a .keras file?", file=path
            ) from error


def _network(file: Path, settings: TrainingSettings) -> Any:
    network = load_network(file)
    sizes = settings.layer_sizes
    shapes = [shape for pair in itertools.pairwise(sizes) for shape in (pair, pair[1:])]
    if [array.shape for array in network.get_weights()] != shapes:
        raise ConfigError(
            f"{file} holds another network than {TRAINING_JSON} says",
            hint="train again",
            file=file,
            shapes=shapes,
        )
    return network


def _keras_bytes(trained: Trained) -> bytes:
    model = trained.model
    with tempfile.TemporaryDirectory() as scratch, tensorflow_quietly():
        file = Path(scratch) / KERAS_FILE
        model.save(file)
        return file.read_bytes()
