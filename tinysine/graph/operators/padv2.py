"""PADV2: a given code around a value."""

from __future__ import annotations

from tinysine.graph.operator_reader import OperatorReader
from tinysine.graph.padding import Pad, read_pad
from tinysine.tflite import tflite_file as raw


def read(reader: OperatorReader) -> Pad:
    """Read one padding.

    Raises:
        ModelError: anything about it that is not supported.
    """
    reader.demand_inputs(3)
    code = reader.constant(2, raw.INT8)
    if code.size != 1:
        reader.refuse(f"has {code.size} codes to pad with; one is supported", reader.tensor(2))
    node = read_pad(reader, code=int(code.flat[0]))
    reader.demand_equal_codes(reader.constant_quantization(2), node.result, 2)
    return node
