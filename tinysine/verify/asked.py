"""Inputs that the user brings, and what is told of them beside equality."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.evidence import DataFacts, Run
from tinysine.model import Model, Tensor, read_model
from tinysine.oracles import litert_oracle
from tinysine.stimuli import DataSet, read_data
from tinysine.tasks import ClassVerdict, check_labels, judge_classes
from tinysine.tensor_values import Values, arrays_of, numbers_of


@dataclass(frozen=True, eq=False)
class Asked:
    """A user's data, read for a model.

    Attributes:
        facts: for the evidence.
        data: the inputs, and labels perhaps.
        float_answers: [n, outputs] of the float model; None where none was given.
    """

    facts: DataFacts
    data: DataSet
    float_answers: NDArray[Any] | None

    @classmethod
    def read(
        cls,
        model: Model,
        path: str | os.PathLike[str],
        float_model: str | os.PathLike[str] | None,
        *,
        shown: str,
    ) -> Asked:
        """Read the file, and ask the float model if there is one.

        Args:
            model: whose inputs they are.
            path: of the data.
            float_model: the file that the model was quantised from.
            shown: what the evidence calls the data's file.
        Raises:
            ConfigError, ModelError: a file that is missing, damaged, or does not fit the model.
        """
        data = read_data(path, model)
        if data.labels is not None:
            check_labels(data.labels, model.output.count)
        facts = DataFacts.of(data, shown=shown)
        return cls(facts, data, None if float_model is None else _float_answers(float_model, model, data))

    def classes(self, run: Run) -> ClassVerdict | None:
        """Return how often device and reference name the labelled class; None without labels, or without answers."""
        outputs, device = run.outputs, run.device_answers
        if self.data.labels is None or outputs is None or device is None or outputs.checked == 0:
            return None
        return judge_classes(
            labels=self.data.labels,
            device=device,
            reference=run.answers[outputs.reference],
            float_model=self.float_answers,
        )


def refuse_not_finite(answers: Values, inputs: Values) -> None:
    """Refuse inputs to which the reference has no answer that is a number: no device can equal that.

    Args:
        answers: of the reference, [n, count] of each output.
        inputs: that it was asked, [n, count] of each input.
    Raises:
        ConfigError: an answer is NaN or infinite; the message names the input.
    """
    for array in arrays_of(answers):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            numbers = [str(number) for number in numbers_of(inputs, int(row))[:4]]
            raise ConfigError(
                f"the reference answers {array[row, column]} to input {row} ({', '.join(numbers)}), "
                "which no device can be held against",
                hint="--data with inputs for which the model is defined",
                key="data",
            )


def _float_answers(path: str | os.PathLike[str], model: Model, data: DataSet) -> NDArray[Any]:
    float_model = read_model(path)
    ends = (float_model.inputs, float_model.outputs)
    if any(tensor.dtype != np.float32 for tensors in ends for tensor in tensors):
        raise ConfigError(
            f"{os.fspath(path)} has {_listed(ends[0])} inputs and {_listed(ends[1])} outputs: it is no float model",
            hint="--float with the float32 .tflite file that the model was quantised from",
            key="float",
        )
    counts, due = (
        tuple(" and ".join(str(tensor.count) for tensor in tensors) for tensors in of)
        for of in (ends, (model.inputs, model.outputs))
    )
    if counts != due:
        raise ConfigError(
            f"{os.fspath(path)} takes {counts[0]} and gives {counts[1]} numbers; "
            f"the model takes {due[0]} and gives {due[1]}",
            hint="--float with the float32 .tflite file that the model was quantised from",
            key="float",
        )
    if data.labels is None:
        raise ConfigError(
            "a float model is told apart by its accuracy, and the data has no labels",
            hint="an .npz with class numbers as 'labels', or a .csv with a column 'label'",
            key="float",
        )
    answers: NDArray[Any] = litert_oracle(float_model).run(data.real)
    return answers


def _listed(tensors: Sequence[Tensor]) -> str:
    return " and ".join(dict.fromkeys(str(tensor.dtype) for tensor in tensors))
