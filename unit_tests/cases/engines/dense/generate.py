"""Write layers.h: the dense layers of an int8 .tflite file as C arrays. Usage: generate.py MODEL OUT."""

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

NO_LAYER = (schema.BuiltinOperator.RESHAPE,)  # the same numbers in another shape


def main(model: Path, out: Path) -> None:
    """Write layers.h into `out`."""
    file = schema.ModelT.InitFromPackedBuf(model.read_bytes(), 0)
    graph = file.subgraphs[0]
    texts, rows, widest = [], [], 0
    for operator in graph.operators:
        code = file.operatorCodes[operator.opcodeIndex]
        code = max(code.builtinCode, code.deprecatedBuiltinCode)
        if code in NO_LAYER:
            continue
        if code != schema.BuiltinOperator.FULLY_CONNECTED:
            names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
            sys.exit(f"error: this engine has no operator {names[code]}, only FULLY_CONNECTED and RESHAPE")
        into, weights, result = (graph.tensors[i] for i in (*operator.inputs[:2], operator.outputs[0]))
        if weights.type != schema.TensorType.INT8 or into.type != schema.TensorType.INT8:
            sys.exit("error: this engine takes int8 only")
        values = np.frombuffer(bytes(file.buffers[weights.buffer].data), np.int8).reshape(weights.shape)
        outputs, inputs = values.shape
        bias = np.zeros(outputs, np.int32)
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            bias = np.frombuffer(bytes(file.buffers[graph.tensors[operator.inputs[2]].buffer].data), np.int32)
        scales = np.asarray(weights.quantization.scale, np.float32).astype(np.float64)
        real = np.float64(into.quantization.scale[0]) * scales / np.float64(result.quantization.scale[0])
        real = np.broadcast_to(real, outputs)
        zero = int(result.quantization.zeroPoint[0])
        lowest, highest = -128, 127
        activation = operator.builtinOptions.fusedActivationFunction
        if activation != schema.ActivationFunctionType.NONE:
            lowest = max(lowest, zero)
        if activation == schema.ActivationFunctionType.RELU6:
            highest = min(highest, zero + round(6 / result.quantization.scale[0]))
        number = len(rows)
        texts += [
            array("int8_t", f"weights_{number}", values.ravel()),
            array("int32_t", f"bias_{number}", bias),
            array("double", f"multipliers_{number}", [float(m).hex() for m in real]),
        ]
        numbers = [inputs, outputs, int(into.quantization.zeroPoint[0]), zero, lowest, highest]
        rows.append(
            f"{{{', '.join(map(str, numbers))}, weights_{number}, bias_{number}, multipliers_{number}}}"
        )
        widest = max(widest, inputs, outputs)
    texts += [
        "static const struct dense_layer dense_layers[] = {" + ", ".join(rows) + "};",
        f"enum {{ DENSE_LAYERS = {len(rows)}, DENSE_WIDEST = {widest} }};",
    ]
    (out / "layers.h").write_text("\n".join(texts) + "\n")


def array(kind: str, name: str, values: object) -> str:
    """A constant C array."""
    return f"static const {kind} {name}[] = {{{', '.join(map(str, values))}}};"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
