"""Sizes of the network in each of its forms."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.training.conversion import Converted


@dataclass(frozen=True)
class SizeRow:
    """One line of the size table.

    Attributes:
        form: what is measured.
        size_bytes: how large it is.
        remark: where it is that large.
    """

    form: str
    size_bytes: int
    remark: str


def size_table(
    converted: Converted, *, parameters: int | None, c_source: str | None = None
) -> tuple[SizeRow, ...]:
    """Compare the sizes of one network's forms.

    Args:
        converted: its TensorFlow Lite files.
        parameters: how many weights and biases the Keras model has; None where that is not known.
        c_source: text of the C array of the int8 file, if it was made.
    """
    integer = len(converted.int8_tflite)
    remark_int8 = "file"
    if integer > len(converted.float_tflite):
        # Beside the weights a file holds tables, and more of them where there are scales: some hundred bytes.
        remark_int8 = "file; the tables in it outweigh the weights of so small a network"
    rows = []
    if parameters is not None:
        remark = f"{parameters} float32 values, without any file around them"
        rows.append(SizeRow("Keras parameters", 4 * parameters, remark))
    rows += [
        SizeRow("TensorFlow Lite, float", len(converted.float_tflite), "file"),
        SizeRow("TensorFlow Lite, dynamic range", len(converted.dynamic_tflite), "file"),
        SizeRow("TensorFlow Lite, int8", integer, remark_int8),
    ]
    if c_source is not None:
        rows.append(
            SizeRow("C array, int8", integer, "in flash, for an interpreter; tinysine's engine needs less")
        )
        rows.append(SizeRow("C source of the array", len(c_source.encode()), "text on this computer"))
    return tuple(rows)
