"""Dataset to network to fit to TensorFlow Lite: the only room that knows tensorflow, and it imports it late."""

from tinysine.training.conversion import Converted, convert, convert_network
from tinysine.training.dataset import Dataset, Samples, make_dataset
from tinysine.training.descent import History, Layer, OnEpoch
from tinysine.training.fitting import Trained, train, versions
from tinysine.training.interpreter import run_float_tflite
from tinysine.training.network import build_network
from tinysine.training.settings import NETWORKS, TrainingSettings
from tinysine.training.tensorflow_room import default_log, tensorflow_quietly

__all__ = [
    "NETWORKS",
    "Converted",
    "Dataset",
    "History",
    "Layer",
    "OnEpoch",
    "Samples",
    "Trained",
    "TrainingSettings",
    "build_network",
    "convert",
    "convert_network",
    "default_log",
    "make_dataset",
    "run_float_tflite",
    "tensorflow_quietly",
    "train",
    "versions",
]
