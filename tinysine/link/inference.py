"""Inferences over the link: whole ones in a frame, or one in parts where a frame is too small."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinysine.errors import DeviceError, ProtocolError
from tinysine.link.answers import malformed
from tinysine.link.frames import CRC_BYTES
from tinysine.link.identity import DeviceTensor, Identity
from tinysine.link.requests import (
    PLACE_BYTES,
    Capability,
    Request,
    Status,
    read_payload,
    write_payload,
)
from tinysine.quantization import quantize
from tinysine.tensor_values import Values, arrays_of, exact_values, values_of

OVERWRITTEN = "overwritten"  # the cause of an error about bytes that are not what they were a moment ago
ATTEMPTS = 3  # to write, run and read an inference whose bytes were changed by somebody else meanwhile


class Ask(Protocol):
    """A request to a device."""

    def __call__(
        self, request: Request, payload: bytes = b"", reply_bytes: int | None = None, *, inferences: int = 0
    ) -> bytes:
        """Ask, and return the payload of the reply, which must have reply_bytes; inferences: that the device makes."""


def pack(
    values: ArrayLike | Sequence[ArrayLike], tensors: Sequence[DeviceTensor], name: str
) -> NDArray[np.uint8]:
    """Put the values of inferences in the order of the wire.

    Args:
        values: [n, count] in the tensor's dtype, or lists of numbers that it holds; where there are several tensors, a
            sequence of these.
        tensors: of the engine.
        name: of the argument, for messages.
    Returns:
        uint8 [n, bytes of all tensors].
    Raises:
        ValueError, TypeError: another dtype, shape, number of tensors or of inferences.
    """
    arrays = arrays_of(exact_values(values, tensors, name))
    return np.concatenate([_as_bytes(array) for array in arrays], axis=1)


def pack_one(values: ArrayLike | Sequence[ArrayLike], tensors: Sequence[DeviceTensor], name: str) -> bytes:
    """The bytes of one inference; as `pack`, but each tensor's values are [count]."""
    arrays = arrays_of(exact_values(values, tensors, name, many=False))
    return b"".join(array.tobytes() for array in arrays)


def unpack(data: bytes, count: int, tensors: Sequence[DeviceTensor]) -> Values:
    """Values of each tensor, [count, elements], from the bytes of inferences back to back."""
    rows = np.frombuffer(data, np.uint8).reshape(count, sum(tensor.nbytes for tensor in tensors))
    arrays, at = [], 0
    for tensor in tensors:
        part = np.ascontiguousarray(rows[:, at : at + tensor.nbytes])
        arrays.append(part.view(tensor.dtype).reshape(count, tensor.count).copy())
        at += tensor.nbytes
    return values_of(arrays)


def not_finite_at(values: Values) -> int | None:
    """Return the index of the first element of a batch that is NaN or infinite; None where all are finite."""
    (array,) = arrays_of(values)
    wrong = np.flatnonzero(~np.isfinite(array))
    return int(wrong[0]) if wrong.size else None


def codes_of(values: Values, tensor: DeviceTensor) -> NDArray[Any]:
    """Quantise real values as a device does for INFER_F32.

    Args:
        values: float32 [n, count], finite.
        tensor: the input.
    Returns:
        [n, count] in the input's dtype.
    """
    (array,) = arrays_of(values)
    return array if tensor.quantization is None else quantize(array, tensor.quantization, tensor.dtype)


def per_frame(identity: Identity, input_bytes: int | None = None) -> int:
    """Return the number of whole inferences that fit a frame; 0 if not one does.

    Args:
        input_bytes: of one inference as it is sent; in the model's own dtypes by default.
    """
    sent = identity.input_bytes if input_bytes is None else input_bytes
    return identity.payload_max // max(sent, identity.output_bytes)


def in_one_frame(identity: Identity) -> bool:
    """True where whole inferences go in a frame, so that parts are not needed."""
    return Capability.INFER in identity.capabilities and per_frame(identity) > 0


def write_inputs(ask: Ask, identity: Identity, data: bytes) -> None:
    """Write all inputs of one inference into the engine's buffers."""
    step, begin = identity.payload_max - PLACE_BYTES, 0
    for index, tensor in enumerate(identity.inputs):
        for offset in range(0, tensor.nbytes, step):
            part = data[begin + offset : begin + min(offset + step, tensor.nbytes)]
            ask(Request.WRITE, write_payload(index, offset, part), 0)
        begin += tensor.nbytes


def read_outputs(ask: Ask, identity: Identity, first: bytes) -> bytes:
    """Read the outputs of the last inference behind the first bytes, which RUN has brought already."""
    parts, begin = [first], 0
    for index, tensor in enumerate(identity.outputs):
        known = min(max(len(first) - begin, 0), tensor.nbytes)
        for offset in range(known, tensor.nbytes, identity.payload_max):
            length = min(identity.payload_max, tensor.nbytes - offset)
            parts.append(ask(Request.READ, read_payload(index, offset, length), length))
        begin += tensor.nbytes
    return b"".join(parts)


def run_written(
    ask: Ask, identity: Identity, data: bytes, *, repeated: Callable[[], None]
) -> tuple[int, bytes]:
    """Write all inputs and run them, as often as it takes until the device proves that it ran these.

    Args:
        data: of one inference.
        repeated: called before each further attempt.
    Returns:
        CRC-32 of all outputs, and as many of their bytes as the device gives with it.
    Raises:
        ProtocolError: the inputs were changed at each attempt, or a reply that cannot be one.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            repeated()
        write_inputs(ask, identity, data)
        if (answered := _run(ask, identity, data)) is not None:
            return answered
    raise _changed("inputs at the device are not those that were written", Request.RUN)


def run_as_it_is(ask: Ask, identity: Identity, data: bytes) -> int | None:
    """Run what the device's inputs hold, nothing written; CRC-32 of all outputs, None where they do not hold `data`."""
    answered = _run(ask, identity, data)
    return None if answered is None else answered[0]


def _run(ask: Ask, identity: Identity, data: bytes) -> tuple[int, bytes] | None:
    """CRC-32 of all outputs and their first bytes; None where the device's inputs are not `data`."""
    try:
        reply = ask(Request.RUN, zlib.crc32(data).to_bytes(4, "little"), inferences=1)
    except DeviceError as error:
        if error.facts.get("status") != Status.BAD_VALUE:
            raise
        return None
    if not CRC_BYTES <= len(reply) <= CRC_BYTES + identity.output_bytes:
        raise malformed("RUN", reply, f"a CRC and at most {identity.output_bytes} bytes were expected")
    return int.from_bytes(reply[:CRC_BYTES], "little"), reply[CRC_BYTES:]


def infer_in_parts(ask: Ask, identity: Identity, data: bytes, *, repeated: Callable[[], None]) -> bytes:
    """One inference that is larger than a frame, or for a device that takes parts only.

    Args:
        data: all inputs, back to back.
        repeated: called before each further attempt.
    Returns:
        All outputs, back to back.
    Raises:
        ProtocolError: inputs or outputs were changed at each attempt.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            repeated()
        crc, first = run_written(ask, identity, data, repeated=repeated)
        outputs = read_outputs(ask, identity, first)
        if zlib.crc32(outputs) == crc:
            return outputs
    raise _changed("outputs that were read are not those of the inference", Request.READ)


def _changed(what: str, request: Request) -> ProtocolError:
    return ProtocolError(
        f"the {what}, {ATTEMPTS} times in a row: it was reset, or somebody else writes there",
        hint="close other programs that use this port; ask for the fault record",
        cause=OVERWRITTEN,
        request=request.name,
    )


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    whole = np.ascontiguousarray(array)
    return whole.view(np.uint8).reshape(len(whole), -1) if whole.size else np.zeros((len(whole), 0), np.uint8)
