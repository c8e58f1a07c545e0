"""One FULLY_CONNECTED operator of a file -> one layer, its requantisation split into integers."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.clamps import clamp_of
from tinysine.graph.network import FullyConnected
from tinysine.graph.refusal import refuse
from tinysine.quantization import quantize_multipliers
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.raw_quantization import read_quantization, read_weight_scales
from tinysine.tflite.refusal import QUANTISE
from tinysine.tflite.tflite_file import Activation

# As much flash as the largest board has. Many tensors may share one buffer: a small file can claim gigabytes.
MAX_CONSTANT_BYTES = 4 << 20
# Of all layers together: each is proved on some 500 accumulators, which takes up to 0.3 ms.
MAX_NEURONS = 32768
MAX_WIDTH = 65535  # the engine counts the inputs and the outputs of a layer in 16 bits
_BIAS_SCALE_TOLERANCE = 0.02  # of the output scale, as both references' kernels demand


def read_layer(
    tflite: raw.TfliteFile,
    operator: raw.RawOperator,
    source: raw.RawTensor,
    result: raw.RawTensor,
    *,
    file: str,
    rows: int | None = None,
) -> FullyConnected:
    """Read one layer.

    Args:
        tflite: where its constants are.
        operator: a FULLY_CONNECTED.
        source, result: the activations it reads and writes.
        file: for messages.
        rows: how many times the layer is applied to an inference; any number where None is given.
    Raises:
        ModelError: anything about it that is not supported.
        Damaged: an offset that leads nowhere.
    """
    fused, keep_dimensions = _options(operator, result, file)
    weights_tensor = tflite.tensor(operator.inputs[1])
    for tensor in (source, weights_tensor, result):
        if tensor.type == raw.FLOAT32:
            refuse(file, "computes in float32", operator, tensor, hint=QUANTISE)
        if tensor.type != raw.INT8:
            refuse(file, f"computes in {tensor.type_name}; only int8 is supported", operator, tensor)
    weights = _weights(operator, weights_tensor, file)
    outputs, inputs = weights.shape
    elements = math.prod(source.shape)
    if elements % inputs or (rows is not None and elements != rows * inputs):
        problem = f"weights of shape {weights.shape} do not fit an input of shape {source.shape}"
        refuse(file, problem, operator, source, shapes=(source.shape, weights.shape))
    if keep_dimensions and source.shape[-1:] != (inputs,):
        problem = f"weights of shape {weights.shape} do not fit an input of shape {source.shape}"
        refuse(file, problem, operator, source, shapes=(source.shape, weights.shape))
    if math.prod(result.shape) != elements // inputs * outputs or result.shape[-1:] != (outputs,):
        problem = f"weights of shape {weights.shape} do not fit an output of shape {result.shape}"
        refuse(file, problem, operator, result, shapes=(weights.shape, result.shape))

    weight_scales, per_channel = read_weight_scales(file, weights_tensor, operator, outputs)
    q_in, q_out = read_quantization(file, source, operator), read_quantization(file, result, operator)
    real = q_in.scale * weight_scales / q_out.scale
    if (real >= 2.0**30).any():
        refuse(file, f"scales its accumulator by {real.max():g}, 2**30 or more", operator, result)
    multiplier, shift = quantize_multipliers(real)
    clamp_min, clamp_max = clamp_of(fused, q_out, operator, result, file=file)
    bias = _bias(tflite, operator, outputs, file)
    if not per_channel:
        _check_bias_scale(
            tflite, operator, product=q_in.scale * weight_scales[0], output=q_out.scale, file=file
        )
    return FullyConnected(
        name=result.name,
        weights=weights,
        bias=_frozen(bias),
        weight_scales=_frozen(weight_scales),
        per_channel=per_channel,
        input=q_in,
        output=q_out,
        activation=cast(Activation, raw.ACTIVATIONS[fused]),
        multiplier=_frozen(multiplier),
        shift=_frozen(shift),
        clamp_min=clamp_min,
        clamp_max=clamp_max,
    )


def _options(operator: raw.RawOperator, result: raw.RawTensor, file: str) -> tuple[int, bool]:
    """Return the number of the fused activation, and whether the result has the input's dimensions."""
    options = operator.options
    if options is None or operator.options_type == 0:
        return 0, False
    if operator.options_type != raw.FULLY_CONNECTED_OPTIONS:
        refuse(file, f"has options of kind {operator.options_type}", operator, result)
    if weights_format := options.scalar(1, "b"):
        refuse(
            file, f"has weights in format {weights_format}; only the default is supported", operator, result
        )
    return options.scalar(0, "b"), bool(options.scalar(2, "B"))


def _weights(operator: raw.RawOperator, tensor: raw.RawTensor, file: str) -> NDArray[np.int8]:
    if len(tensor.shape) != 2 or min(tensor.shape) < 1 or max(tensor.shape) > MAX_WIDTH:
        problem = f"weights must be a matrix, up to {MAX_WIDTH} wide and high"
        refuse(file, problem, operator, tensor)
    return read_constant(operator, tensor, "<i1", tensor.shape, file=file)


def _bias(tflite: raw.TfliteFile, operator: raw.RawOperator, outputs: int, file: str) -> NDArray[np.int32]:
    tensor = _bias_tensor(tflite, operator)
    if tensor is None:
        return np.zeros(outputs, np.int32)
    if tensor.type != raw.INT32:
        refuse(file, f"has a bias of {tensor.type_name}; int32 is supported", operator, tensor)
    if tensor.shape != (outputs,):
        problem = f"has a bias of shape {tensor.shape} for {outputs} outputs"
        refuse(file, problem, operator, tensor, shapes=(tensor.shape, (outputs,)))
    return read_constant(operator, tensor, "<i4", (outputs,), file=file).astype(np.int32)


def _check_bias_scale(
    tflite: raw.TfliteFile, operator: raw.RawOperator, *, product: float, output: float, file: str
) -> None:
    """Both references refuse a per-tensor layer whose bias is not in the scale of its accumulator."""
    tensor = _bias_tensor(tflite, operator)
    if tensor is None:
        return
    # The references know the scale of a tensor as 0 where there is not exactly one.
    q = tensor.quantization
    scale = float(q.scales[0]) if q is not None and q.scales.size == 1 else 0.0
    if not abs(product - scale) / output <= _BIAS_SCALE_TOLERANCE:
        problem = f"has a bias in the scale {scale:g}, where input and weights make {product:g}"
        refuse(file, problem, operator, tensor)


def _bias_tensor(tflite: raw.TfliteFile, operator: raw.RawOperator) -> raw.RawTensor | None:
    if len(operator.inputs) < 3 or operator.inputs[2] == -1:
        return None
    return tflite.tensor(operator.inputs[2])


def read_constant(
    operator: raw.RawOperator, tensor: raw.RawTensor, dtype: str, shape: tuple[int, ...], *, file: str
) -> NDArray[Any]:
    """Return a tensor that is stored in the file, a read-only view of its bytes.

    Args:
        operator: that reads it.
        tensor: as in the file.
        dtype: of numpy, little-endian.
        shape: of the result.
        file: for messages.
    Raises:
        ModelError: it is not stored plainly, or holds another number of bytes.
    """
    if tensor.external:
        refuse(file, "keeps its data outside the file's tables, which is not supported", operator, tensor)
    if tensor.sparse:
        refuse(file, "is sparse, which is not supported", operator, tensor)
    if tensor.constant is None or tensor.is_variable:
        refuse(file, "must be a constant stored in the file", operator, tensor)
    wanted = math.prod(shape) * np.dtype(dtype).itemsize
    if tensor.constant.size != wanted:
        refuse(file, f"holds {tensor.constant.size} bytes where its shape needs {wanted}", operator, tensor)
    return tensor.constant.view(dtype).reshape(shape)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
