"""Networks of other people: Keras files and SavedModel folders, as the converter takes them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinysine.errors import ModelError, TinysineError
from tinysine.regular_files import open_regular
from tinysine.training.conversion import Converted, convert_with
from tinysine.training.dataset import FloatArray
from tinysine.training.representative import fit_to_input
from tinysine.training.tensorflow_import import tensorflow_quietly

_EXPORT = "or export a SavedModel where its code is (model.export('saved')), and convert that"


@dataclass(frozen=True)
class _Network:
    """A network with one input.

    Attributes:
        new_converter: makes a tf.lite.TFLiteConverter, to be used once.
        input_shape: its first dimension is the batch, None where it is free.
    """

    new_converter: Callable[[], Any]
    input_shape: tuple[int | None, ...]


def convert_file(path: str | os.PathLike[str], representative: FloatArray) -> Converted:
    """Convert a Keras file or a SavedModel folder.

    Args:
        path: .keras or .h5, or a folder with saved_model.pb.
        representative: float32 [samples, ...], typical inputs.
    Raises:
        ConfigError: tensorflow is not installed, or the inputs do not fit the network.
        ModelError: it cannot be read, has more than one input, no fixed shape, custom layers or weights that are
            no numbers, or the converter refused; fact `file`.
    """
    file = os.fspath(path)
    folder = Path(file).is_dir()
    try:
        # Keras and tensorflow would wait for a pipe.
        open_regular(Path(file, "saved_model.pb") if folder else file).close()
    except OSError as error:
        raise _unreadable(file, error) from error
    with tensorflow_quietly() as tf:
        try:
            network = _from_saved_model(tf, file) if folder else _from_keras(tf, file)
        except TinysineError:
            raise
        except Exception as error:  # Keras lets zip, JSON, HDF5, type and value errors through as they come
            raise _unreadable(file, error) from error
        return convert_with(
            network.new_converter, fit_to_input(representative, network.input_shape, file=file)
        )


def _from_keras(tf: Any, file: str) -> _Network:
    keras = tf.keras
    model = keras.models.load_model(file, compile=False, safe_mode=True)
    shape = _checked_input([(tuple(tensor.shape), str(tensor.dtype)) for tensor in model.inputs], file)
    if not all(np.isfinite(weights).all() for weights in model.get_weights() if weights.dtype.kind == "f"):
        raise ModelError(f"{file} has weights that are NaN or infinite", hint="train it again", file=file)
    if shape[0] not in (None, 1):
        one = keras.Input(batch_shape=(1, *shape[1:]))
        model = keras.Model(one, model(one))
    return _Network(lambda: tf.lite.TFLiteConverter.from_keras_model(model), shape)


def _from_saved_model(tf: Any, file: str) -> _Network:
    signatures = tf.saved_model.load(file).signatures
    key = "serving_default"
    if key not in signatures:
        raise ModelError(
            f"{file} has no signature {key}; it has: {', '.join(sorted(signatures)) or 'none'}",
            hint="export it with model.export",
            file=file,
        )
    inputs = signatures[key].structured_input_signature[1].values()
    found = [
        (tuple(spec.shape.as_list()) if spec.shape.rank is not None else (), spec.dtype.name)
        for spec in inputs
    ]
    shape = _checked_input(found, file)
    if shape[0] not in (None, 1):
        raise ModelError(
            f"{file} is built for a fixed batch of {shape[0]}",
            hint="export it with a free batch, or convert the Keras file that it was exported from",
            file=file,
        )
    return _Network(lambda: tf.lite.TFLiteConverter.from_saved_model(file, signature_keys=[key]), shape)


def _checked_input(inputs: list[tuple[tuple[int | None, ...], str]], file: str) -> tuple[int | None, ...]:
    """The shape of a network's one input."""
    if len(inputs) != 1:
        raise ModelError(
            f"{file} has {len(inputs)} inputs; networks with one input are converted",
            hint="make a model of one input, such as all of them concatenated",
            file=file,
        )
    shape, dtype = inputs[0]
    if dtype != "float32":
        raise ModelError(
            f"{file} takes {dtype}; networks that take float32 are converted",
            hint="leave out what comes before its first float32 tensor, such as an Embedding",
            file=file,
        )
    if len(shape) < 2 or any(size is None for size in shape[1:]):
        shown = ", ".join("?" if size is None else str(size) for size in shape)
        raise ModelError(
            f"{file} takes inputs of no fixed shape: [{shown}]",
            hint="build it with every dimension but the batch fixed, as in keras.Input(shape=(28, 28, 1))",
            file=file,
        )
    return shape


def _unreadable(file: str, error: Exception) -> ModelError:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    unknown = re.search(r"Could not locate \w+ '([^']{1,80})'|Unknown layer: '([^']{1,80})'", text)
    if unknown:
        name = unknown[1] or unknown[2]
        return ModelError(
            f"{file} has the custom layer {name}, whose code is not in the file",
            hint=f"replace it by layers of Keras, {_EXPORT}",
            file=file,
        )
    if "Lambda" in text and "deserializ" in text:
        return ModelError(
            f"{file} has a Lambda layer, whose code is not run from a file",
            hint=f"replace it by layers of Keras, {_EXPORT}",
            file=file,
        )
    reason = (text.strip().splitlines() or [type(error).__name__])[0][:200]
    return ModelError(
        f"{file} cannot be read: {reason}",
        hint="save the whole model, as model.save('net.keras'); weights alone are not enough",
        file=file,
    )
