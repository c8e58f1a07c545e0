"""Write graph.h: a .tflite file of a few operators as buffers, constants and calls. Usage: generate.py MODEL OUT."""

import math
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

OPERATOR, TYPE = schema.BuiltinOperator, schema.TensorType
C_TYPES = {TYPE.FLOAT32: "float", TYPE.INT16: "int16_t", TYPE.INT8: "int8_t"}
NUMPY = {TYPE.FLOAT32: "<f4", TYPE.INT8: "i1", TYPE.INT32: "<i4", TYPE.INT64: "<i8"}


class Graph:
    """A file, and the C that is made of it."""

    def __init__(self, data: bytes) -> None:
        self.file = schema.ModelT.InitFromPackedBuf(data, 0)
        self.graph = self.file.subgraphs[0]
        self.constants: list[str] = []
        self.calls: list[str] = []
        self.reference = "TS_MODEL_REFERENCE"  # floats are alike for all

    def text(self) -> str:
        """The whole of graph.h."""
        for operator in self.graph.operators:
            self.add(operator)
        used = {*self.graph.inputs, *self.graph.outputs}
        for operator in self.graph.operators:
            used |= {operator.inputs[0], *operator.inputs, *operator.outputs}
        buffers = [
            f"static TS_TENSOR_ALIGNED {C_TYPES[self.graph.tensors[i].type]} t{i}[{self.count(i)}];"
            for i in sorted(used - {-1})
            if not self.data(i)
        ]
        ends = [
            f"static void *const graph_{name}[] = {{{', '.join(f't{i}' for i in tensors)}}};"
            for name, tensors in (("inputs", self.graph.inputs), ("outputs", self.graph.outputs))
        ]
        reference = f"#define GRAPH_REFERENCE {self.reference}"
        run = ["static void graph_run(void) {", *(f"    {call};" for call in self.calls), "}"]
        return "\n".join([reference, *buffers, *self.constants, *ends, *run, ""])

    def add(self, operator: schema.OperatorT) -> None:
        """Call one operator."""
        entry = self.file.operatorCodes[operator.opcodeIndex]
        code = max(entry.builtinCode, entry.deprecatedBuiltinCode)
        into, out = operator.inputs[0], operator.outputs[0]
        if code == OPERATOR.FULLY_CONNECTED:
            self.add_dense(operator, into, out)
        elif code == OPERATOR.RESHAPE:
            self.calls.append(f"copy(t{out}, t{into}, sizeof t{out})")
        elif code == OPERATOR.CONCATENATION:
            at = 0
            for part in operator.inputs:
                self.calls.append(f"copy(t{out} + {at}, t{part}, sizeof t{part})")
                at += self.count(part)
        elif code == OPERATOR.QUANTIZE:
            self.calls.append(f"quantize(t{out}, {self.count(out)}, t{into}, {self.codes(out)})")
        elif code == OPERATOR.DEQUANTIZE:
            self.calls.append(f"dequantize(t{out}, {self.count(out)}, t{into}, {self.codes(into)})")
        else:
            names = {value: name for name, value in vars(OPERATOR).items()}
            sys.exit(f"error: this engine has no operator {names[code]}")

    def add_dense(self, operator: schema.OperatorT, into: int, out: int) -> None:
        """Call one dense layer."""
        weights = self.graph.tensors[operator.inputs[1]]
        values = self.values(operator.inputs[1]).reshape(weights.shape)
        outputs, inputs = values.shape
        biased = len(operator.inputs) > 2 and operator.inputs[2] >= 0
        bias = self.values(operator.inputs[2]) if biased else np.zeros(outputs, np.int32)
        relu = operator.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.RELU
        kind = C_TYPES[self.graph.tensors[into].type]
        sizes = f"t{out}, {outputs}, t{into}, {inputs}"
        if kind == "float":
            if weights.type == TYPE.INT8:
                scales = np.asarray(weights.quantization.scale, np.float32).reshape(-1, 1)
                values = values * scales
            constants = (self.constant("float", values), self.constant("float", bias))
            lowest = "0.0f" if relu else "-3.4e38f"
            self.calls.append(f"dense_f32({sizes}, {', '.join(constants)}, {lowest})")
            return
        real = self.scale(into) * np.asarray(weights.quantization.scale, np.float32).astype(np.float64)
        real = np.broadcast_to(real / self.scale(out), outputs)
        limits = np.iinfo(np.int8 if kind == "int8_t" else np.int16)
        zero = self.zero(out)
        ends = f"{max(limits.min, zero) if relu else limits.min}, {limits.max}"
        matrix = self.constant("int8_t", values)
        if kind == "int8_t":
            self.reference = "TS_REFERENCE_LITERT"
            constants = (matrix, self.constant("int32_t", bias), self.constant("double", real))
            self.calls.append(f"dense_s8({sizes}, {', '.join(constants)}, {self.zero(into)}, {zero}, {ends})")
            return
        self.reference = "TS_REFERENCE_TFLM"
        multipliers, shifts = zip(*(multiplier_of(m) for m in real), strict=True)
        constants = (
            matrix,
            self.constant("int64_t", bias),
            self.constant("int32_t", np.array(multipliers)),
            self.constant("int", np.array(shifts)),
        )
        self.calls.append(f"dense_s16({sizes}, {', '.join(constants)}, {ends})")

    def constant(self, kind: str, values: np.ndarray) -> str:
        """Add a constant array, and return its name."""
        name = f"c{len(self.constants)}"
        whole = np.issubdtype(values.dtype, np.integer) and kind not in ("float", "double")
        numbers = [str(v) if whole else float(v).hex() for v in np.ravel(values).tolist()]
        self.constants.append(f"static const {kind} {name}[] = {{{', '.join(numbers)}}};")
        return name

    def data(self, index: int) -> bytes:
        """The bytes of a constant; none of any other tensor."""
        data = self.file.buffers[self.graph.tensors[index].buffer].data
        return b"" if data is None else bytes(data)

    def values(self, index: int) -> np.ndarray:
        """The numbers of a constant."""
        return np.frombuffer(self.data(index), NUMPY[self.graph.tensors[index].type])

    def count(self, index: int) -> int:
        """Elements of a tensor."""
        return math.prod(self.graph.tensors[index].shape)

    def scale(self, index: int) -> float:
        """The scale of a tensor's codes."""
        return float(self.graph.tensors[index].quantization.scale[0])

    def zero(self, index: int) -> int:
        """The zero point of a tensor's codes."""
        return int(self.graph.tensors[index].quantization.zeroPoint[0])

    def codes(self, index: int) -> str:
        """Scale and zero point as arguments."""
        return f"{self.scale(index).hex()}f, {self.zero(index)}"


def multiplier_of(real: float) -> tuple[int, int]:
    """A factor as TensorFlow Lite Micro has it for int16: with 15 bits behind the point, and a shift to the right."""
    mantissa, exponent = math.frexp(real)
    q31 = math.floor(mantissa * (1 << 31) + 0.5)
    if q31 == 1 << 31:
        q31, exponent = q31 // 2, exponent + 1
    return (q31 + (1 << 15)) >> 16 if q31 < 0x7FFF0000 else 0x7FFF, 15 - exponent


if __name__ == "__main__":
    Path(sys.argv[2], "graph.h").write_text(Graph(Path(sys.argv[1]).read_bytes()).text())
