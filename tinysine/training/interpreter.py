"""Running a .tflite file whose ends are float32, as a phone or a computer would."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinysine.errors import ModelError
from tinysine.training.dataset import FloatArray
from tinysine.training.messages import messages_to_log


def run_float_tflite(tflite: bytes, x: FloatArray) -> FloatArray:
    """Run a TensorFlow Lite model with one float32 input and one float32 output on every x.

    Args:
        tflite: the file's bytes.
        x: float32 [n].
    Returns:
        float32 [n].
    Raises:
        ModelError: not a model, or its ends are something else; facts `shapes`.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - heavy

    with messages_to_log():
        return _run(Interpreter, tflite, np.asarray(x, np.float32).reshape(-1, 1))


def _run(interpreter_class: Any, tflite: bytes, values: FloatArray) -> FloatArray:
    try:
        interpreter = interpreter_class(model_content=tflite)
        ends = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"the interpreter cannot read the model: {error}", operator=None) from error
    if len(ends) != 2 or any(end["dtype"] is not np.float32 or end["shape"][-1] != 1 for end in ends):
        raise ModelError(
            "this is not a model from one float32 to one float32",
            hint="run an int8 model through tinysine.oracles",
            shapes=[(end["dtype"].__name__, tuple(end["shape"])) for end in ends],
        )
    interpreter.resize_tensor_input(ends[0]["index"], values.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(ends[0]["index"], values)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(ends[1]["index"]), np.float32).reshape(-1)
