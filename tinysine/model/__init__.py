"""A model as the outside sees it: any .tflite file, with its inputs, its outputs and the digest of its bytes."""

from tinysine.model.model import Model, Tensor, names_of
from tinysine.model.reader import REFERENCE_MODEL, parse_model, read_model, read_tflite

__all__ = ["REFERENCE_MODEL", "Model", "Tensor", "names_of", "parse_model", "read_model", "read_tflite"]
