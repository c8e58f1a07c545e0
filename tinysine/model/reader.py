"""A .tflite file -> a frozen Model, or one ModelError that says what is wrong and what would do."""

from __future__ import annotations

import hashlib
import math
import os
import stat
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.model import tflite_file as raw
from tinysine.model.flatbuffer import Damaged
from tinysine.model.graph import Activation, FullyConnected, Model, Tensor
from tinysine.quantization import Quantization, quantize_multiplier

MAX_FILE_BYTES = 64 << 20
MAX_CONSTANT_BYTES = 64 << 20
SUPPORTED = (
    "supported: a chain of int8 FULLY_CONNECTED (fused none, relu or relu6; int8 weights with zero point 0, int32 "
    "bias or none), with QUANTIZE or DEQUANTIZE to float32 or uint8 at the ends"
)
QUANTISE = "it is not quantised to int8: `tinysine convert` makes an int8 model from a Keras one"


def read_model(path: str | os.PathLike[str]) -> Model:
    """Read a .tflite file.

    Args:
        path: of a regular file.
    Raises:
        ModelError: the file is missing, unreadable, damaged, or not a network that is supported.
    """
    file = os.fspath(path)
    try:
        status = os.stat(file)
        if stat.S_ISDIR(status.st_mode):
            raise ModelError(f"{file} is a folder, not a .tflite file", file=file)
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"{file} is not a regular file", file=file)
        if status.st_size > MAX_FILE_BYTES:
            raise ModelError(
                f"{file} has {status.st_size} bytes, more than the {MAX_FILE_BYTES} read here",
                hint="no microcontroller holds such a model",
                file=file,
            )
        data = Path(file).read_bytes()
    except FileNotFoundError as error:
        raise ModelError(
            f"{file}: no such file", hint="`tinysine train` and `tinysine convert` make one", file=file
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(f"{file} cannot be read: {reason}", file=file) from error
    return parse_model(data, file=file)


def parse_model(data: bytes, *, file: str) -> Model:
    """Turn the bytes of a .tflite file into a model.

    Args:
        data: the whole file.
        file: its name, for messages.
    Raises:
        ModelError: damaged, or not a network that is supported; facts say where.
    """
    data = bytes(data)
    if not data:
        raise ModelError(f"{file} is empty", file=file)
    try:
        return _Reading(data, file).model()
    except Damaged as damage:
        raise ModelError(
            f"{file} is not a .tflite file, or a damaged one: {damage}",
            hint="was the download or the copy complete?",
            file=file,
        ) from damage


class _Reading:
    """The life of one parse: follows the chain from the graph's input to its output."""

    def __init__(self, data: bytes, file: str) -> None:
        self._data = data
        self._file = file
        self._tflite = raw.TfliteFile(data)
        self._constant_bytes = 0

    def model(self) -> Model:
        self._open_graph()
        first, last = self._single(self._tflite.inputs(), "input"), self._single(
            self._tflite.outputs(), "output"
        )
        self._check_activation(first, None)
        layers, current, ended = list[FullyConnected](), first, False
        seen = {first.index}
        for index in range(self._tflite.operator_count):
            operator = self._tflite.operator(index)
            self._check_operator(operator, current)
            result = self._tflite.tensor(operator.outputs[0])
            if result.index in seen:
                self._refuse("tensors written twice or in a circle are not a chain", operator, result)
            seen.add(result.index)
            self._check_activation(result, operator)
            if ended:
                self._refuse("nothing may follow the conversion at the end", operator, result)
            if operator.code == raw.FULLY_CONNECTED:
                layers.append(self._layer(operator, current, result))
            elif not layers:
                if index:
                    self._refuse("only one conversion is supported before the first layer", operator, result)
                self._check_start(operator, current, result)
            else:
                self._check_end(operator, current, result)
                ended = True
            current = result
        if not layers:
            self._fail("has no FULLY_CONNECTED operator", hint=SUPPORTED)
        if current.index != last.index:
            self._fail(
                f"is not a chain: its output is tensor {last.name!r}, but the last operator writes {current.name!r}",
                hint=SUPPORTED,
                tensor=last.name,
            )
        return Model(
            source=self._data,
            sha256=hashlib.sha256(self._data).hexdigest(),
            input=self._end(first, layers[0].inputs),
            output=self._end(last, layers[-1].outputs),
            layers=tuple(layers),
        )

    # The frame around the chain

    def _open_graph(self) -> None:
        if self._tflite.version != raw.SCHEMA_VERSION:
            self._fail(f"has schema version {self._tflite.version}; {raw.SCHEMA_VERSION} is supported")
        if len(self._tflite.subgraphs) != 1:
            self._fail(f"has {len(self._tflite.subgraphs)} subgraphs; one is supported")
        self._tflite.open_graph()

    def _single(self, indices: tuple[int, ...], what: str) -> raw.RawTensor:
        if len(indices) != 1:
            self._fail(f"has {len(indices)} {what}s; one {what} tensor is supported")
        return self._tflite.tensor(indices[0])

    def _end(self, tensor: raw.RawTensor, count: int) -> Tensor:
        if tensor.type == raw.FLOAT32:
            return Tensor(tensor.name, np.dtype(np.float32), count, None)
        dtype = np.dtype(np.int8 if tensor.type == raw.INT8 else np.uint8)
        return Tensor(tensor.name, dtype, count, self._quantization(tensor, None))

    # One operator

    def _check_operator(self, operator: raw.RawOperator, current: raw.RawTensor) -> None:
        if operator.code not in raw.SUPPORTED:
            self._refuse("is not supported", operator, current)
        wanted = (2, 3) if operator.code == raw.FULLY_CONNECTED else (1,)
        if len(operator.inputs) not in wanted or len(operator.outputs) != 1:
            self._refuse(
                f"has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs", operator, current
            )
        if operator.inputs[0] != current.index:
            self._refuse("does not read what the operator before it wrote: not a chain", operator, current)

    def _check_activation(self, tensor: raw.RawTensor, operator: raw.RawOperator | None) -> None:
        if tensor.constant is not None or tensor.is_variable or tensor.external or tensor.sparse:
            self._refuse("an activation must be a plain tensor without stored data", operator, tensor)
        if tensor.type not in (raw.INT8, raw.UINT8, raw.FLOAT32):
            self._refuse(f"activations of {tensor.type_name} are not supported", operator, tensor)
        if not tensor.shape or any(n < 1 for n in tensor.shape):
            self._refuse("has no fixed shape", operator, tensor)

    def _check_start(self, operator: raw.RawOperator, source: raw.RawTensor, result: raw.RawTensor) -> None:
        if operator.code != raw.QUANTIZE or result.type != raw.INT8:
            self._refuse(f"converts {source.type_name} to {result.type_name}", operator, result)
        self._check_conversion(operator, source, result, uint8=source, int8=result)

    def _check_end(self, operator: raw.RawOperator, source: raw.RawTensor, result: raw.RawTensor) -> None:
        wanted = raw.UINT8 if operator.code == raw.QUANTIZE else raw.FLOAT32
        if source.type != raw.INT8 or result.type != wanted:
            self._refuse(f"converts {source.type_name} to {result.type_name}", operator, result)
        self._check_conversion(operator, source, result, uint8=result, int8=source)

    def _check_conversion(
        self,
        operator: raw.RawOperator,
        source: raw.RawTensor,
        result: raw.RawTensor,
        *,
        uint8: raw.RawTensor,
        int8: raw.RawTensor,
    ) -> None:
        if source.shape != result.shape:
            self._refuse("changes the shape", operator, result, shapes=(source.shape, result.shape))
        signed = self._quantization(int8, operator)
        if uint8.type != raw.UINT8:
            return
        unsigned = self._quantization(uint8, operator)
        if unsigned.scale != signed.scale or unsigned.zero_point != signed.zero_point + 128:
            self._refuse(
                f"rescales: {uint8.name!r} has scale {unsigned.scale}, zero point {unsigned.zero_point}, "
                f"{int8.name!r} has {signed.scale}, {signed.zero_point}; "
                "only equal scales with zero points 128 apart are supported",
                operator,
                result,
            )

    # Layers

    def _layer(
        self, operator: raw.RawOperator, source: raw.RawTensor, result: raw.RawTensor
    ) -> FullyConnected:
        activation, keep_dimensions = self._options(operator, result)
        weights_tensor = self._tflite.tensor(operator.inputs[1])
        for tensor in (source, weights_tensor, result):
            if tensor.type == raw.FLOAT32:
                self._refuse("computes in float32", operator, tensor, hint=QUANTISE)
            if tensor.type != raw.INT8:
                self._refuse(f"computes in {tensor.type_name}; only int8 is supported", operator, tensor)
        weights = self._weights(operator, weights_tensor)
        outputs, inputs = weights.shape
        if math.prod(source.shape) != inputs or (keep_dimensions and source.shape[-1] != inputs):
            self._refuse(
                f"weights of shape {weights.shape} do not fit an input of shape {source.shape}",
                operator,
                source,
                shapes=(source.shape, weights.shape),
            )
        if math.prod(result.shape) != outputs or result.shape[-1] != outputs:
            self._refuse(
                f"weights of shape {weights.shape} do not fit an output of shape {result.shape}",
                operator,
                result,
                shapes=(weights.shape, result.shape),
            )
        weight_scales, per_channel = self._weight_scales(operator, weights_tensor, outputs)
        q_in, q_out = self._quantization(source, operator), self._quantization(result, operator)
        multiplier, shift = _multipliers(q_in.scale * weight_scales / q_out.scale)
        clamp_min, clamp_max = self._clamp(activation, q_out, operator, result)
        return FullyConnected(
            name=result.name,
            weights=weights,
            bias=self._bias(operator, outputs),
            weight_scales=_frozen(weight_scales),
            per_channel=per_channel,
            input=q_in,
            output=q_out,
            activation=activation,
            multiplier=multiplier,
            shift=shift,
            clamp_min=clamp_min,
            clamp_max=clamp_max,
        )

    def _options(self, operator: raw.RawOperator, result: raw.RawTensor) -> tuple[Activation, bool]:
        options = operator.options
        if options is None or operator.options_type == 0:
            return "none", False
        if operator.options_type != raw.FULLY_CONNECTED_OPTIONS:
            self._refuse(f"has options of kind {operator.options_type}", operator, result)
        fused, weights_format = options.scalar(0, "b"), options.scalar(1, "b")
        name = raw.ACTIVATIONS.get(fused, f"activation {fused}")
        if name not in ("none", "relu", "relu6"):
            self._refuse(f"has the fused activation {name}; none, relu and relu6 are supported", operator, result)
        if weights_format:
            self._refuse(f"has weights in format {weights_format}; only the default is supported", operator, result)
        return cast(Activation, name), bool(options.scalar(2, "B"))

    def _weights(self, operator: raw.RawOperator, tensor: raw.RawTensor) -> NDArray[np.int8]:
        if len(tensor.shape) != 2 or min(tensor.shape) < 1:
            self._refuse("weights must be a matrix", operator, tensor, shapes=(tensor.shape,))
        return self._constant(operator, tensor, "<i1", tensor.shape)

    def _bias(self, operator: raw.RawOperator, outputs: int) -> NDArray[np.int32]:
        if len(operator.inputs) < 3 or operator.inputs[2] == -1:
            return _frozen(np.zeros(outputs, np.int32))
        tensor = self._tflite.tensor(operator.inputs[2])
        if tensor.type != raw.INT32:
            self._refuse(f"has a bias of {tensor.type_name}; int32 is supported", operator, tensor)
        if math.prod(tensor.shape) != outputs:
            self._refuse(
                f"has a bias of shape {tensor.shape} for {outputs} outputs",
                operator,
                tensor,
                shapes=(tensor.shape, (outputs,)),
            )
        return _frozen(self._constant(operator, tensor, "<i4", (outputs,)).astype(np.int32))

    def _constant(
        self, operator: raw.RawOperator, tensor: raw.RawTensor, dtype: str, shape: tuple[int, ...]
    ) -> NDArray[Any]:
        if tensor.external:
            self._refuse("keeps its data outside the file's tables, which is not supported", operator, tensor)
        if tensor.sparse:
            self._refuse("is sparse, which is not supported", operator, tensor)
        if tensor.constant is None or tensor.is_variable:
            self._refuse("must be a constant stored in the file", operator, tensor)
        wanted = math.prod(shape) * np.dtype(dtype).itemsize
        if tensor.constant.size != wanted:
            self._refuse(
                f"holds {tensor.constant.size} bytes where its shape {tensor.shape} needs {wanted}",
                operator,
                tensor,
                shapes=(tensor.shape,),
            )
        # Many tensors may share one buffer: a small file can claim gigabytes.
        self._constant_bytes += wanted
        if self._constant_bytes > MAX_CONSTANT_BYTES:
            self._fail(f"has more than {MAX_CONSTANT_BYTES} bytes of weights", hint="no microcontroller holds them")
        return tensor.constant.view(dtype).reshape(shape)

    # Quantisation

    def _quantization(self, tensor: raw.RawTensor, operator: raw.RawOperator | None) -> Quantization:
        q = self._checked_quantization(tensor, operator)
        if q.scales.size != 1:
            self._refuse(f"has {q.scales.size} scales; activations have one", operator, tensor)
        lowest = 0 if tensor.type == raw.UINT8 else -128
        zero_point = int(q.zero_points[0])
        if not lowest <= zero_point <= lowest + 255:
            self._refuse(f"has zero point {zero_point}, outside {tensor.type_name}", operator, tensor)
        return Quantization(scale=float(q.scales[0]), zero_point=zero_point)

    def _weight_scales(
        self, operator: raw.RawOperator, tensor: raw.RawTensor, outputs: int
    ) -> tuple[NDArray[np.float64], bool]:
        q = self._checked_quantization(tensor, operator)
        if q.zero_points.any():
            self._refuse("has a zero point other than 0, which int8 weights must have", operator, tensor)
        per_channel = q.scales.size > 1
        if per_channel and (q.scales.size != outputs or q.dimension != 0):
            self._refuse(
                f"has {q.scales.size} scales along dimension {q.dimension}; "
                f"one, or {outputs} along dimension 0, are supported",
                operator,
                tensor,
                shapes=(tensor.shape, (q.scales.size,)),
            )
        return np.broadcast_to(q.scales.astype(np.float64), (outputs,)).copy(), per_channel

    def _checked_quantization(
        self, tensor: raw.RawTensor, operator: raw.RawOperator | None
    ) -> raw.RawQuantization:
        q = tensor.quantization
        if q is None:
            self._refuse("has no scale", operator, tensor, hint=QUANTISE)
        if q.details:
            self._refuse("has a custom quantisation, which is not supported", operator, tensor)
        if q.zero_points.size != q.scales.size:
            self._refuse(f"has {q.scales.size} scales but {q.zero_points.size} zero points", operator, tensor)
        if not (np.isfinite(q.scales).all() and (q.scales > 0).all()):
            bad = q.scales[~(np.isfinite(q.scales) & (q.scales > 0))][0]
            self._refuse(f"has the scale {float(bad)}; a scale is finite and above 0", operator, tensor)
        return q

    def _clamp(
        self, activation: Activation, q: Quantization, operator: raw.RawOperator, result: raw.RawTensor
    ) -> tuple[int, int]:
        low, high = -128, 127
        if activation != "none":
            low = q.zero_point
        if activation == "relu6":
            # float32 division, halves away from zero, as CalculateActivationRangeQuantized does.
            with np.errstate(over="ignore"):
                six = float(np.float32(6) / np.float32(q.scale))
            if not six < 2**31 - 256:
                self._refuse(f"has the scale {q.scale}, too small to express 6 in int32", operator, result)
            high = min(high, q.zero_point + math.floor(six + 0.5))
        return low, high

    # Complaints

    def _refuse(
        self,
        problem: str,
        operator: raw.RawOperator | None,
        tensor: raw.RawTensor,
        *,
        hint: str = SUPPORTED,
        shapes: tuple[tuple[int, ...], ...] | None = None,
    ) -> NoReturn:
        name = operator.name if operator else None
        raise ModelError(
            f"{self._file}: {f'operator {name}, ' if name else ''}tensor {tensor.name[:80]!r} "
            f"({tensor.type_name}, shape {list(tensor.shape)}): {problem}",
            hint=hint,
            file=self._file,
            operator=name,
            tensor=tensor.name,
            shapes=(tensor.shape,) if shapes is None else shapes,
        )

    def _fail(self, problem: str, *, hint: str = "", **facts: object) -> NoReturn:
        raise ModelError(f"{self._file} {problem}", hint=hint, file=self._file, **facts)


def _multipliers(real: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    split = {value: quantize_multiplier(value) for value in set(real.tolist())}
    pairs = np.array([split[value] for value in real.tolist()], np.int32)
    return _frozen(pairs[:, 0].copy()), _frozen(pairs[:, 1].copy())


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
