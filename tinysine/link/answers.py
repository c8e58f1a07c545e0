"""What the device's answers mean: payload bytes to frozen values. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from tinysine.boards.twin_ids import is_twin_id
from tinysine.errors import ProtocolError, VersionMismatch
from tinysine.link.requests import DTYPES, PROTOCOL_MAJOR, PROTOCOL_MINOR, Counter
from tinysine.quantization import Quantization, Rounding

NAME_CHARACTERS = 15
SMALLEST_PAYLOAD_MAX = 128
NOT_MEASURED = 0xFFFFFFFF

_IDENTITY = struct.Struct("<BBBBBBHHHB3xIIfifi16s32s8s")
_MEMORY = struct.Struct("<6I")
_FAULT = struct.Struct("<10I")
_COUNTERS = struct.Struct("<4I")
_ROUNDINGS = {0: Rounding.LITERT, 1: Rounding.TFLM}


class FaultKind(IntEnum):
    """What went wrong."""

    HARD = 1
    BUS = 2
    USAGE = 3
    MEMORY = 4
    ASSERTION = 5


class Stage(IntEnum):
    """How far the firmware had come."""

    RESET = 1
    CLOCKS = 2
    PORT = 3
    ENGINE = 4
    IDLE = 5
    RECEIVING = 6
    INFERRING = 7
    REPLYING = 8


@dataclass(frozen=True)
class Identity:
    """What the device says it is and runs.

    Attributes:
        protocol: (major, minor).
        rounding: of its engine.
        pruned: proved-constant neurons were removed.
        size_profile: built for size rather than speed.
        input_dtype, output_dtype: int8, uint8 or float32.
        input_count, output_count: elements per inference.
        payload_max: bytes in one frame.
        counter: what latency is counted in.
        clock_hz, counter_clock_hz: None when the device does not know.
        input_quantization, output_quantization: None for float32.
        build_id: 16 bytes.
        model_sha256: of the .tflite file, hexadecimal.
        unique_id: the chip's, 16 hexadecimal digits; None if it has none.
        engine, board: names, cut at 15 characters.
    """

    protocol: tuple[int, int]
    rounding: Rounding
    pruned: bool
    size_profile: bool
    input_dtype: np.dtype[Any]
    output_dtype: np.dtype[Any]
    input_count: int
    output_count: int
    payload_max: int
    counter: Counter
    clock_hz: int | None
    counter_clock_hz: int | None
    input_quantization: Quantization | None
    output_quantization: Quantization | None
    build_id: bytes
    model_sha256: str
    unique_id: str | None
    engine: str
    board: str

    @property
    def is_twin(self) -> bool:
        """True if the device says that its chip is made of software. A twin may also have no id, and say nothing."""
        return is_twin_id(self.unique_id)


@dataclass(frozen=True)
class DeviceMemory:
    """What the device measured of its own memory. Units: bytes; None where it was not measured."""

    arena_planned_bytes: int
    arena_used_bytes: int
    stack_reserved_bytes: int | None
    stack_used_bytes: int | None
    static_ram_bytes: int | None
    invoke_stack_bytes: int | None


@dataclass(frozen=True)
class FaultRecord:
    """The last fault since power-on, as the processor left it."""

    kind: FaultKind | int
    stage: Stage | int
    pc: int
    lr: int
    xpsr: int
    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int
    count: int

    def __str__(self) -> str:
        kind = self.kind.name if isinstance(self.kind, FaultKind) else f"kind {self.kind}"
        stage = self.stage.name if isinstance(self.stage, Stage) else f"stage {self.stage}"
        return (
            f"{kind} fault while {stage}, pc 0x{self.pc:08x}, lr 0x{self.lr:08x}, cfsr 0x{self.cfsr:08x}, "
            f"hfsr 0x{self.hfsr:08x}, {self.count} since power-on"
        )


@dataclass(frozen=True)
class Counters:
    """What the device counted since reset.

    Attributes:
        answered: frames.
        corrupt: frames dropped.
        overruns: times that bytes were lost because the receiver was not read in time.
        text_lines: answered.
    """

    answered: int
    corrupt: int
    overruns: int
    text_lines: int


def parse_identity(payload: bytes) -> Identity:
    """Read an IDENTIFY reply.

    Raises:
        VersionMismatch: another protocol major; facts device, host.
        ProtocolError: the payload cannot be an identity.
    """
    host = f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}"
    if len(payload) >= 2 and payload[0] != PROTOCOL_MAJOR:
        device = f"{payload[0]}.{payload[1]}"
        raise VersionMismatch(
            f"the device speaks protocol {device}, this tinysine {host}",
            hint="flash firmware built by this version of tinysine",
            device=device,
            host=host,
        )
    if len(payload) < _IDENTITY.size:
        raise _malformed("IDENTIFY", payload, f"at least {_IDENTITY.size} bytes were expected")
    fields = _IDENTITY.unpack_from(payload)
    major, minor, rounding, flags, in_code, out_code, in_count, out_count, payload_max, counter = fields[:10]
    clock_hz, counter_hz, in_scale, in_zero, out_scale, out_zero, build_id, sha256, unique_id = fields[10:]
    names = payload[_IDENTITY.size :].split(b"\0")
    wrong = (
        "two names ended by zeros were expected"
        if len(names) < 3 or not all(name.isascii() for name in names[:2])
        else f"rounding {rounding} is unknown"
        if rounding not in _ROUNDINGS
        else f"dtype {in_code} or {out_code} is unknown"
        if in_code not in DTYPES or out_code not in DTYPES
        else f"counter {counter} is unknown"
        if counter not in set(Counter)
        else f"{in_count} inputs and {out_count} outputs make no inference"
        if not (in_count and out_count)
        else f"payload_max {payload_max} is under {SMALLEST_PAYLOAD_MAX}"
        if payload_max < SMALLEST_PAYLOAD_MAX
        else ""
    )
    if wrong:
        raise _malformed("IDENTIFY", payload, wrong)
    return Identity(
        protocol=(major, minor),
        rounding=_ROUNDINGS[rounding],
        pruned=bool(flags & 1),
        size_profile=bool(flags & 2),
        input_dtype=DTYPES[in_code],
        output_dtype=DTYPES[out_code],
        input_count=in_count,
        output_count=out_count,
        payload_max=payload_max,
        counter=Counter(counter),
        clock_hz=clock_hz or None,
        counter_clock_hz=counter_hz or None,
        input_quantization=_quantization(in_code, in_scale, in_zero),
        output_quantization=_quantization(out_code, out_scale, out_zero),
        build_id=build_id,
        model_sha256=sha256.hex(),
        unique_id=unique_id.hex() if any(unique_id) else None,
        engine=names[0].decode("ascii"),
        board=names[1].decode("ascii"),
    )


def parse_memory(payload: bytes) -> DeviceMemory:
    """Read a MEMORY reply. Raises ProtocolError."""
    planned, used, *others = _unpack(_MEMORY, "MEMORY", payload)
    reserved, stack_used, static, invoke = (None if n == NOT_MEASURED else n for n in others)
    return DeviceMemory(
        arena_planned_bytes=planned,
        arena_used_bytes=used,
        stack_reserved_bytes=reserved,
        stack_used_bytes=stack_used,
        static_ram_bytes=static,
        invoke_stack_bytes=invoke,
    )


def parse_fault(payload: bytes) -> FaultRecord | None:
    """Read a FAULT reply; None when no fault is on record. Raises ProtocolError."""
    if not payload:
        return None
    kind, stage, *registers = _unpack(_FAULT, "FAULT", payload)
    if registers[-1] == 0:
        raise _malformed("FAULT", payload, "a fault is on record, and none was counted")
    known_kind = FaultKind(kind) if kind in set(FaultKind) else kind
    known_stage = Stage(stage) if stage in set(Stage) else stage
    return FaultRecord(known_kind, known_stage, *registers)


def parse_counters(payload: bytes) -> Counters:
    """Read a COUNTERS reply. Raises ProtocolError."""
    return Counters(*_unpack(_COUNTERS, "COUNTERS", payload))


def _quantization(dtype_code: int, scale: float, zero_point: int) -> Quantization | None:
    return Quantization(scale, zero_point) if dtype_code else None


def _unpack(layout: struct.Struct, request: str, payload: bytes) -> tuple[int, ...]:
    if len(payload) != layout.size:
        raise _malformed(request, payload, f"{layout.size} bytes were expected")
    return layout.unpack(payload)


def _malformed(request: str, payload: bytes, why: str) -> ProtocolError:
    return ProtocolError(
        f"the device's answer to {request} ({len(payload)} bytes) makes no sense: {why}",
        hint="the firmware does not follow docs/protocol.md; flash firmware built by this version",
        request=request,
        payload=payload,
    )
