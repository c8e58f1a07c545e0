"""Each layer of the device against the reference's: where the first wrong number comes from, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.tensor_values import Values, numbers_of
from tinysine.verdicts.bits import bits_of
from tinysine.verdicts.outputs import Number
from tinysine.verdicts.stages import Finding, Stage
from tinysine.verdicts.tolerance import EQUAL, Tolerance
from tinysine.verdicts.wording import numbers_in_words

LONGEST_NAME = 40  # of a tensor, as shown


@dataclass(frozen=True)
class LayerDifference:
    """The first value that differs.

    Attributes:
        input: all of the input's values.
        element: index into the flattened tensor.
        expected, got: the value there.
    """

    input: tuple[Number, ...]
    element: int
    expected: Number
    got: Number


@dataclass(frozen=True)
class LayerRow:
    """One tensor that a layer writes: of the model cut off behind that layer, on the device.

    Attributes:
        layer: number of the operator in the file, from 0.
        operator: its name, such as "CONV_2D".
        tensor: name of what it writes.
        not_asked: why the device could not be asked; "" where it was. All that follows is empty then.
        dtype: of the tensor.
        values: of the tensor, in one inference.
        checked: inferences compared.
        differing: values that differ, over all of them.
        max_abs_diff: the largest difference; None where it is no finite number.
        first: the first that differs.
        model_cost: of one inference of the model that ends here; None where it was not measured.
        model_noise: by how much that may be off; None where the count is exact.
        cost: how much more it is than for the model that ends before; None where that is not known, or lost in noise.
        cost_from: the first layer that `cost` covers: less than `layer` where those between were not asked.
        model_estimated_cycles: of one inference of the model that ends here, as the emulator estimates them; None where
            nothing does.
        estimated_cycles: how much more that is, as `cost`.
    """

    layer: int
    operator: str
    tensor: str
    not_asked: str = ""
    dtype: str = ""
    values: int = 0
    checked: int = 0
    differing: int = 0
    max_abs_diff: Number | None = None
    first: LayerDifference | None = None
    model_cost: Number | None = None
    model_noise: Number | None = None
    cost: Number | None = None
    cost_from: int | None = None
    model_estimated_cycles: Number | None = None
    estimated_cycles: Number | None = None

    @property
    def name(self) -> str:
        """The layer as people are told of it, such as "layer 2 (FULLY_CONNECTED dense_1)"."""
        tensor = self.tensor.partition(";")[0]  # the converter joins the names of all that it fused
        if len(tensor) > LONGEST_NAME:
            tensor = f"...{tensor[-LONGEST_NAME:]}"
        return f"layer {self.layer} ({f'{self.operator} {tensor}'.rstrip()})"


@dataclass(frozen=True)
class LayersVerdict:
    """All layers of a run.

    Attributes:
        passed: every layer that was asked is equal, or within a tolerance that was asked for, and one was.
        reference: name of the oracle that each cut model was also given to.
        unit: of costs; "" where none was measured.
        rows: in the file's order.
        finding: the first layer that is wrong; None when passed.
    """

    passed: bool
    reference: str
    unit: str
    rows: tuple[LayerRow, ...]
    finding: Finding | None


def compare_layer(row: LayerRow, *, inputs: Values, device: NDArray[Any], expected: NDArray[Any]) -> LayerRow:
    """Return the row with what differs, bit for bit.

    Args:
        row: which layer.
        inputs: [n, inputs] of the model; a tuple of these for several inputs.
        device, expected: [n, values] of the tensor, in one dtype.
    Raises:
        ValueError: device and reference gave arrays of another shape or dtype.
    """
    if device.shape != expected.shape or device.dtype != expected.dtype:
        raise ValueError(f"{device.dtype} {device.shape} against {expected.dtype} {expected.shape}")
    wrong = bits_of(device) != bits_of(expected)
    first = None
    if wrong.any():
        index, element = (int(at) for at in np.argwhere(wrong)[0])
        first = LayerDifference(
            numbers_of(inputs, index),
            element,
            expected[index, element].item(),
            device[index, element].item(),
        )
    return replace(
        row,
        dtype=device.dtype.name,
        values=device.shape[1],
        checked=len(device),
        differing=int(np.count_nonzero(wrong)),
        max_abs_diff=_largest(device, expected),
        first=first,
    )


def judge_layers(
    rows: Sequence[LayerRow],
    *,
    reference: str,
    unit: str,
    crash: Finding | None = None,
    tolerance: Tolerance = EQUAL,
) -> LayersVerdict:
    """Find the first layer that is wrong, and share the costs out.

    Args:
        rows: in the file's order, with `model_cost` where it was measured.
        reference: name of the oracle.
        unit: of costs.
        crash: what ended the examination of a layer early.
        tolerance: by which values may be off and pass, by the dtype of the layer.
    """
    told = _with_costs(rows)
    wrong = next((row for row in told if row.differing and not _is_within(row, tolerance)), None)
    finding = None if wrong is None else Finding(Stage.ENGINE, difference_in_words(wrong))
    if finding is None:
        finding = crash
    if finding is None and not any(row.checked for row in told):
        finding = Finding(Stage.HARNESS, "no layer could be asked, so nothing is shown of any")
    return LayersVerdict(finding is None, reference, unit, told, finding)


def _is_within(row: LayerRow, tolerance: Tolerance) -> bool:
    most = tolerance.of(np.dtype(row.dtype))
    return most > 0 and row.max_abs_diff is not None and row.max_abs_diff <= most


def difference_in_words(row: LayerRow) -> str:
    """Say how much of a layer differs, by how much, and where first."""
    assert row.first is not None
    verb = "differs" if row.differing == 1 else "differ"
    most = "" if row.max_abs_diff is None else f", by at most {row.max_abs_diff:g}"
    first = row.first
    expected, got = numbers_in_words([first.expected]), numbers_in_words([first.got])
    return (
        f"{row.name}: {row.differing:,} of {row.checked:,} x {row.values:,} values {verb}{most}; "
        f"first at input {numbers_in_words(first.input)}, value {first.element}: expected {expected}, got {got}"
    )


def _largest(device: NDArray[Any], expected: NDArray[Any]) -> Number | None:
    if device.size == 0:
        return None
    if np.issubdtype(device.dtype, np.integer):
        return int(np.max(np.abs(device.astype(np.int64) - expected.astype(np.int64))))
    with np.errstate(invalid="ignore", over="ignore"):  # a NaN, and the difference of two infinities
        largest = float(np.max(np.abs(device.astype(np.float64) - expected.astype(np.float64))))
    return largest if np.isfinite(largest) else None


def _with_costs(rows: Sequence[LayerRow]) -> tuple[LayerRow, ...]:
    """The rows with the cost of each layer: of the model that ends with it, less that of the one that ends before."""
    told: list[LayerRow] = []
    before = LayerRow(-1, "", "", model_cost=0, model_estimated_cycles=0)  # the last one whose cost is known
    for row in rows:
        # The second tensor of a layer costs nothing by itself.
        if row.model_cost is None or before.model_cost is None or row.layer == before.layer:
            told.append(row)
            continue
        cost, noise = row.model_cost - before.model_cost, (row.model_noise or 0) + (before.model_noise or 0)
        if abs(cost) < noise:
            told.append(row)
            continue
        cycles = _more_cycles(row, before)
        told.append(replace(row, cost=cost, cost_from=before.layer + 1, estimated_cycles=cycles))
        before = row
    return tuple(told)


def _more_cycles(row: LayerRow, before: LayerRow) -> Number | None:
    if row.model_estimated_cycles is None or before.model_estimated_cycles is None:
        return None
    return round(row.model_estimated_cycles - before.model_estimated_cycles, 2)
