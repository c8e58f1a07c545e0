"""Parts of operators that map each code to one code: a table of 256 answers, equal to the references'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ModelError
from tinysine.fixed_point import split_multiplier
from tinysine.graph.graph import Node, Value
from tinysine.graph.operator_reader import OperatorReader
from tinysine.quantization import INT32_MAX, IntArray, Rounding, requantize_double


@dataclass(frozen=True, eq=False)
class Lookup(Node):
    """An answer for each code.

    Attributes:
        tables: [256] in the dtype of the result, for the codes of the source from the least to the greatest, as each
            reference has them; read-only. None where its answers are not known.
        problem: why not, as a verb phrase.
    """

    tables: Mapping[Rounding, NDArray[Any] | None]
    problem: str = ""

    def with_rounding(self, rounding: Rounding) -> Lookup:
        """Return the node, if it has the answers of a reference.

        Raises:
            ModelError: it has not.
        """
        if self.tables[rounding.kernels] is None:
            other = Rounding.TFLM if rounding is Rounding.LITERT else Rounding.LITERT
            raise ModelError(
                f"{self.operator}, which makes {self.result.name!r}, {self.problem}",
                hint=f"hold it against the other reference: --reference {other}",
                operator=self.operator,
                tensor=self.result.name,
            )
        return self

    def table(self, rounding: Rounding) -> NDArray[Any]:
        """Return the answers of a reference; raises as `with_rounding`."""
        table = self.with_rounding(rounding).tables[rounding.kernels]
        assert table is not None
        return table


def lookup(
    reader: OperatorReader,
    source: Value,
    result: Value,
    answers: IntArray | None,
    *,
    tflm: IntArray | None = None,
    problem: str = "",
) -> Lookup:
    """Make a node of answers.

    Args:
        reader: of the operator.
        source, result: int8 or uint8.
        answers: [256], clamped to the codes of the result; None where LiteRT's are not known.
        tflm: those of TensorFlow Lite Micro, where they differ.
        problem: as of Lookup; needed where one of the two is not known.
    """
    if problem:  # one of the two is not known
        tables = {Rounding.LITERT: answers, Rounding.TFLM: tflm}
    else:
        tables = {Rounding.LITERT: answers, Rounding.TFLM: answers if tflm is None else tflm}
    return Lookup(
        operator=reader.name,
        sources=(source,),
        result=result,
        tables={rounding: _frozen(table, result) for rounding, table in tables.items()},
        problem=problem,
    )


def read_ends(reader: OperatorReader) -> tuple[Value, Value]:
    """Return the int8 source and the int8 result of the same shape of an operator that has no other inputs."""
    reader.demand_inputs(1)
    source = reader.source(0)
    return source, reader.result(shape=source.shape)


def codes_of(value: Value) -> IntArray:
    """Return every code of a value, from the least to the greatest: int64 [256]."""
    limits = np.iinfo(value.dtype)
    return np.arange(limits.min, limits.max + 1, dtype=np.int64)


def centred(value: Value) -> IntArray:
    """Return every code of a value less its zero point: int64 [256]."""
    return codes_of(value) - value.codes.zero_point


def clamped(value: Value, codes: IntArray) -> IntArray:
    """Return codes, held to those that a value can have."""
    limits = np.iinfo(value.dtype)
    return np.clip(codes, limits.min, limits.max)


def rescaled(reader: OperatorReader, codes: IntArray, real: float) -> IntArray:
    """Scale centred codes in integers, as both references do: in two roundings.

    Args:
        reader: to refuse with.
        codes: int64, within 9 bits.
        real: what they are multiplied by; 0 or more.
    Raises:
        ModelError: a result, or a step before it, that leaves int32, where the references are undefined.
    Source:
        MultiplyByQuantizedMultiplier of TensorFlow Lite.
    """
    if real == 0:
        return np.zeros_like(codes)
    reach = int(np.abs(codes).max(initial=1))
    multiplier, shift = split_multiplier(real) if np.isfinite(real) else (0, 32)
    if shift < -31:
        return np.zeros_like(codes)
    if reach << max(shift, 0) > INT32_MAX - 256:
        reader.refuse(f"scales its input by {real:g}: codes leave int32")
    return requantize_double(codes, np.array(multiplier), np.array(shift))


def float32_ratio(one: Value, other: Value) -> float:
    """Return the scale of one value by that of another, divided in float32."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(one.codes.scale) / np.float32(other.codes.scale))


def _frozen(table: IntArray | None, result: Value) -> NDArray[Any] | None:
    if table is None:
        return None
    frozen = table.astype(result.dtype)
    assert frozen.shape == (256,)
    assert (frozen == table).all()
    frozen.flags.writeable = False
    return frozen
