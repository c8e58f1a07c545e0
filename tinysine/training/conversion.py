"""From a Keras model to TensorFlow Lite files: float, dynamic range, and full integer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinysine.errors import ModelError
from tinysine.training.dataset import FloatArray
from tinysine.training.messages import default_log
from tinysine.training.tensorflow_import import tensorflow_module, tensorflow_quietly
from tinysine.training.trained import Trained


@dataclass(frozen=True)
class Converted:
    """The same network three times over.

    Attributes:
        float_tflite: weights and arithmetic in float32.
        dynamic_tflite: weights in int8 where the converter finds it worth while, the rest in float32.
        int8_tflite: everything in int8, input and output too: the one for the device.
        representative: float32 [n, ...], what the ranges of the activations were measured with.
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
        representative: float32 [n, ...], typical inputs: they decide the int8 scales.
    Raises:
        ConfigError: tensorflow is not installed.
        ModelError: the converter refused; the log has its reasons.
    """
    with tensorflow_quietly() as tf:
        return convert_with(lambda: tf.lite.TFLiteConverter.from_keras_model(network), representative)


def convert_with(new_converter: Callable[[], Any], representative: FloatArray) -> Converted:
    """Convert a network three times over; `tensorflow_quietly` has to be around it.

    Args:
        new_converter: makes a tf.lite.TFLiteConverter of the network, to be used once.
        representative: float32 [n, ...], typical inputs.
    Raises:
        ModelError: the converter refused; the log has its reasons.
    """
    tf = tensorflow_module()
    representative = np.ascontiguousarray(representative, np.float32)

    def typical_inputs() -> Iterator[list[FloatArray]]:
        for row in representative:
            yield [row[np.newaxis]]

    def in_float() -> bytes:
        return bytes(new_converter().convert())

    def dynamic() -> bytes:
        converter = new_converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return bytes(converter.convert())

    def integer() -> bytes:
        converter = new_converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = typical_inputs
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        return bytes(converter.convert())

    return Converted(
        float_tflite=_made("float", in_float),
        dynamic_tflite=_made("dynamic range", dynamic),
        int8_tflite=_made("int8", integer),
        representative=representative,
    )


def _made(kind: str, convert_it: Callable[[], bytes]) -> bytes:
    try:
        return convert_it()
    except Exception as error:  # the converter raises whatever its layers raise; there is no root of its own
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ModelError(
            f"the {kind} model could not be converted: {(lines or [repr(error)])[0][:200]}",
            hint=f"{default_log()} has tensorflow's messages",
            operator=None,
        ) from error
