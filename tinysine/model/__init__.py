"""Models as frozen values: a .tflite file read, checked and split into integers."""

from tinysine.model.graph import Activation, FullyConnected, Model, Tensor
from tinysine.model.reader import parse_model, read_model

__all__ = ["Activation", "FullyConnected", "Model", "Tensor", "parse_model", "read_model"]
