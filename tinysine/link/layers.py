"""Layers that a device announces: each a tensor that an operator of the model's file writes. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tinysine.link.answers import malformed
from tinysine.link.identity import DeviceTensor, wrong_head, wrong_size
from tinysine.link.requests import DTYPES, Request, layer_payload, read_layer_payload

_LAYER = struct.Struct("<HHBBBBI")


@dataclass(frozen=True)
class DeviceLayer:
    """One layer, as the device describes it.

    Attributes:
        operator: number of the operator in the file that writes it, from 0.
        output: which of the operator's outputs it is, from 0.
        tensor: dtype and shape.
        name: for people; "" where the device does not tell.
    """

    operator: int
    output: int
    tensor: DeviceTensor
    name: str


def read_layers(ask: Callable[[Request, bytes], bytes], *, most: int) -> tuple[DeviceLayer, ...]:
    """Ask a device for the layers that it announces.

    Args:
        ask: sends a request with its payload, and returns its reply's.
        most: that are asked for; it may announce more.
    Raises:
        DeviceError: it refuses.
        ProtocolError: an answer that makes no sense.
    """
    payload = ask(Request.LAYER, layer_payload(0))
    count, layer = parse_layer(payload)
    layers = [layer]
    for index in range(1, min(count, most)):
        payload = ask(Request.LAYER, layer_payload(index))
        again, layer = parse_layer(payload)
        if again != count:
            raise malformed("LAYER", payload, f"it has {again} layers, and had {count} before")
        layers.append(layer)
    return tuple(layers)


def parse_layer(payload: bytes) -> tuple[int, DeviceLayer]:
    """Read a LAYER reply: how many layers there are, and this one. Raises ProtocolError."""
    if len(payload) < _LAYER.size:
        raise malformed("LAYER", payload, f"at least {_LAYER.size} bytes were expected")
    count, operator, output, code, rank, zero, size = _LAYER.unpack_from(payload)
    name_at = _LAYER.size + 4 * rank
    shape = struct.unpack_from(f"<{rank}I", payload, _LAYER.size) if len(payload) >= name_at else ()
    dtype, name = DTYPES.get(code), payload[name_at:]
    fits = "" if len(payload) >= name_at else f"at least {name_at} bytes were expected for rank {rank}"
    padding = f"byte 7 is {zero:#04x}, not zero" if zero else ""
    readable = name.isascii() and name.decode("latin-1").isprintable()
    wrong = (
        ("" if count else "it has no layers")
        or wrong_head(code, rank)
        or fits
        or padding
        or wrong_size(dtype, shape, size)
        or ("" if readable else "its name is not printable ASCII")
    )
    if wrong or dtype is None:
        raise malformed("LAYER", payload, wrong)
    return count, DeviceLayer(operator, output, DeviceTensor(dtype, shape, None), name.decode("ascii"))


def read_values(
    ask: Callable[[Request, bytes, int], bytes], index: int, tensor: DeviceTensor, *, payload_max: int
) -> bytes:
    """Read all bytes of a layer, as the last inference left them, in as many parts as it takes.

    Args:
        ask: sends a request with its payload, and returns its reply's, which must have so many bytes.
        index: of the layer.
        tensor: dtype and shape.
        payload_max: bytes in one frame.
    """
    parts = []
    for offset in range(0, tensor.nbytes, payload_max):
        length = min(payload_max, tensor.nbytes - offset)
        parts.append(ask(Request.READ_LAYER, read_layer_payload(index, offset, length), length))
    return b"".join(parts)
