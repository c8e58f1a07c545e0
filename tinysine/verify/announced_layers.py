"""The layers that a device of others announces, each against the reference's: nothing is built or flashed for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from tinysine.device import Device
from tinysine.errors import (
    ConfigError,
    DeviceError,
    IdentityMismatch,
    LinkTimeout,
    ModelError,
    ProtocolError,
)
from tinysine.link.layers import DeviceLayer
from tinysine.model import Model, parse_model
from tinysine.model.reader import damage_reported
from tinysine.oracles import Oracle
from tinysine.quantization import Rounding
from tinysine.tensor_values import Values, inferences_of, rows_of
from tinysine.tflite.cut import CutPoint, cut_behind, cut_points
from tinysine.verdicts import (
    EQUAL,
    Finding,
    LayerRow,
    LayersVerdict,
    Stage,
    Tolerance,
    compare_layer,
    judge_layers,
)
from tinysine.verify.announced import unkept
from tinysine.verify.layers import CUT, LEAST_INPUTS, MOST_BYTES, WHOLE, reference_of
from tinysine.verify.reruns import answered_otherwise

NOT_ANNOUNCED = "the device does not announce it"


@dataclass(frozen=True, eq=False)
class _Point:
    """A layer of the file: its row, the oracle of the model cut off behind it, and what that gives."""

    row: LayerRow
    oracle: Oracle | None = None
    what: str = ""


def announced_layers(
    model: Model,
    device: Device,
    *,
    rounding: Rounding,
    inputs: Values,
    answers: Values,
    tolerance: Tolerance = EQUAL,
    on_progress: Callable[[int, int, str], None] = lambda _steps, _done, _note: None,
) -> LayersVerdict:
    """Hold every layer that a device announces against the reference's.

    Args:
        model: that it runs.
        device: which announces LAYERS.
        rounding: which reference it has to equal.
        inputs: [n, inputs] in the model's input dtype, as `layer_inputs` chooses them; wide layers get the first.
        answers: [n, outputs], what the device answered to these inputs before: it must not answer otherwise now.
        tolerance: by which a value may be off and pass.
        on_progress: called with all steps, those that are done, and what is under way.
    Returns:
        The verdict; costs are not among it. It fails where the device describes a layer that the model has not, and
        where it answers otherwise than before.
    Raises:
        ModelError: a file that cannot be cut.
        BenchError, ProtocolError: the bench failed.
    """
    with damage_reported(WHOLE):
        points = cut_points(model.source, file=WHOLE)
    known = {(point.layer, point.output): _point(model, point, rounding) for point in points}
    try:
        # One more than the model has proves that one of them is not the model's.
        announced = device.layers(most=len(known) + 1)
        if wrong := _contradiction(announced, known):
            return _failed(known, wrong)
        bytes_each = sum(layer.tensor.nbytes for layer in announced)
        asked = rows_of(inputs, slice(max(LEAST_INPUTS, MOST_BYTES // bytes_each)))
        values, otherwise = [], ""
        for number in range(inferences_of(asked)):
            on_progress(inferences_of(asked), number, "layers")
            got = device.infer(row := rows_of(asked, [number]), per_frame=1)
            otherwise = otherwise or answered_otherwise(row, rows_of(answers, [number]), got)
            values.append(device.read_layers(announced))
    except IdentityMismatch:
        raise
    except (LinkTimeout, ProtocolError, DeviceError) as error:
        if not (reason := unkept(device, error)[1]):
            raise
        return _failed(known, reason)
    rows, reference = [], ""
    places = {(layer.operator, layer.output): index for index, layer in enumerate(announced)}
    for key, point in known.items():
        if point.oracle is None or key not in places:
            rows.append(point.row if point.oracle is None else replace(point.row, not_asked=NOT_ANNOUNCED))
            continue
        held = np.stack([each[places[key]] for each in values])
        expected = point.oracle.run(asked)
        assert isinstance(expected, np.ndarray)
        reference = point.oracle.name
        rows.append(compare_layer(point.row, inputs=asked, device=held, expected=expected))
    wrong = f"the engine answers otherwise when its layers are read: {otherwise}"
    finding = Finding(Stage.ENGINE, wrong) if otherwise else None
    return judge_layers(rows, reference=reference, unit="", crash=finding, tolerance=tolerance)


def _point(model: Model, point: CutPoint, rounding: Rounding) -> _Point:
    row = LayerRow(layer=point.layer, operator=point.operator, tensor=point.name)
    try:
        with damage_reported(WHOLE):
            cut = parse_model(cut_behind(model.source, point, file=WHOLE), file=CUT)
        (tensor,) = cut.outputs
        return _Point(row, reference_of(cut, rounding), f"{tensor.dtype} {list(tensor.shape)}")
    except (ModelError, ConfigError) as error:
        return _Point(replace(row, not_asked=error.message))


def _contradiction(announced: Sequence[DeviceLayer], known: dict[tuple[int, int], _Point]) -> str:
    """Return the first layer announced by the device that contradicts the model; "" if there is none."""
    seen = set()
    for index, layer in enumerate(announced):
        key = (layer.operator, layer.output)
        what = f"{layer.tensor.dtype} {list(layer.tensor.shape)}"
        told = f"layer {index} ({layer.name})" if layer.name else f"layer {index}"
        if key not in known:
            return f"it announces {told} as output {layer.output} of operator {layer.operator}, which the model has not"
        if key in seen:
            return (
                f"it announces {told}, and another one, as output {layer.output} of operator {layer.operator}"
            )
        if (due := known[key].what) and what != due:
            return f"it announces {told} as {what}; {known[key].row.name} is {due}"
        seen.add(key)
    return ""


def _failed(known: dict[tuple[int, int], _Point], reason: str) -> LayersVerdict:
    rows = [
        point.row if point.row.not_asked else replace(point.row, not_asked=NOT_ANNOUNCED)
        for point in known.values()
    ]
    return judge_layers(rows, reference="", unit="", crash=Finding(Stage.FIRMWARE, reason))
