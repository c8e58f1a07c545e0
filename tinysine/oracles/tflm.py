"""TensorFlow Lite Micro itself, from the tflite-micro wheel: an independent oracle where it installs."""

from __future__ import annotations

import importlib.metadata
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError, ModelError
from tinysine.model import Model
from tinysine.oracles.native_output import native_stderr
from tinysine.oracles.oracle import Oracle, checked_inputs, failures_told
from tinysine.tensor_values import Values, values_of
from tinysine.tflite.tflite_file import TfliteFile

_ARENA_LINE = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_MOST_ARENA = 1 << 30
_ARENA_KEYS = {"total": "arena_used_bytes", "head": "arena_head_bytes", "tail": "arena_tail_bytes"}


def tflm_oracle(model: Model) -> Oracle:
    """Return TensorFlow Lite Micro's reference kernels, the reference of the rounding "tflm".

    Its `detail` has the arena use that TensorFlow Lite Micro prints, on this 64-bit computer:
    arena_used_bytes, arena_head_bytes (activations), arena_tail_bytes (structures); absent if it prints none.

    Raises:
        ConfigError: the wheel is not installed.
        ModelError: TensorFlow Lite Micro itself refuses the model.
    """
    return _TFLM(model)


class _TFLM:
    """An interpreter; it takes one inference at a time."""

    name = "tflm"

    def __init__(self, model: Model) -> None:
        try:
            from tflite_micro import runtime  # noqa: PLC0415 - optional

            self.version = importlib.metadata.version("tflite-micro")
        except ImportError as error:
            raise ConfigError(
                "TensorFlow Lite Micro is not installed",
                hint='pip install "tinysine[tflm]" (Linux x86-64 only); elsewhere integer-double stands in',
                key="tflm",
            ) from error
        self._model = model
        lines: list[str] = []
        try:
            arena_bytes = _ample_arena(model)
            with native_stderr(self.name) as lines:
                self._interpreter = runtime.Interpreter.from_bytes(model.source, arena_size=arena_bytes)
                self._shapes = [
                    tuple(int(n) for n in self._interpreter.get_input_details(index)["shape"])
                    for index in range(len(model.inputs))
                ]
                for index, (shape, tensor) in enumerate(zip(self._shapes, model.inputs, strict=True)):
                    self._interpreter.set_input(np.zeros(shape, tensor.dtype), index)
                self._interpreter.invoke()
                self._interpreter.print_allocations()
        except Exception as error:  # its Python reads the file without checks, and raises what it likes
            printed = "; ".join([*(str(error) or type(error).__name__).splitlines(), *lines[-1:]])
            raise ModelError(
                f"TensorFlow Lite Micro {self.version} refuses the model: {printed}",
                operator=None,
                tensor=None,
            ) from error
        self.detail: dict[str, object] = {
            _ARENA_KEYS[what]: int(size) for what, size in _ARENA_LINE.findall("\n".join(lines))
        }

    def run(self, inputs: Values) -> Values:
        arrays = checked_inputs(self._model, inputs)
        with failures_told(f"TensorFlow Lite Micro {self.version}"):
            return values_of(self._answers(arrays))

    def _answers(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        count = len(arrays[0])
        answers = [np.empty((count, tensor.count), tensor.dtype) for tensor in self._model.outputs]
        for row in range(count):
            for index, (shape, array) in enumerate(zip(self._shapes, arrays, strict=True)):
                self._interpreter.set_input(array[row].reshape(shape), index)
            self._interpreter.invoke()
            for index, answer in enumerate(answers):
                answer[row] = self._interpreter.get_output(index).reshape(answer.shape[1])
        return answers


def _ample_arena(model: Model) -> int:
    """Return an arena in which any model starts: more than every activation at once, and its structures."""
    file = TfliteFile(model.source)
    file.open_graph()
    elements = sum(
        math.prod(max(n, 1) for n in tensor.shape)
        for tensor in map(file.tensor, range(file.tensor_count))
        if tensor.constant is None
    )
    return min((1 << 20) + 64 * elements + 8192 * file.operator_count, _MOST_ARENA)
