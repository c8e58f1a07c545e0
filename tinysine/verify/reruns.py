"""An inference that is run again on inputs that stay where they are: an engine may not change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinysine.link.requests import Capability
from tinysine.tensor_values import Values, inferences_of, rows_of

if TYPE_CHECKING:
    from tinysine.device import Device


def rerun(device: Device, inputs: Values) -> str:
    """Run each input twice without writing it again.

    Args:
        device: that takes inputs in parts; others cannot be asked.
        inputs: [n, count] in the model's input dtype; a tuple of these for several inputs.
    Returns:
        What the engine did that docs/protocol.md and tinysine/engine.h forbid; "" for nothing.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the device refused.
    """
    if Capability.PARTS not in device.capabilities:
        return ""
    for number in range(inferences_of(inputs)):
        first, again = device.rerun(rows_of(inputs, number))
        if again is None:
            return "the engine writes into its inputs: after an inference they hold something else"
        if again != first:
            return "the engine answers otherwise when the same inputs are run again: it keeps something"
    return ""
