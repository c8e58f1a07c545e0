"""LiteRT (TensorFlow Lite) on this computer, its kernels pinned."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.graph import Network
from tinysine.model import Model
from tinysine.oracles.native_output import native_stderr
from tinysine.oracles.oracle import Oracle, checked_inputs

_BATCH = 4096


def litert_oracle(model: Model) -> Oracle:
    """Return LiteRT's reference kernels (resolver BUILTIN_REF), the reference of the rounding "litert".

    Raises:
        ModelError: LiteRT itself refuses the model.
    """
    return _LiteRT(model, name="litert", resolver="BUILTIN_REF")


def xnnpack_oracle(model: Model) -> Oracle:
    """Return what LiteRT computes by default: XNNPACK, in float32. No firmware is asked to equal it.

    Raises:
        ModelError: LiteRT itself refuses the model.
    """
    return _LiteRT(model, name="litert-xnnpack", resolver="AUTO")


class _LiteRT:
    """An interpreter, resized to the batch at hand."""

    def __init__(self, model: Model, *, name: str, resolver: str) -> None:
        from ai_edge_litert import interpreter as litert  # noqa: PLC0415 - 0.3 s, and only oracles need it

        self.name = name
        self.version = importlib.metadata.version("ai-edge-litert")
        self.detail: dict[str, object] = {"resolver": resolver}
        self._model = model
        try:
            with native_stderr(name):
                self._interpreter = litert.Interpreter(
                    model_content=model.source,
                    num_threads=1,
                    experimental_op_resolver_type=litert.OpResolverType[resolver],
                )
                self._interpreter.allocate_tensors()
                # Here a name that is not UTF-8 turns up.
                self._input = self._interpreter.get_input_details()[0]
                self._output = self._interpreter.get_output_details()[0]["index"]
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"LiteRT {self.version} refuses the model: {' '.join(str(error).split())}",
                operator=None,
                tensor=None,
            ) from error
        self._shape = tuple(int(n) for n in self._input["shape"])
        self._batch = 1
        # Rows of dense layers are independent. In other networks the first dimension need not be a batch.
        self._resizable = isinstance(model, Network) and self._shape[0] == 1 and len(self._shape) > 1

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        inputs = checked_inputs(self._model, inputs)
        answers = np.empty((len(inputs), self._model.output.count), self._model.output.dtype)
        start = 0
        while start < len(inputs):
            batch = inputs[start : start + (_BATCH if self._resizable else 1)]
            if not self._resize(len(batch)):
                continue
            shape = (len(batch), *self._shape[1:]) if self._resizable else self._shape
            self._interpreter.set_tensor(self._input["index"], batch.reshape(shape))
            self._interpreter.invoke()
            result = self._interpreter.get_tensor(self._output)
            answers[start : start + len(batch)] = result.reshape(len(batch), -1)
            start += len(batch)
        return answers

    def _resize(self, batch: int) -> bool:
        """Make room for a batch; False when the model turns out to allow none, and goes one by one now."""
        if batch == self._batch:
            return True
        try:
            with native_stderr(self.name):
                self._interpreter.resize_tensor_input(self._input["index"], (batch, *self._shape[1:]))
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError):
            self._resizable = False
            self._interpreter.resize_tensor_input(self._input["index"], self._shape)
            self._interpreter.allocate_tensors()
            self._batch = 1
            return False
        self._batch = batch
        return True
