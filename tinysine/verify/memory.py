"""Memory as a device measures it, held against the image and against what an emulator sees."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tinysine.firmware_facts import ARENA_TOLD
from tinysine.image import ForeignBuild, Image
from tinysine.image.elf import read_symbols, symbol_at
from tinysine.rigs import Build
from tinysine.verdicts import MemoryVerdict, Proof, judge_memory
from tinysine.verify.lies import SeenMemory, lies_about_memory, stray_write
from tinysine.verify.witness import arena_mark, engine_arena, look, trace_inference, watched

if TYPE_CHECKING:
    from tinysine.boards import Board
    from tinysine.device import Device, DeviceMemory
    from tinysine.rigs import Rig


def measure_memory(board: Board, image: Build, rig: Rig, device: Device) -> MemoryVerdict:
    """Ask the device for its memory and judge the figures.

    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the device refused.
    """
    measured, seen, proof = _measured(image, rig, device)
    verdict = _judged(board, image, measured)
    by = "the emulator" if proof.get("stack_bytes") is Proof.EMULATOR else "an emulated core with this image"
    lies = tuple(
        lies_about_memory(
            stack=measured.stack_used_bytes,
            engine_stack=measured.invoke_stack_bytes,
            arena=measured.arena_used_bytes,
            seen=seen,
            by=by,
        )
    )
    if seen.stray is not None:
        assert isinstance(image, Image)
        lies = (stray_write(seen.stray, lambda address: symbol_at(image.elf, address)), *lies)
    static = Proof.IMAGE if isinstance(image, Image) else Proof.DEVICE
    figures = {"static_ram_bytes": static if verdict.static_ram_bytes is not None else None}
    for name in ("arena_high_water_bytes", "stack_bytes", "engine_stack_bytes"):
        known = getattr(verdict, name) is not None
        figures[name] = proof.get(name, Proof.DEVICE) if known else None
    return replace(
        verdict,
        arena_told_bytes=_arena_told_bytes(image, rig),
        arena_least_bytes=image.arena_bytes if isinstance(image, Image) and image.arena_searched else None,
        findings=(*lies, *verdict.findings),
        proof={name: who for name, who in figures.items() if who is not None},
    )


def _measured(image: Build, rig: Rig, device: Device) -> tuple[DeviceMemory, SeenMemory, dict[str, Proof]]:
    """Return the device's memory figures, the observed ones, and the proof of each."""
    with watched(rig, device, image) as emulator:
        measured = device.memory()
        inferences = emulator.seen() if emulator is not None else []
        sight = look(rig)
        if emulator is not None and sight is not None and sight.stack_bytes is not None:
            arena: int | None = None
            if isinstance(image, Image):
                address, length = engine_arena(image)
                if measured.arena_used_bytes <= length:  # else it wrote beyond, which is said in any case
                    arena = arena_mark(emulator.peek(address, length)) if length else 0
            seen = SeenMemory(
                stack=sight.stack_bytes,
                engine_stack=inferences[-1].stack_bytes if inferences else 0,
                arena=arena,
                stray=sight.stray,
            )
            names = ("stack_bytes", "engine_stack_bytes", "arena_high_water_bytes")
            return measured, _with_trace(seen, image, device), dict.fromkeys(names, Proof.EMULATOR)
    traced = _with_trace(SeenMemory(), image, device)
    if traced.arena_at_least is None:
        return measured, traced, {}
    return measured, traced, {"engine_stack_bytes": Proof.TRACE}


def _arena_told_bytes(image: Build, rig: Rig) -> int | None:
    """Return the engine's `ts_arena_told_bytes`; None unless the twin's memory can be read."""
    if not isinstance(image, Image) or image.is_generated or rig.emulator is None:
        return None
    sight, address = look(rig), read_symbols(image.elf).get(ARENA_TOLD)
    if address is None or sight is None or sight.stack_bytes is None:
        return None
    return int.from_bytes(rig.emulator.peek(address, 4), "little") or None


def _with_trace(seen: SeenMemory, image: Build, device: Device) -> SeenMemory:
    """The same with what one inference of zeros, as MEMORY measures it, takes on a core without a firmware."""
    if not isinstance(image, Image):
        return seen
    trace = trace_inference(image, device, tuple(bytes(tensor.nbytes) for tensor in device.identity.inputs))
    if trace is None:
        return seen
    engine_stack = trace.stack_bytes if seen.engine_stack is None else seen.engine_stack
    return dataclasses.replace(
        seen,
        engine_stack=engine_stack,
        arena_at_least=arena_mark(trace.painted),
        stray=seen.stray or trace.stray,
    )


def _judged(board: Board, image: Build, measured: DeviceMemory) -> MemoryVerdict:
    reported = measured.arena_planned_bytes
    planned: tuple[int, ...] = (reported,)
    if isinstance(image, Image):
        planned = planned if image.arena_bytes is None else (image.arena_bytes,)
        sizes = image.sizes
        stack, stack_bound = image.stack_bytes, image.stack_bound_bytes
    else:
        planned = image.arena_bytes if isinstance(image, ForeignBuild) else planned
        sizes, stack, stack_bound = None, board.limits.stack_bytes, None
    return judge_memory(
        arena_planned=reported if reported in planned else planned[0],
        arena_reported=measured.arena_planned_bytes,
        arena_high_water=measured.arena_used_bytes,
        stack_high_water=measured.stack_used_bytes,
        stack_budget=stack or None if board.ram else None,
        stack_reserved=measured.stack_reserved_bytes,
        stack_bound=stack_bound,
        engine_stack=measured.invoke_stack_bytes,
        static_ram=sizes.static_ram_bytes if sizes else None,
        static_ram_reported=measured.static_ram_bytes,
        flash=sizes.flash_bytes if sizes else None,
        model=sizes.model_bytes if sizes else None,
        engine=sizes.engine_bytes if sizes else None,
        board_flash=board.flash.length if board.flash else None,
        board_ram=board.ram.length if board.ram else None,
    )
