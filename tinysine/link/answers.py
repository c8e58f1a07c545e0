"""Parser of the device's answers: payload bytes to frozen values. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from tinysine.errors import ProtocolError
from tinysine.record import Count, Record, fact

NOT_MEASURED = 0xFFFFFFFF

_MEMORY = struct.Struct("<6I")
_FAULT = struct.Struct("<10I")
_COUNTERS = struct.Struct("<4I")


class FaultKind(IntEnum):
    """Kind of a fault."""

    HARD = 1
    BUS = 2
    USAGE = 3
    MEMORY = 4
    ASSERTION = 5


class Stage(IntEnum):
    """Last stage that the firmware reached."""

    RESET = 1
    CLOCKS = 2
    PORT = 3
    ENGINE = 4
    IDLE = 5
    RECEIVING = 6
    INFERRING = 7
    REPLYING = 8


@dataclass(frozen=True)
class DeviceMemory:
    """Memory figures that the device measured itself. Units: bytes; None if it was not measured."""

    arena_planned_bytes: int
    arena_used_bytes: int
    stack_reserved_bytes: int | None
    stack_used_bytes: int | None
    static_ram_bytes: int | None
    invoke_stack_bytes: int | None


class FaultRecord(Record):
    """The last fault since power-on, as the processor left it."""

    kind: Annotated[FaultKind | int, fact("kind of fault; a number for an unknown kind")]
    stage: Annotated[Stage | int, fact("how far the firmware had come; a number for one that is not known")]
    pc: Annotated[Count, fact("the program counter when it happened")]
    lr: Annotated[Count, fact("the link register")]
    xpsr: Annotated[Count, fact("the program status register")]
    cfsr: Annotated[Count, fact("the configurable fault status register")]
    hfsr: Annotated[Count, fact("the hard fault status register")]
    mmfar: Annotated[Count, fact("the address of a memory management fault")]
    bfar: Annotated[Count, fact("the address of a bus fault")]
    count: Annotated[Count, fact("faults since power-on")]

    def __str__(self) -> str:
        kind = self.kind.name if isinstance(self.kind, FaultKind) else f"kind {self.kind}"
        stage = self.stage.name if isinstance(self.stage, Stage) else f"stage {self.stage}"
        return (
            f"{kind} fault while {stage}, pc 0x{self.pc:08x}, lr 0x{self.lr:08x}, cfsr 0x{self.cfsr:08x}, "
            f"hfsr 0x{self.hfsr:08x}, {self.count} since power-on"
        )


class Counters(Record):
    """Counts of the device since reset."""

    answered: Annotated[Count, fact("frames that it answered")]
    corrupt: Annotated[Count, fact("frames that it dropped")]
    overruns: Annotated[Count, fact("times that bytes were lost because the receiver was not read in time")]
    text_lines: Annotated[Count, fact("lines that it answered")]


def parse_memory(payload: bytes) -> DeviceMemory:
    """Read a MEMORY reply. Raises ProtocolError."""
    planned, used, *others = _unpack(_MEMORY, "MEMORY", payload)
    if NOT_MEASURED in (planned, used):
        raise malformed("MEMORY", payload, f"an arena cannot have {NOT_MEASURED:,} bytes")
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
        raise malformed("FAULT", payload, "a fault is on record, and none was counted")
    known_kind = FaultKind(kind) if kind in set(FaultKind) else kind
    known_stage = Stage(stage) if stage in set(Stage) else stage
    return FaultRecord(known_kind, known_stage, *registers)


def parse_counters(payload: bytes) -> Counters:
    """Read a COUNTERS reply. Raises ProtocolError."""
    return Counters(*_unpack(_COUNTERS, "COUNTERS", payload))


def _unpack(layout: struct.Struct, request: str, payload: bytes) -> tuple[int, ...]:
    if len(payload) != layout.size:
        raise malformed(request, payload, f"{layout.size} bytes were expected")
    return layout.unpack(payload)


def malformed(request: str, payload: bytes, why: str) -> ProtocolError:
    """The error for an answer that cannot be one."""
    return ProtocolError(
        f"the device's answer to {request} ({len(payload)} bytes) makes no sense: {why}",
        hint="the firmware does not follow docs/protocol.md; flash firmware built by this version",
        request=request,
        payload=payload,
    )
