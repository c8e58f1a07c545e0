"""Models as frozen values: a .tflite file read, checked and split into integers."""

from tinysine.model.c_array import CArray, c_array
from tinysine.model.file_kind import FileKind, is_elf, is_tflite, kind_of_path
from tinysine.model.graph import Activation, FullyConnected, Model, Tensor
from tinysine.model.reader import REFERENCE_MODEL, parse_model, read_model, read_tflite
from tinysine.model.requantization import accumulator_bounds, with_rounding

__all__ = [
    "REFERENCE_MODEL",
    "Activation",
    "CArray",
    "FileKind",
    "FullyConnected",
    "Model",
    "Tensor",
    "accumulator_bounds",
    "c_array",
    "is_elf",
    "is_tflite",
    "kind_of_path",
    "parse_model",
    "read_model",
    "read_tflite",
    "with_rounding",
]
