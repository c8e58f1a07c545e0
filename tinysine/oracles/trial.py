"""Models that TensorFlow Lite Micro must not be given as they stand: it verifies nothing, and crashes."""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tinysine.errors import ModelError
from tinysine.model import Model, parse_model
from tinysine.oracles.tflm import tflm_oracle
from tinysine.processes import python_command, python_environment, run_program
from tinysine.tensor_values import values_of
from tinysine.tflite.tflite_file import TfliteFile

LONGEST_S = 60.0
_CODE = "import sys; from tinysine.oracles.trial import run_once; run_once(sys.argv[1])"


def try_tflm(model: Model, *, longest_s: float = LONGEST_S) -> None:
    """Have TensorFlow Lite Micro run a model apart from this process: a damaged one makes it crash or run for ever.

    Args:
        model: that LiteRT refuses, and nobody has verified.
        longest_s: until the process is killed.
    Raises:
        ModelError: it crashed, or did not end.
    """
    try:
        version = importlib.metadata.version("tflite-micro")
    except importlib.metadata.PackageNotFoundError:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(model.source)
        command = python_command("-c", _CODE, str(file))
        ended = run_program(command, timeout_s=longest_s, env=python_environment())
    if ended.exit_code is None or ended.exit_code < 0:
        how = "crashes on" if ended.exit_code is not None else f"does not end within {longest_s:g} s on"
        raise ModelError(
            f"TensorFlow Lite Micro {version} {how} the model",
            hint="a damaged file does that; convert the model again",
            operator=None,
            tensor=None,
        )


def refuse_contradictions(model: Model, computed: Mapping[int, tuple[int, ...]]) -> None:
    """Refuse shapes in a file that are not those of its operators: TensorFlow Lite Micro works by them unchecked.

    Args:
        model: that LiteRT takes.
        computed: the shapes that LiteRT computes, by tensor index.
    Raises:
        ModelError: a tensor has another shape in the file.
    """
    file = TfliteFile(model.source)
    file.open_graph()
    for tensor in map(file.tensor, range(file.tensor_count)):
        due = computed.get(tensor.index, tensor.shape)
        if tensor.shape != due:
            raise ModelError(
                f"TensorFlow Lite Micro cannot run the model: tensor {tensor.name!r} is {list(tensor.shape)} in the "
                f"file, and {list(due)} by its operators",
                hint="a damaged file is like that; convert the model again",
                operator=None,
                tensor=tensor.name,
            )


def run_once(file: str) -> None:
    """Run a model file on zeros, and end the process: whatever is raised is met by the caller, too, and told there."""
    with contextlib.suppress(Exception):
        model = parse_model(Path(file).read_bytes(), file=file)
        zeros = values_of([np.zeros((1, tensor.count), tensor.dtype) for tensor in model.inputs])
        tflm_oracle(model).run(zeros)
    sys.exit(0)
