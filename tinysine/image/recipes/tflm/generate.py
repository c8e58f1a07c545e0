"""Write operators.h: the operators of a model, for TensorFlow Lite Micro's resolver. Usage: generate.py MODEL OUT."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

# A method is named for its operator: CONV_2D is AddConv2D. These are named otherwise.
EXCEPTIONS = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}
SIGNAL = "Signal"  # SignalWindow is AddWindow
CUSTOM = {
    "CIRCULAR_BUFFER": "AddCircularBuffer",
    "TFLite_Detection_PostProcess": "AddDetectionPostprocess",
    "TFLM_DECODE": "AddDecode",
    "ethos-u": "AddEthosU",
}
NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
ELEMENT_BYTES = {
    schema.TensorType.FLOAT32: 4,
    schema.TensorType.UINT8: 1,
    schema.TensorType.INT16: 2,
    schema.TensorType.INT8: 1,
}


def method(operator: str) -> str:
    """Name the resolver's method that adds a builtin operator."""
    return EXCEPTIONS.get(
        operator, "Add" + "".join(part.capitalize() for part in operator.split("_"))
    ).replace("2d", "2D")


def methods(model: schema.ModelT) -> Iterator[str]:
    """The methods that add what the model's operators need, each once."""
    used = dict.fromkeys(op.opcodeIndex for graph in model.subgraphs for op in graph.operators)
    for index in used:
        code = model.operatorCodes[index]
        if code.customCode is None:
            yield method(NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)])
            continue
        name = code.customCode.decode(errors="replace")
        if name not in CUSTOM and not name.startswith(SIGNAL):
            sys.exit(
                f"error: TensorFlow Lite Micro has no custom operator {name!r}; it has {', '.join(CUSTOM)}"
            )
        yield CUSTOM.get(name, "Add" + name.removeprefix(SIGNAL))


def input_bytes(model: schema.ModelT) -> int:
    """The room for all inputs, each rounded up to 16 bytes."""
    graph = model.subgraphs[0]
    total = 0
    for index in graph.inputs:
        tensor = graph.tensors[index]
        size = ELEMENT_BYTES[tensor.type]
        for dim in tensor.shape:
            size *= int(dim)
        total += (size + 15) & ~15
    return total


def main(file: Path, out: Path) -> None:
    """Write the header into `out`."""
    model = schema.ModelT.InitFromPackedBuf(file.read_bytes(), 0)
    adding = list(dict.fromkeys(methods(model)))
    calls = " &&\n           ".join(f"resolver.{name}() == kTfLiteOk" for name in adding) or "true"
    text = f"""\
/* The operators of one model. Generated for one build. Do not edit. */
#ifndef TFLM_OPERATORS_H
#define TFLM_OPERATORS_H
constexpr unsigned TFLM_OPERATORS = {max(len(adding), 1)};
constexpr unsigned TFLM_INPUT_BYTES = {input_bytes(model)};
static inline TfLiteStatus tflm_add_operators(tflite::MicroMutableOpResolver<TFLM_OPERATORS> &resolver) {{
    bool added = {calls};
    return added ? kTfLiteOk : kTfLiteError;
}}
#endif
"""
    (out / "operators.h").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
