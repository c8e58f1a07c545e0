"""Identity of a device and its firmware: IDENTIFY, and DESCRIBE for each tensor. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinysine.boards.board import SMALLEST_PAYLOAD
from tinysine.boards.twin_ids import is_twin_id
from tinysine.errors import VersionMismatch
from tinysine.link.answers import malformed
from tinysine.link.requests import (
    DTYPES,
    PROTOCOL_MAJOR,
    PROTOCOL_MINOR,
    Capability,
    Counter,
    Request,
    describe_payload,
)
from tinysine.quantization import Quantization

NAME_CHARACTERS = 15

MOST_RANK = 8
MOST_BYTES = 1 << 24  # of one tensor: offsets have 24 bits

_IDENTITY = struct.Struct("<BBBBHHBBHII16s32s8s")
_TENSOR = struct.Struct("<BBHIfi")
_REFERENCES = {0: "litert", 1: "tflm", 2: "tflm-float32", 255: None}


@dataclass(frozen=True)
class DeviceTensor:
    """One input or output of the engine, as the device describes it.

    Attributes:
        dtype: float32, uint8, int16 or int8.
        shape: of one inference.
        quantization: of the codes; None for float32, and where the device does not tell.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    quantization: Quantization | None

    @property
    def count(self) -> int:
        """Elements per inference."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes per inference."""
        return self.count * self.dtype.itemsize


@dataclass(frozen=True)
class Identity:
    """Identity of a device and its firmware, as the device reports it.

    Attributes:
        protocol: (major, minor).
        reference: "litert", "tflm" or "tflm-float32", the reference that its engine follows; None if not told.
        pruned: proved-constant neurons were removed.
        size_profile: built for size rather than speed.
        capabilities: what it can be asked.
        payload_max: bytes in one frame.
        counter: what latency is counted in.
        clock_hz, counter_clock_hz: None when the device does not know.
        build_id: 16 bytes; zeros where it does not tell.
        model_sha256: of the .tflite file, hexadecimal.
        unique_id: the chip's, 16 hexadecimal digits; None if it has none.
        engine, board: names, cut at 15 characters.
        inputs, outputs: the engine's tensors, at least one each, in the order of the .tflite file.
    """

    protocol: tuple[int, int]
    reference: str | None
    pruned: bool
    size_profile: bool
    capabilities: Capability
    payload_max: int
    counter: Counter
    clock_hz: int | None
    counter_clock_hz: int | None
    build_id: bytes
    model_sha256: str
    unique_id: str | None
    engine: str
    board: str
    inputs: tuple[DeviceTensor, ...]
    outputs: tuple[DeviceTensor, ...]

    @property
    def is_twin(self) -> bool:
        """True if the device says that its chip is made of software. A twin may also have no id, and say nothing."""
        return is_twin_id(self.unique_id)

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs of one inference."""
        return sum(tensor.nbytes for tensor in self.inputs)

    @property
    def output_bytes(self) -> int:
        """Bytes of all outputs of one inference."""
        return sum(tensor.nbytes for tensor in self.outputs)


def read_identity(
    payload: bytes, ask: Callable[[Request, bytes], bytes], *, known: Identity | None = None
) -> Identity:
    """Make an identity of an IDENTIFY reply and of what the device answers to DESCRIBE.

    Args:
        payload: of the IDENTIFY reply.
        ask: sends a request with its payload, and returns its reply's.
        known: what the device was before; if it says the same of itself, its tensors are not asked for again.
    Raises:
        VersionMismatch: another protocol major; facts device, host.
        ProtocolError: an answer that makes no sense.
    """
    fields, counts = _parse_identity(payload)
    if known is not None and (len(known.inputs), len(known.outputs)) == counts:
        same = Identity(**fields, inputs=known.inputs, outputs=known.outputs)
        if same == known:
            return known
    ends = [
        tuple(parse_tensor(ask(Request.DESCRIBE, describe_payload(end, index))) for index in range(count))
        for end, count in enumerate(counts)
    ]
    return Identity(**fields, inputs=ends[0], outputs=ends[1])


def parse_tensor(payload: bytes) -> DeviceTensor:
    """Read a DESCRIBE reply. Raises ProtocolError."""
    if len(payload) < _TENSOR.size:
        raise malformed("DESCRIBE", payload, f"at least {_TENSOR.size} bytes were expected")
    code, rank, zero, size, scale, zero_point = _TENSOR.unpack_from(payload)
    length = _TENSOR.size + 4 * rank
    shape = struct.unpack(f"<{rank}I", payload[_TENSOR.size :]) if len(payload) == length else ()
    dtype = DTYPES.get(code)
    fits = "" if len(payload) == length else f"{length} bytes were expected for rank {rank}"
    padding = f"bytes 2 and 3 are {zero:#06x}, not zero" if zero else ""
    wrong = wrong_head(code, rank) or fits or padding or wrong_size(dtype, shape, size)
    if wrong or dtype is None:
        raise malformed("DESCRIBE", payload, wrong)
    told = code != 0 and scale != 0
    return DeviceTensor(dtype, shape, Quantization(scale, zero_point) if told else None)


def wrong_head(code: int, rank: int) -> str:
    """Say what is wrong with the dtype and the rank that a device tells of a tensor; "" where nothing is."""
    if code not in DTYPES:
        return f"dtype {code} is unknown"
    return f"rank {rank} is over {MOST_RANK}" if rank > MOST_RANK else ""


def wrong_size(dtype: np.dtype[Any] | None, shape: Sequence[int], size: int) -> str:
    """Say what is wrong with the bytes that a device tells of a tensor; "" where nothing is."""
    if dtype is None or size != math.prod(shape) * dtype.itemsize:
        return f"{size} bytes are not those of {dtype} {list(shape)}"
    return "" if 0 < size <= MOST_BYTES else f"{size} bytes are none, or over {MOST_BYTES}"


def _parse_identity(payload: bytes) -> tuple[dict[str, Any], tuple[int, int]]:
    """The fields of an Identity but its tensors, and how many inputs and outputs there are."""
    if len(payload) >= 2 and payload[0] != PROTOCOL_MAJOR:
        raise _other_version(payload[0], payload[1])
    if len(payload) < _IDENTITY.size:
        raise malformed("IDENTIFY", payload, f"at least {_IDENTITY.size} bytes were expected")
    fields = _IDENTITY.unpack_from(payload)
    major, minor, reference, flags, capabilities, payload_max, inputs, outputs, counter = fields[:9]
    clock_hz, counter_hz, build_id, sha256, unique_id = fields[9:]
    names = payload[_IDENTITY.size :].split(b"\0")
    wrong = (
        "two names ended by zeros were expected"
        if len(names) < 3 or not all(name.isascii() for name in names[:2])
        else f"reference {reference} is unknown"
        if reference not in _REFERENCES
        else f"counter {counter} is unknown"
        if counter not in set(Counter)
        else f"{inputs} inputs and {outputs} outputs make no inference"
        if not (inputs and outputs)
        else f"payload_max {payload_max} is under {SMALLEST_PAYLOAD}"
        if payload_max < SMALLEST_PAYLOAD
        else "it announces neither INFER nor WRITE, RUN and READ"
        if not capabilities & (Capability.INFER | Capability.PARTS)
        else "it announces TIME, and no counter"
        if capabilities & Capability.TIME and counter == Counter.NONE
        else ""
    )
    if wrong:
        raise malformed("IDENTIFY", payload, wrong)
    return {
        "protocol": (major, minor),
        "reference": _REFERENCES[reference],
        "pruned": bool(flags & 1),
        "size_profile": bool(flags & 2),
        "capabilities": Capability(capabilities),
        "payload_max": payload_max,
        "counter": Counter(counter),
        "clock_hz": clock_hz or None,
        "counter_clock_hz": counter_hz or None,
        "build_id": build_id,
        "model_sha256": sha256.hex(),
        "unique_id": unique_id.hex() if any(unique_id) else None,
        "engine": names[0].decode("ascii"),
        "board": names[1].decode("ascii"),
    }, (inputs, outputs)


def _other_version(major: int, minor: int) -> VersionMismatch:
    host, device = f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}", f"{major}.{minor}"
    older = major < PROTOCOL_MAJOR
    return VersionMismatch(
        f"the device speaks protocol {device}, this tinysine {host}",
        hint="flash firmware built by this version of tinysine"
        if older
        else "install a newer tinysine, or flash firmware built by this one",
        device=device,
        host=host,
    )
