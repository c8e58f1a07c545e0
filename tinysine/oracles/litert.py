"""LiteRT (TensorFlow Lite) on this computer, its kernels pinned."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import DenseChain
from tinysine.model import Model
from tinysine.oracles.native_output import native_stderr
from tinysine.oracles.oracle import Oracle, checked_inputs, failures_told
from tinysine.tensor_values import Values, values_of

_BATCH = 4096


def litert_oracle(model: Model) -> LiteRT:
    """Return LiteRT's reference kernels (resolver BUILTIN_REF), the reference of the rounding "litert".

    Raises:
        ModelError: LiteRT itself refuses the model.
    """
    return LiteRT(model, name="litert", resolver="BUILTIN_REF")


def xnnpack_oracle(model: Model) -> Oracle:
    """Return what LiteRT computes by default: XNNPACK, in float32. No firmware is asked to equal it.

    Raises:
        ModelError: LiteRT itself refuses the model.
    """
    return LiteRT(model, name="litert-xnnpack", resolver="AUTO")


class LiteRT:
    """An interpreter, resized to the batch at hand."""

    def __init__(self, model: Model, *, name: str, resolver: str) -> None:
        from ai_edge_litert import interpreter as litert  # noqa: PLC0415 - 0.3 s, and only oracles need it

        self.name = name
        self.version = importlib.metadata.version("ai-edge-litert")
        self.detail: dict[str, object] = {"resolver": resolver}
        self._model = model
        with failures_told(f"LiteRT {self.version}", "refuses"), native_stderr(name):
            self._interpreter = litert.Interpreter(
                model_content=model.source,
                num_threads=1,
                experimental_op_resolver_type=litert.OpResolverType[resolver],
            )
            self._interpreter.allocate_tensors()
            # Here a name that is not UTF-8 turns up.
            into = self._interpreter.get_input_details()
            self._inputs = tuple(int(end["index"]) for end in into)
            self._outputs = tuple(int(end["index"]) for end in self._interpreter.get_output_details())
        self._shapes = tuple(tuple(int(n) for n in end["shape"]) for end in into)
        self._batch = 1
        # Rows of dense layers are independent. In other networks the first dimension need not be a batch.
        shape = self._shapes[0]
        self._resizable = isinstance(model, DenseChain) and shape[0] == 1 and len(shape) > 1

    def shapes(self) -> dict[int, tuple[int, ...]]:
        """Return the shape that LiteRT computes for each tensor, by its index in the file."""
        return {int(d["index"]): tuple(map(int, d["shape"])) for d in self._interpreter.get_tensor_details()}

    def run(self, inputs: Values) -> Values:
        """Answer a batch; as `Oracle.run`."""
        arrays = checked_inputs(self._model, inputs)
        with failures_told(f"LiteRT {self.version}"):
            return values_of(self._answers(arrays))

    def _answers(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        count, start = len(arrays[0]), 0
        answers = [np.empty((count, tensor.count), tensor.dtype) for tensor in self._model.outputs]
        while start < count:
            end = min(start + (_BATCH if self._resizable else 1), count)
            if not self._resize(end - start):
                continue
            for index, shape, array in zip(self._inputs, self._shapes, arrays, strict=True):
                batched = (end - start, *shape[1:]) if self._resizable else shape
                self._interpreter.set_tensor(index, array[start:end].reshape(batched))
            self._interpreter.invoke()
            for index, answer in zip(self._outputs, answers, strict=True):
                # No -1: an answer of fewer elements than the file has would be spread over all of them.
                answer[start:end] = self._interpreter.get_tensor(index).reshape(end - start, answer.shape[1])
            start = end
        return answers

    def _resize(self, batch: int) -> bool:
        """Make room for a batch; False when the model turns out to allow none, and goes one by one now."""
        if batch == self._batch:
            return True
        try:
            with native_stderr(self.name):
                self._interpreter.resize_tensor_input(self._inputs[0], (batch, *self._shapes[0][1:]))
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError):
            self._resizable = False
            self._interpreter.resize_tensor_input(self._inputs[0], self._shapes[0])
            self._interpreter.allocate_tensors()
            self._batch = 1
            return False
        self._batch = batch
        return True
