"""The tensors and operators of a file -> one chain of layers between the model's input and its output."""

from __future__ import annotations

import hashlib
from typing import NoReturn

from tinysine.graph.layer_reader import MAX_CONSTANT_BYTES, MAX_NEURONS, read_layer
from tinysine.graph.network import DenseChain, FullyConnected
from tinysine.graph.refusal import SUPPORTED, refuse
from tinysine.model.ends import read_end
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.raw_quantization import read_quantization
from tinysine.tflite.refusal import refuse_file


def read_chain(data: bytes, *, file: str) -> DenseChain:
    """Follow the chain from the graph's input to its output.

    Args:
        data: the whole file.
        file: for messages.
    Raises:
        ModelError: not a network that is supported.
        Damaged: the bytes contradict themselves.
    """
    return _Chain(data, file).network()


class _Chain:
    """The life of one reading."""

    def __init__(self, data: bytes, file: str) -> None:
        self._data = data
        self._file = file
        self._tflite = raw.TfliteFile(data)
        self._constant_bytes = self._neurons = 0

    def network(self) -> DenseChain:
        self._open_graph()
        first = self._single(self._tflite.inputs(), "input")
        last = self._single(self._tflite.outputs(), "output")
        self._check_activation(first, None)
        layers = self._follow(first, last)
        codes = {first.index: layers[0].input, last.index: layers[-1].output}
        ends = (read_end(tensor, file=self._file, codes=codes) for tensor in (first, last))
        return DenseChain(
            source=self._data,
            sha256=hashlib.sha256(self._data).hexdigest(),
            inputs=(next(ends),),
            outputs=(next(ends),),
            layers=tuple(layers),
        )

    def _open_graph(self) -> None:
        if self._tflite.version != raw.SCHEMA_VERSION:
            refuse_file(
                self._file, f"has schema version {self._tflite.version}; {raw.SCHEMA_VERSION} is supported"
            )
        if len(self._tflite.subgraphs) != 1:
            refuse_file(self._file, f"has {len(self._tflite.subgraphs)} subgraphs; one is supported")
        self._tflite.open_graph()
        if self._tflite.operator_count > raw.MOST_OPERATORS:
            refuse_file(
                self._file, f"has {self._tflite.operator_count} operators; {raw.MOST_OPERATORS} are supported"
            )

    def _single(self, indices: tuple[int, ...], what: str) -> raw.RawTensor:
        if len(indices) != 1:
            refuse_file(self._file, f"has {len(indices)} {what}s; one {what} tensor is supported")
        return self._tflite.tensor(indices[0])

    def _follow(self, first: raw.RawTensor, last: raw.RawTensor) -> list[FullyConnected]:
        layers: list[FullyConnected] = []
        current, ended, seen = first, False, {first.index}
        for index in range(self._tflite.operator_count):
            operator = self._tflite.operator(index)
            self._check_operator(operator, current)
            result = self._tflite.tensor(operator.outputs[0])
            self._check_activation(result, operator)
            if result.index in seen:
                self._refuse("is written twice, or in a circle: not a chain", operator, result)
            seen.add(result.index)
            if ended:
                self._refuse("follows the conversion at the end; nothing may", operator, result)
            if operator.code == raw.FULLY_CONNECTED:
                layer = read_layer(self._tflite, operator, current, result, file=self._file, rows=1)
                layers.append(layer)
                self._count(layer)
            elif layers:
                self._check_end(operator, current, result)
                ended = True
            else:
                if index:
                    self._refuse("is a second conversion before the first layer", operator, result)
                self._check_start(operator, current, result)
            current = result
        if not layers:
            refuse_file(self._file, "has no FULLY_CONNECTED operator", hint=SUPPORTED)
        if current.index != last.index:
            problem = (
                f"is not a chain: its output is tensor {last.name[:80]!r}, "
                f"but the last operator writes {current.name[:80]!r}"
            )
            refuse_file(self._file, problem, hint=SUPPORTED, tensor=last.name)
        return layers

    def _count(self, layer: FullyConnected) -> None:
        """Refuse a file that asks for more work than any network that fits a microcontroller."""
        self._constant_bytes += layer.weights.nbytes + layer.bias.nbytes
        self._neurons += layer.outputs
        hint = "no microcontroller holds them"
        if self._constant_bytes > MAX_CONSTANT_BYTES:
            refuse_file(self._file, f"has more than {MAX_CONSTANT_BYTES} bytes of weights", hint=hint)
        if self._neurons > MAX_NEURONS:
            refuse_file(self._file, f"has more than {MAX_NEURONS} neurons", hint=hint)

    def _check_operator(self, operator: raw.RawOperator, current: raw.RawTensor) -> None:
        if operator.code not in raw.DENSE_CHAIN:
            self._refuse("this operator is not supported", operator, current)
        wanted = (2, 3) if operator.code == raw.FULLY_CONNECTED else (1,)
        if len(operator.inputs) not in wanted or len(operator.outputs) != 1:
            problem = f"has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs"
            self._refuse(problem, operator, current)
        if operator.inputs[0] != current.index:
            self._refuse("is not what the next operator reads", operator, current)

    def _check_activation(self, tensor: raw.RawTensor, operator: raw.RawOperator | None) -> None:
        if tensor.constant is not None or tensor.is_variable or tensor.external or tensor.sparse:
            self._refuse("an activation must be a plain tensor without stored data", operator, tensor)
        if tensor.type not in (raw.INT8, raw.UINT8, raw.FLOAT32):
            self._refuse(f"activations of {tensor.type_name} are not supported", operator, tensor)
        if not tensor.shape or any(n < 1 for n in tensor.shape):
            self._refuse("has no fixed shape", operator, tensor)

    def _check_start(self, operator: raw.RawOperator, source: raw.RawTensor, result: raw.RawTensor) -> None:
        if operator.code != raw.QUANTIZE or source.type == raw.INT8 or result.type != raw.INT8:
            self._refuse(f"converts {source.type_name} to {result.type_name}", operator, result)
        self._check_conversion(operator, outer=source, inner=result)

    def _check_end(self, operator: raw.RawOperator, source: raw.RawTensor, result: raw.RawTensor) -> None:
        wanted = raw.UINT8 if operator.code == raw.QUANTIZE else raw.FLOAT32
        if source.type != raw.INT8 or result.type != wanted:
            self._refuse(f"converts {source.type_name} to {result.type_name}", operator, result)
        self._check_conversion(operator, outer=result, inner=source)

    def _check_conversion(
        self, operator: raw.RawOperator, *, outer: raw.RawTensor, inner: raw.RawTensor
    ) -> None:
        if outer.shape != inner.shape:
            self._refuse("changes the shape", operator, outer, shapes=(outer.shape, inner.shape))
        signed = read_quantization(self._file, inner, operator)
        if outer.type != raw.UINT8:
            return
        unsigned = read_quantization(self._file, outer, operator)
        if unsigned.scale != signed.scale or unsigned.zero_point != signed.zero_point + 128:
            problem = (
                f"rescales: scale {unsigned.scale}, zero point {unsigned.zero_point} in uint8, "
                f"{signed.scale} and {signed.zero_point} in int8; "
                "only equal scales and zero points 128 apart are supported"
            )
            self._refuse(problem, operator, outer)

    def _refuse(
        self,
        problem: str,
        operator: raw.RawOperator | None,
        tensor: raw.RawTensor,
        *,
        shapes: tuple[tuple[int, ...], ...] | None = None,
    ) -> NoReturn:
        refuse(self._file, problem, operator, tensor, shapes=shapes)
