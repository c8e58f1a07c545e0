"""Models as frozen values: a .tflite file read, checked and split into integers."""

from tinysine.model.graph import Activation, FullyConnected, Model, Tensor
from tinysine.model.reader import parse_model, read_model
from tinysine.model.requantization import accumulator_bounds, with_rounding

__all__ = [
    "Activation",
    "FullyConnected",
    "Model",
    "Tensor",
    "accumulator_bounds",
    "parse_model",
    "read_model",
    "with_rounding",
]
