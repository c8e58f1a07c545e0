"""An inference that is run again on inputs that stay where they are: an engine may not change them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from tinysine.errors import DeviceError, ProtocolError
from tinysine.link import Status, inference
from tinysine.link.requests import Capability, Request

if TYPE_CHECKING:
    from tinysine.device import Device

_RUN_S = 60.0  # how long one inference may take; most take a thousandth of it


def rerun(device: Device, inputs: NDArray[Any]) -> str:
    """Run each input twice without writing it again.

    Args:
        device: that takes inputs in parts; others cannot be asked.
        inputs: [n, count] in the model's input dtype.
    Returns:
        What the engine did that docs/protocol.md and tinysine/engine.h forbid; "" for nothing.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the device refused.
    """
    if Capability.PARTS not in device.capabilities:
        return ""

    def ask(
        request: Request, payload: bytes = b"", reply_bytes: int | None = None, *, inferences: int = 0
    ) -> bytes:
        timeout_s = max(device.timeout_s, _RUN_S if inferences else 0.0)
        reply = device.session.request(request, payload, timeout_s=timeout_s)
        if reply_bytes is not None and len(reply) != reply_bytes:
            raise ProtocolError(
                f"the device answered {request.name} with {len(reply)} bytes instead of {reply_bytes}",
                hint="the firmware does not follow docs/protocol.md",
                request=request.name,
                payload=reply,
            )
        return reply

    for row in inference.pack(inputs, device.identity.inputs, "inputs"):
        data = row.tobytes()
        first, _ = inference.run_written(ask, device.identity, data, repeated=device.session.count_repetition)
        try:
            again = ask(Request.RUN, zlib.crc32(data).to_bytes(4, "little"), inferences=1)
        except DeviceError as error:
            if error.facts.get("status") != Status.BAD_VALUE:
                raise
            return "the engine writes into its inputs: after an inference they hold something else"
        if int.from_bytes(again[:4], "little") != first:
            return "the engine answers otherwise when the same inputs are run again: it keeps something"
    return ""
