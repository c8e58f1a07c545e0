"""Networks of known shapes with seeded weights: those of MLPerf Tiny and of the TinyML book.

The weights are random, so their answers mean nothing; what an engine takes for them is what it takes for the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinysine.errors import ConfigError
from tinysine.training.conversion import Converted, convert_network
from tinysine.training.tensorflow_import import tensorflow_quietly

_REPRESENTATIVE = 32
_VWW_BLOCKS = (
    # channels of the pointwise, stride of the depthwise; MobileNet V1 with a width of 0.25
    (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1), (128, 1), (128, 1),
    (256, 2), (256, 1),
)  # fmt: skip


def make_shape(name: str, *, seed: int) -> Converted:
    """Make a network with random weights and convert it. Same seed and versions, same bytes on the same machine.

    Args:
        name: a key of SHAPES.
        seed: of weights and representative inputs.
    Raises:
        ConfigError: no such shape, or tensorflow is not installed.
        ModelError: the converter refused.
    """
    if name not in SHAPES:
        raise ConfigError(f"there is no shape {name}", key="NAME", allowed=tuple(SHAPES))
    with tensorflow_quietly() as tf:
        tf.keras.utils.set_random_seed(seed)
        network = SHAPES[name](tf)
        rng = np.random.default_rng(seed)
        typical = rng.normal(0.0, 1.0, (_REPRESENTATIVE, *network.input_shape[1:])).astype(np.float32)
        return convert_network(network, typical)


def _sequential(tf: Any, shape: tuple[int, ...], layers: list[Any]) -> Any:
    return tf.keras.Sequential([tf.keras.Input(shape=shape, batch_size=1), *layers])


def _conv(tf: Any, filters: int, size: Any, stride: int = 1, activation: str | None = "relu") -> Any:
    return tf.keras.layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same",
        activation=activation,
        kernel_initializer="he_normal",
        bias_initializer=tf.keras.initializers.RandomNormal(stddev=0.1),
    )


def _depthwise(tf: Any, size: Any, stride: int = 1, multiplier: int = 1) -> Any:
    return tf.keras.layers.DepthwiseConv2D(
        size,
        strides=stride,
        padding="same",
        activation="relu",
        depth_multiplier=multiplier,
        depthwise_initializer=tf.keras.initializers.RandomNormal(stddev=0.5),
        bias_initializer=tf.keras.initializers.RandomNormal(stddev=0.1),
    )


def _dense(tf: Any, units: int, activation: str | None = None) -> Any:
    # With biases, as trained ones have: the converter leaves out those that are all zero.
    return tf.keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer="he_normal",
        bias_initializer=tf.keras.initializers.RandomNormal(stddev=0.1),
    )


def _ad(tf: Any) -> Any:
    widths = (128, 128, 128, 128, 8, 128, 128, 128, 128)
    return _sequential(tf, (640,), [*(_dense(tf, width, "relu") for width in widths), _dense(tf, 640)])


def _kws(tf: Any) -> Any:
    blocks = [part for _ in range(4) for part in (_depthwise(tf, 3), _conv(tf, 64, 1))]
    end = [tf.keras.layers.AveragePooling2D((25, 5)), tf.keras.layers.Flatten(), _dense(tf, 12, "softmax")]
    return _sequential(tf, (49, 10, 1), [_conv(tf, 64, (10, 4), 2), *blocks, *end])


def _resnet(tf: Any) -> Any:
    layers = tf.keras.layers
    first = tf.keras.Input(shape=(32, 32, 3), batch_size=1)
    x = _conv(tf, 16, 3)(first)
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        inner = _conv(tf, filters, 3, activation=None)(_conv(tf, filters, 3, stride)(x))
        beside = x if stride == 1 else _conv(tf, filters, 1, stride, activation=None)(x)
        x = layers.Activation("relu")(layers.Add()([inner, beside]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return tf.keras.Model(first, _dense(tf, 10, "softmax")(x))


def _vww(tf: Any) -> Any:
    return _mobilenet(tf, channels=3)


def _person(tf: Any) -> Any:
    return _mobilenet(tf, channels=1)


def _mobilenet(tf: Any, *, channels: int) -> Any:
    blocks = [
        part for filters, stride in _VWW_BLOCKS for part in (_depthwise(tf, 3, stride), _conv(tf, filters, 1))
    ]
    end = [tf.keras.layers.AveragePooling2D(3), tf.keras.layers.Flatten(), _dense(tf, 2, "softmax")]
    return _sequential(tf, (96, 96, channels), [_conv(tf, 8, 3, 2), *blocks, *end])


def _micro_speech(tf: Any) -> Any:
    layers = [_depthwise(tf, (10, 8), 2, multiplier=8), tf.keras.layers.Flatten(), _dense(tf, 4, "softmax")]
    return _sequential(tf, (49, 40, 1), layers)


def _magic_wand(tf: Any) -> Any:
    layers = [
        _conv(tf, 8, (4, 3)),
        tf.keras.layers.MaxPool2D((3, 3)),
        _conv(tf, 16, (4, 1)),
        tf.keras.layers.MaxPool2D((3, 1), padding="same"),
        tf.keras.layers.Flatten(),
        _dense(tf, 16, "relu"),
        _dense(tf, 4, "softmax"),
    ]
    return _sequential(tf, (128, 3, 1), layers)


SHAPES: Mapping[str, Callable[[Any], Any]] = {
    "ad": _ad,
    "kws": _kws,
    "magic-wand": _magic_wand,
    "micro-speech": _micro_speech,
    "person": _person,
    "resnet": _resnet,
    "vww": _vww,
}
"""By name: tensorflow -> a Keras model, freshly initialised. ad, kws, resnet and vww are MLPerf Tiny's."""
