"""Data set, network, fit, TensorFlow Lite: the only room that knows tensorflow, and it imports it late."""

from tinysine.training.agreement import Agreement, read_back
from tinysine.training.conversion import Converted, convert, convert_network
from tinysine.training.dataset import Dataset, Samples, make_dataset
from tinysine.training.files import (
    load,
    load_network,
    provenance,
    save,
    tflite_files,
)
from tinysine.training.fitting import History, OnEpoch, fit
from tinysine.training.interpreter import run_float_tflite
from tinysine.training.messages import default_log, messages_to_log
from tinysine.training.network import build_network, new_optimizer
from tinysine.training.network_files import convert_file
from tinysine.training.representative import OPTION as REPRESENTATIVE_OPTION
from tinysine.training.representative import read_representative
from tinysine.training.settings import NETWORKS, TrainingSettings
from tinysine.training.sizes import SizeRow, size_table
from tinysine.training.tensorflow_import import require_tensorflow, tensorflow_quietly
from tinysine.training.trained import Trained, train, versions

__all__ = [
    "NETWORKS",
    "REPRESENTATIVE_OPTION",
    "Agreement",
    "Converted",
    "Dataset",
    "History",
    "OnEpoch",
    "Samples",
    "SizeRow",
    "Trained",
    "TrainingSettings",
    "build_network",
    "convert",
    "convert_file",
    "convert_network",
    "default_log",
    "fit",
    "load",
    "load_network",
    "make_dataset",
    "messages_to_log",
    "new_optimizer",
    "provenance",
    "read_back",
    "read_representative",
    "require_tensorflow",
    "run_float_tflite",
    "save",
    "size_table",
    "tensorflow_quietly",
    "tflite_files",
    "train",
    "versions",
]
