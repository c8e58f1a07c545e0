"""Models that TensorFlow Lite Micro must not be given as they stand: it verifies nothing, and crashes."""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.model import Model, parse_model
from tinysine.oracles.oracle import Oracle, checked_inputs
from tinysine.oracles.tflm import tflm_oracle
from tinysine.outside_json import read_json_object
from tinysine.processes import python_command, python_environment, run_program
from tinysine.tensor_values import Values, arrays_of, values_of
from tinysine.tflite.tflite_file import TfliteFile

LONGEST_S, LONGEST_EACH_S = 60.0, 1.0
_CODE = "import sys; from tinysine.oracles.trial import answer; answer(*sys.argv[1:])"
_QUESTION, _ANSWER, _REFUSAL = "inputs.npz", "answer.npz", "refusal.json"


def tflm_oracle_apart(model: Model, *, longest_s: float = LONGEST_S) -> Oracle:
    """Return TensorFlow Lite Micro in processes of its own: a damaged model makes it crash or run for ever.

    It is asked about zeros at once, and what it is asked later is run in another process each time.

    Args:
        model: that LiteRT refuses, and nobody has verified.
        longest_s: until a process is killed; a second more for each inference.
    Raises:
        ConfigError: the wheel is not installed.
        ModelError: TensorFlow Lite Micro refuses the model, crashes, or does not end.
    """
    try:
        version = importlib.metadata.version("tflite-micro")
    except importlib.metadata.PackageNotFoundError:
        return tflm_oracle(model)  # which says what is missing
    return _Apart(model, version, longest_s)


class _Apart:
    """A question and an answer in files, between them a process that may crash."""

    name = "tflm"

    def __init__(self, model: Model, version: str, longest_s: float) -> None:
        self.version = version
        self._model = model
        self._longest_s = longest_s
        _, self.detail = self._ask([np.zeros((1, tensor.count), tensor.dtype) for tensor in model.inputs])

    def run(self, inputs: Values) -> Values:
        answers, _ = self._ask(checked_inputs(self._model, inputs))
        return values_of(answers)

    def _ask(self, arrays: Sequence[NDArray[Any]]) -> tuple[list[NDArray[Any]], dict[str, object]]:
        """Answers to a batch, and what else the interpreter tells."""
        longest_s = self._longest_s + LONGEST_EACH_S * len(arrays[0])
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            file = folder / "model.tflite"
            file.write_bytes(self._model.source)
            np.savez(folder / _QUESTION, *arrays)
            ended = run_program(
                python_command("-c", _CODE, str(file)), timeout_s=longest_s, env=python_environment()
            )
            if (refusal := folder / _REFUSAL).exists():
                raise _model_error(**read_json_object(refusal.read_bytes()))
            if ended.exit_code != 0 or not (folder / _ANSWER).exists():
                how = f"does not end within {longest_s:g} s" if ended.exit_code is None else "crashes"
                raise _model_error(
                    f"TensorFlow Lite Micro {self.version} {how} on the model",
                    hint="a damaged file does that; convert the model again",
                )
            with np.load(folder / _ANSWER) as answer:
                answers = [answer[f"arr_{index}"] for index in range(len(self._model.outputs))]
                return answers, read_json_object(str(answer["detail"]))


def _model_error(message: str, *, hint: str) -> ModelError:
    return ModelError(message, hint=hint, operator=None, tensor=None)


def answer(file: str) -> None:
    """Answer the batch beside a model file, in a process of its own: with a file of answers, or of a refusal."""
    folder = Path(file).parent
    try:
        model = parse_model(Path(file).read_bytes(), file=file)
        oracle = tflm_oracle(model)
        with np.load(folder / _QUESTION) as question:
            arrays = [question[f"arr_{index}"] for index in range(len(model.inputs))]
        answers = arrays_of(oracle.run(values_of(arrays)))
    except ModelError as error:
        told = {"message": error.message, "hint": error.hint}
        (folder / _REFUSAL).write_text(json.dumps(told), encoding="utf-8")
        return
    np.savez(folder / _ANSWER, *answers, detail=json.dumps(oracle.detail))


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
