"""Inputs that the user brings, and what is told of them beside equality."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.evidence import DataFacts, Run
from tinysine.model import Model, read_model
from tinysine.oracles import litert_oracle
from tinysine.stimuli import DataSet, read_data
from tinysine.tasks import ClassVerdict, judge_classes


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
        cls, model: Model, path: str | os.PathLike[str], float_model: str | os.PathLike[str] | None
    ) -> Asked:
        """Read the file, and ask the float model if there is one.

        Raises:
            ConfigError, ModelError: a file that is missing, damaged, or does not fit the model.
        """
        data = read_data(path, model)
        facts = DataFacts(os.fspath(path), data.sha256, len(data.codes), data.taken_as)
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


def _float_answers(path: str | os.PathLike[str], model: Model, data: DataSet) -> NDArray[Any]:
    float_model = read_model(path)
    ends = (float_model.input, float_model.output)
    if any(tensor.dtype != np.float32 for tensor in ends):
        raise ConfigError(
            f"{os.fspath(path)} has {ends[0].dtype} inputs and {ends[1].dtype} outputs: it is no float model",
            hint="--float with the float32 .tflite file that the model was quantised from",
            key="float",
        )
    if (ends[0].count, ends[1].count) != (model.input.count, model.output.count):
        raise ConfigError(
            f"{os.fspath(path)} takes {ends[0].count} and gives {ends[1].count} numbers; "
            f"the model takes {model.input.count} and gives {model.output.count}",
            hint="--float with the float32 .tflite file that the model was quantised from",
            key="float",
        )
    if data.labels is None:
        raise ConfigError(
            "a float model is told apart by its accuracy, and the data has no labels",
            hint="an .npz with class numbers as 'labels', or a .csv with a column 'label'",
            key="float",
        )
    return litert_oracle(float_model).run(data.real)
