"""Reader of one operator: its values, constants and options, each checked, and its refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.clamps import clamp_of
from tinysine.graph.graph import Value
from tinysine.graph.layer_reader import MAX_CONSTANT_BYTES, MAX_NEURONS, read_constant
from tinysine.graph.refusal import SUPPORTED, refuse
from tinysine.quantization import Quantization
from tinysine.tflite import tflite_file as raw
from tinysine.tflite.flatbuffer import Table
from tinysine.tflite.raw_quantization import read_quantization
from tinysine.tflite.refusal import CONVERT_AGAIN

DTYPES = {raw.FLOAT32: np.float32, raw.UINT8: np.uint8, raw.INT8: np.int8}
MAX_VALUE_BYTES = 16 << 20  # of one value: no microcontroller has as much RAM
MAX_RANK = 6


@dataclass
class Budget:
    """Memory that a file may still ask for: a small file can claim gigabytes, as tensors may share a buffer."""

    constant_bytes: int = MAX_CONSTANT_BYTES
    neurons: int = MAX_NEURONS


class OperatorReader:
    """One operator of a file, while it is read.

    Args:
        tflite: with its graph open.
        operator: the operator.
        values: of the graph so far, by tensor index; the operator's own result is added.
        folded: int32 that are known while reading, by tensor index, such as a shape; SHAPE and the like add theirs.
        budget: of the whole file, what may still be read.
        file: for messages.
    """

    def __init__(
        self,
        tflite: raw.TfliteFile,
        operator: raw.RawOperator,
        values: dict[int, Value],
        folded: dict[int, NDArray[np.int32]],
        budget: Budget,
        *,
        file: str,
    ) -> None:
        self._tflite = tflite
        self._operator = operator
        self._values = values
        self._folded = folded
        self._budget = budget
        self._file = file

    @property
    def name(self) -> str:
        """As the schema calls the operator."""
        return self._operator.name

    def demand_inputs(self, *counts: int) -> None:
        """Refuse another number of inputs, and any number of outputs but one."""
        inputs, outputs = len(self._operator.inputs), len(self._operator.outputs)
        if inputs not in counts or outputs != 1:
            self.refuse(f"has {inputs} inputs and {outputs} outputs")

    @property
    def input_count(self) -> int:
        """Return the number of inputs that the operator names; an optional one that is absent counts."""
        return len(self._operator.inputs)

    def has(self, position: int) -> bool:
        """Tell whether there is an input at a position."""
        return position < self.input_count and self._operator.inputs[position] >= 0

    def tensor(self, position: int) -> raw.RawTensor:
        """Return an input as it stands in the file."""
        if not self.has(position):
            self.refuse(f"has no input {position}")
        return self._tflite.tensor(self._operator.inputs[position])

    def is_constant(self, position: int) -> bool:
        """Tell whether an input is stored in the file."""
        return self.has(position) and self._operator.inputs[position] not in self._values

    def source(self, position: int, *dtypes: type[np.generic]) -> Value:
        """Return an input that is computed before.

        Args:
            position: among the operator's inputs.
            dtypes: allowed; int8 where none is given.
        Raises:
            ModelError: a constant, a tensor that nothing has written, or another dtype.
        """
        tensor = self.tensor(position)
        value = self._values.get(tensor.index)
        if value is None:
            if tensor.constant is not None:
                self.refuse("is a constant; it must be computed", tensor)
            problem = "is read before anything writes it: the graph has a circle or a loose end"
            self.refuse(problem, tensor, hint=CONVERT_AGAIN)
        self._demand_dtype(value.dtype, dtypes, tensor)
        return value

    def result(self, *dtypes: type[np.generic], shape: tuple[int, ...]) -> Value:
        """Return what the operator writes, and let later operators read it.

        Args:
            dtypes: allowed; int8 where none is given.
            shape: that the operator makes, with as many dimensions as it has.
        Raises:
            ModelError: written before, or of another shape or dtype than the operator makes.
        """
        tensor = self._written_once()
        value = read_value(tensor, file=self._file, operator=self._operator)
        self._demand_dtype(value.dtype, dtypes, tensor)
        if value.shape != shape:
            problem = f"has the shape {list(value.shape)}, and the operator makes {list(shape)}"
            self.refuse(problem, tensor, hint=CONVERT_AGAIN)
        self._values[tensor.index] = value
        return value

    def fold(self, numbers: NDArray[np.int32]) -> None:
        """Let later operators read what the operator writes: int32 that are known while reading.

        Raises:
            ModelError: written before, or of another shape or dtype than the operator makes.
        """
        tensor = self._written_once()
        if tensor.type != raw.INT32:
            self.refuse(f"has {tensor.type_name} where int32 is supported", tensor)
        if tensor.shape != numbers.shape:
            problem = f"has the shape {list(tensor.shape)}, and the operator makes {list(numbers.shape)}"
            self.refuse(problem, tensor, hint=CONVERT_AGAIN)
        self._folded[tensor.index] = numbers

    def _written_once(self) -> raw.RawTensor:
        tensor = self._tflite.tensor(self._operator.outputs[0])
        if tensor.index in self._values or tensor.index in self._folded:
            self.refuse("is written twice, or is an input of the model", tensor, hint=CONVERT_AGAIN)
        return tensor

    @property
    def written_shape(self) -> tuple[int, ...]:
        """The shape of the result as the file has it."""
        return self._tflite.tensor(self._operator.outputs[0]).shape

    def constant(
        self, position: int, type_code: int, *, shape: tuple[int, ...] | None = None
    ) -> NDArray[Any]:
        """Return an input that is stored in the file, read-only.

        Args:
            position: among the operator's inputs.
            type_code: INT8 or INT32, as in tinysine.tflite.tflite_file.
            shape: demanded; its own where none is given.
        Raises:
            ModelError: computed, of another dtype or shape, or more than the file's constants may have in all.
        """
        tensor = self.tensor(position)
        if tensor.type != type_code:
            self.refuse(f"has {tensor.type_name} where {raw.TENSOR_TYPES[type_code]} is supported", tensor)
        if any(n < 1 for n in tensor.shape):
            self.refuse("has no fixed shape", tensor)
        if shape is not None and tensor.shape != shape:
            self.refuse(f"has the shape {list(tensor.shape)} where {list(shape)} is needed", tensor)
        self.count(position)
        dtype = "<i1" if type_code == raw.INT8 else "<i4"
        return read_constant(self._operator, tensor, dtype, tensor.shape, file=self._file)

    def count(self, position: int) -> None:
        """Count the bytes of a constant, by its shape, among those of all constants.

        Raises:
            ModelError: no microcontroller holds them all.
        """
        tensor = self.tensor(position)
        self._budget.constant_bytes -= math.prod(tensor.shape) * (4 if tensor.type == raw.INT32 else 1)
        if self._budget.constant_bytes < 0:
            problem = (
                f"brings the constants beyond {MAX_CONSTANT_BYTES:,} bytes: no microcontroller holds them"
            )
            self.refuse(problem, tensor)

    def count_neurons(self, neurons: int) -> None:
        """Count outputs whose integers have to be proved one by one.

        Raises:
            ModelError: no microcontroller holds them all.
        """
        self._budget.neurons -= neurons
        if self._budget.neurons < 0:
            self.refuse(f"brings the file beyond {MAX_NEURONS} neurons: no microcontroller holds them")

    def numbers(self, position: int, *, most: int = 64) -> tuple[int, ...]:
        """Return a small list of int32 that is known while reading, such as a shape, axes or paddings."""
        return tuple(int(n) for n in self.known(position, most=most).ravel())

    def known(self, position: int, *, most: int = 64) -> NDArray[np.int32]:
        """Return int32 that are known while reading: stored in the file, or folded.

        Args:
            position: among the operator's inputs.
            most: as many are allowed.
        Raises:
            ModelError: data that is computed, another dtype, or more of them.
        """
        tensor = self.tensor(position)
        if tensor.index in self._folded:
            return self._folded[tensor.index]
        if tensor.index in self._values:
            self.refuse(f"has {tensor.type_name} data where int32 known at build time are supported", tensor)
        if tensor.constant is None and tensor.type == raw.INT32 and tensor.shape == (0,):
            return np.zeros(0, np.int32)  # of which the file stores nothing
        if tensor.constant is None:
            self.refuse("must be a constant stored in the file, or follow from the shapes in it", tensor)
        if math.prod(tensor.shape) > most:
            self.refuse(f"has {math.prod(tensor.shape)} numbers; up to {most} make sense", tensor)
        return self.constant(position, raw.INT32).astype(np.int32)

    def constant_quantization(self, position: int) -> Quantization:
        """Return the one scale and zero point of an int8 constant."""
        return read_quantization(self._file, self.tensor(position), self._operator)

    def option(self, slot: int, form: str, default: int = 0, *, kind: int) -> int:
        """Return a scalar of the operator's options.

        Args:
            slot: in the options' table.
            form: as of module struct.
            default: where the file leaves it out.
            kind: the options' number in the schema's union BuiltinOptions.
        Raises:
            ModelError: options of another kind.
        """
        options = self._options(kind)
        return default if options is None else options.scalar(slot, form, default)

    def _options(self, kind: int) -> Table | None:
        if self._operator.options is None or self._operator.options_type == 0:
            return None
        if self._operator.options_type != kind:
            self.refuse(f"has options of kind {self._operator.options_type}, not {kind}")
        return self._operator.options

    def option_numbers(self, slot: int, *, kind: int) -> tuple[int, ...]:
        """Return a list of int32 of the operator's options, empty where the file leaves it out.

        Raises:
            ModelError: options of another kind, or more numbers than dimensions.
        """
        options = self._options(kind)
        found = None if options is None else options.array(slot, "<i4")
        if found is None:
            return ()
        if found.size > MAX_RANK:
            self.refuse(f"has {found.size} numbers; up to {MAX_RANK} make sense")
        return tuple(int(n) for n in found)

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis counted from the first.

        Args:
            axis: negative where it is counted from the last.
            rank: how many there are.
        Raises:
            ModelError: there is no such axis.
        """
        if not -rank <= axis < rank:
            self.refuse(f"has the axis {axis}, and there are {rank} dimensions", hint=CONVERT_AGAIN)
        return axis % rank

    def demand_equal_codes(self, codes: Quantization, result: Value, position: int) -> None:
        """Refuse codes of an input that do not mean the same in the result, as both references do."""
        if codes != result.quantization:
            other = result.codes
            self.refuse(
                f"has the scale {codes.scale:g} and zero point {codes.zero_point}, its result {other.scale:g} and "
                f"{other.zero_point}; they must be equal",
                self.tensor(position),
            )

    def real_option(self, slot: int, *, kind: int) -> float:
        """Return a float32 of the operator's options, 0.0 where the file leaves it out; raises as `option`."""
        bits = self.option(slot, "I", kind=kind)
        return float(np.array(bits, np.uint32).view(np.float32))

    def clamp(self, fused: int, q: Quantization) -> tuple[int, int]:
        """Return the least and the greatest code that a fused activation leaves.

        Args:
            fused: its number in the schema.
            q: quantisation of the operator's result.
        Raises:
            ModelError: an activation that cannot be fused.
        """
        tensor = self._tflite.tensor(self._operator.outputs[0])
        return clamp_of(fused, q, self._operator, tensor, file=self._file)

    def refuse(self, problem: str, tensor: raw.RawTensor | None = None, *, hint: str = SUPPORTED) -> NoReturn:
        """Raise the ModelError that names the operator and a tensor; without one, what the operator writes."""
        if tensor is None:
            indices = self._operator.outputs or tuple(i for i in self._operator.inputs if i >= 0)
            tensor = self._tflite.tensor(indices[0] if indices else 0)
        refuse(self._file, problem, self._operator, tensor, hint=hint)

    @property
    def raw_operator(self) -> raw.RawOperator:
        """The operator as it stands in the file."""
        return self._operator

    @property
    def raw_result(self) -> raw.RawTensor:
        """Return the tensor that the operator writes, as it is in the file."""
        return self._tflite.tensor(self._operator.outputs[0])

    @property
    def tflite(self) -> raw.TfliteFile:
        """The file."""
        return self._tflite

    @property
    def file(self) -> str:
        """The file's name, for messages."""
        return self._file

    def _demand_dtype(
        self, dtype: np.dtype[Any], dtypes: tuple[type[np.generic], ...], tensor: raw.RawTensor
    ) -> None:
        allowed = [np.dtype(each) for each in dtypes or (np.int8,)]
        if dtype not in allowed:
            names = " or ".join(each.name for each in allowed)
            self.refuse(f"has {dtype} where {names} is supported", tensor)


def read_value(tensor: raw.RawTensor, *, file: str, operator: raw.RawOperator | None = None) -> Value:
    """Read a tensor that is computed, or given at an input.

    Args:
        tensor: as in the file.
        file: for messages.
        operator: that writes it; None for an input.
    Raises:
        ModelError: a constant, or a dtype, shape or quantisation that is not supported.
    """
    if tensor.constant is not None or tensor.is_variable or tensor.external or tensor.sparse:
        refuse(file, "an activation must be a plain tensor without stored data", operator, tensor)
    if tensor.type not in DTYPES:
        refuse(file, f"activations of {tensor.type_name} are not supported", operator, tensor)
    if len(tensor.shape) > MAX_RANK:
        refuse(file, f"has {len(tensor.shape)} dimensions; up to {MAX_RANK} are supported", operator, tensor)
    if any(n < 1 for n in tensor.shape):
        refuse(file, "has no fixed shape", operator, tensor)
    dtype = np.dtype(DTYPES[tensor.type])
    if math.prod(tensor.shape) * dtype.itemsize > MAX_VALUE_BYTES:
        refuse(file, f"has more than {MAX_VALUE_BYTES:,} bytes", operator, tensor)
    quantization = None if tensor.type == raw.FLOAT32 else read_quantization(file, tensor, operator)
    return Value(tensor.name, dtype, tensor.shape, quantization)
