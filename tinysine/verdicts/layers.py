"""Each layer of the device against the reference's: where the first wrong number comes from, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tinysine.bits import bits_of, largest_difference
from tinysine.record import AS_UNIT, Count, Distance, Inference, Number, Positive, Record, Value, Words, fact
from tinysine.tensor_values import Values, numbers_of
from tinysine.verdicts.stages import Finding, Stage
from tinysine.verdicts.tolerance import EQUAL, Tolerance
from tinysine.verdicts.wording import numbers_in_words

LONGEST_NAME = 40  # of a tensor, as shown


class LayerDifference(Record):
    """The first value of a layer that differs."""

    input: Annotated[Inference, fact("all of the input's values")]
    element: Annotated[Count, fact("index into the flattened tensor")]
    expected: Annotated[Value, fact("what the reference has there")]
    got: Annotated[Value, fact("what the device has there")]


class LayerRow(Record):
    """One tensor that an operator of the file writes, from the model cut off after it, on the device."""

    layer: Annotated[Count, fact("number of the operator in the file, from 0")]
    operator: Annotated[Words, fact("its name, such as `CONV_2D`")]
    tensor: Annotated[str, fact("name of what it writes")]
    not_asked: Annotated[
        Words, fact("why the device could not run it; the row has no other figures then")
    ] = ""
    dtype: Annotated[Words, fact("of the tensor")] = ""
    values: Annotated[Positive, fact("of the tensor, in one inference")] = 0
    checked: Annotated[Positive, fact("inferences compared")] = 0
    differing: Annotated[
        Count | None, fact("values that differ, bit for bit, over all inferences", better="lower")
    ] = None
    max_abs_diff: Annotated[
        Distance | None, fact("the largest difference; absent where it is no finite number", better="lower")
    ] = None
    first: Annotated[LayerDifference | None, fact("the first value that differs")] = None
    model_cost: Annotated[
        Distance | None, fact("of one inference of the model that ends here", unit=AS_UNIT)
    ] = None
    model_noise: Annotated[
        Distance | None, fact("by how much that may be off; absent where the count is exact", unit=AS_UNIT)
    ] = None
    cost: Annotated[
        Number | None,
        fact(
            "how much more it is than for the model that ends before, an attribution where layers are fused; absent "
            "where that is not known, or lost in noise",
            unit=AS_UNIT,
            better="lower",
        ),
    ] = None
    cost_from: Annotated[
        Count | None,
        fact("the first layer that `cost` covers: less than `layer` if the layers between were not run"),
    ] = None
    model_estimated_cycles: Annotated[
        Distance | None,
        fact("of one inference of the model that ends here, as the emulator estimates them", unit="cycles"),
    ] = None
    estimated_cycles: Annotated[
        Number | None, fact("how much more that is, as `cost`", unit="cycles", better="lower")
    ] = None

    @property
    def name(self) -> str:
        """The layer as people are told of it, such as "layer 2 (FULLY_CONNECTED dense_1)"."""
        tensor = self.tensor.partition(";")[0]  # the converter joins the names of all that it fused
        if len(tensor) > LONGEST_NAME:
            tensor = f"...{tensor[-LONGEST_NAME:]}"
        return f"layer {self.layer} ({f'{self.operator} {tensor}'.rstrip()})"


class Layers(Record, kw_only=True):
    """Each layer by itself."""

    reference: Annotated[Words, fact("the reference that each cut model was compared with")] = ""
    unit: Annotated[Words, fact("of costs; absent where none was measured")] = ""
    rows: Annotated[
        tuple[LayerRow, ...], fact("one for each tensor that an operator of the file writes, in its order")
    ]


class LayersVerdict(Layers, kw_only=True):
    """All layers of a run, and the first that is wrong.

    None is where every layer that was asked is equal, or within a tolerance that was asked for, and one was.
    """

    finding: Finding | None = None

    @property
    def passed(self) -> bool:
        """Nothing is wrong."""
        return self.finding is None


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
        max_abs_diff=largest_difference(device, expected),
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
    finding = None if wrong is None else Finding(Stage.ENGINE, layer_difference_in_words(wrong))
    if finding is None:
        finding = crash
    if finding is None and not any(row.checked for row in told):
        finding = Finding(Stage.HARNESS, "no layer could be asked, so nothing is shown of any")
    return LayersVerdict(reference=reference, unit=unit, rows=told, finding=finding)


def _is_within(row: LayerRow, tolerance: Tolerance) -> bool:
    most = tolerance.of(np.dtype(row.dtype))
    return most > 0 and row.max_abs_diff is not None and row.max_abs_diff <= most


def layer_difference_in_words(row: LayerRow) -> str:
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
