"""A converted model read back: it is int8 throughout, and how far its answers are from the float model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.training.conversion import Converted
from tinysine.training.messages import messages_to_log

SAMPLES = 64


@dataclass(frozen=True)
class Agreement:
    """The int8 model beside the float model.

    Attributes:
        samples: representative inputs that both were asked.
        max_error: the largest difference of an output.
        lowest, highest: outputs of the float model.
    """

    samples: int
    max_error: float
    lowest: float
    highest: float


def read_back(converted: Converted) -> Agreement:
    """Run the float and the int8 model on representative inputs.

    Raises:
        ModelError: the int8 model is not int8 from end to end, or the float model's answers are no numbers.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - heavy

    step = -(-len(converted.representative) // SAMPLES)
    rows = converted.representative[::step]
    with messages_to_log():
        exact = Interpreter(model_content=converted.float_tflite)
        exact.allocate_tensors()
        due = np.concatenate([_answer(exact, row) for row in rows])
        if not np.isfinite(due).all():
            raise ModelError(
                "the network answers NaN or infinity to representative inputs",
                hint="train it again, or correct the inputs",
                operator=None,
            )
        whole = Interpreter(model_content=converted.int8_tflite)
        if any(tensor["dtype"] in (np.float32, np.float16) for tensor in whole.get_tensor_details()):
            raise ModelError(
                "the converted model is not int8 throughout",
                hint="a layer of it has no int8 form; leave it out, and convert the rest",
                operator=None,
            )
        whole.allocate_tensors()
        got = np.concatenate([_answer(whole, row) for row in rows])
    return Agreement(len(rows), float(np.abs(due - got).max()), float(due.min()), float(due.max()))


def _answer(interpreter: Any, row: NDArray[np.float32]) -> NDArray[np.float64]:
    """All outputs for one input, in real numbers."""
    (end,) = interpreter.get_input_details()
    scale, zero_point = end["quantization"]
    values = row.reshape(end["shape"])
    if end["dtype"] is np.int8:
        values = np.clip(np.round(values / scale) + zero_point, -128, 127).astype(np.int8)
    interpreter.set_tensor(end["index"], values)
    interpreter.invoke()
    answers = []
    for output in interpreter.get_output_details():
        scale, zero_point = output["quantization"]
        found = interpreter.get_tensor(output["index"]).astype(np.float64).reshape(-1)
        answers.append((found - zero_point) * scale if output["dtype"] is np.int8 else found)
    return np.concatenate(answers)
