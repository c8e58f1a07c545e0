"""From a Keras model to TensorFlow Lite files: float, dynamic range, and full integer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinysine.errors import ModelError
from tinysine.training.dataset import FloatArray
from tinysine.training.fitting import Trained
from tinysine.training.tensorflow_import import tensorflow_quietly


@dataclass(frozen=True)
class Converted:
    """The same network three times over.

    Attributes:
        float_tflite: weights and arithmetic in float32.
        dynamic_tflite: weights in int8 where the converter finds it worth while, the rest in float32.
        int8_tflite: everything in int8, input and output too: the one for the device.
        representative: float32 [n, 1], what the ranges of the activations were measured with.
    """

    float_tflite: bytes
    dynamic_tflite: bytes
    int8_tflite: bytes
    representative: FloatArray


def convert(trained: Trained) -> Converted:
    """Convert a fitted network, with its training inputs as the representative data set.

    Same weights and versions, same bytes.

    Args:
        trained: the network.
    Raises:
        ConfigError: tensorflow is not installed.
        ModelError: the converter refused; the log has its reasons.
    """
    return convert_network(trained.model, trained.dataset.train.x.reshape(-1, 1))


def convert_network(network: Any, representative: FloatArray) -> Converted:
    """Convert any Keras model with one input.

    Args:
        network: keras.Model.
        representative: float32 [n, inputs], typical inputs: they decide the int8 scales.
    Raises:
        ConfigError: tensorflow is not installed.
        ModelError: the converter refused; the log has its reasons.
    """
    representative = np.ascontiguousarray(representative, np.float32)

    def typical_inputs() -> Iterator[list[FloatArray]]:
        for row in representative:
            yield [row[np.newaxis]]

    with tensorflow_quietly() as tf:
        plain = tf.lite.TFLiteConverter.from_keras_model(network)
        dynamic = tf.lite.TFLiteConverter.from_keras_model(network)
        dynamic.optimizations = [tf.lite.Optimize.DEFAULT]
        integer = tf.lite.TFLiteConverter.from_keras_model(network)
        integer.optimizations = [tf.lite.Optimize.DEFAULT]
        integer.representative_dataset = typical_inputs
        integer.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        integer.inference_input_type = tf.int8
        integer.inference_output_type = tf.int8
        return Converted(
            float_tflite=_convert("float", plain),
            dynamic_tflite=_convert("dynamic range", dynamic),
            int8_tflite=_convert("int8", integer),
            representative=representative,
        )


def _convert(kind: str, converter: Any) -> bytes:
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter raises whatever its layers raise; there is no root of its own
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise ModelError(
            f"the {kind} model could not be converted: {reason}",
            hint="the log of tensorflow's messages says more",
            operator=None,
        ) from error
