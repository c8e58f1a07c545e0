"""Memory as planned, as linked and as measured on the device, held against each other."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tinysine.record import Count, Record, Trend, fact
from tinysine.verdicts.proof import Proof
from tinysine.verdicts.stages import Finding, Stage


class Memory(Record, kw_only=True):
    """Memory that the firmware needs."""

    arena_bytes: Annotated[
        Count,
        fact(
            "planned for activations when the engine was generated",
            unit="bytes",
            trend=Trend(5, "arena"),
            better="lower",
        ),
    ]
    arena_high_water_bytes: Annotated[
        Count,
        fact(
            "the most of it that the engine used, as the device measured: up to the last byte that was written",
            unit="bytes",
            better="lower",
        ),
    ]
    stack_bytes: Annotated[
        Count | None,
        fact(
            "the deepest use of the stack, measured by painting",
            unit="bytes",
            trend=Trend(4, "stack"),
            better="lower",
        ),
    ] = None
    stack_budget_bytes: Annotated[Count | None, fact("reserved for the stack", unit="bytes")] = None
    stack_bound_bytes: Annotated[
        Count | None,
        fact(
            "the deepest that one inference can take the stack, computed at build time",
            unit="bytes",
            better="lower",
        ),
    ] = None
    engine_stack_bytes: Annotated[
        Count | None,
        fact("the deepest that one inference took the stack, measured", unit="bytes", better="lower"),
    ] = None
    static_ram_bytes: Annotated[
        Count | None,
        fact("data and bss, arena included", unit="bytes", trend=Trend(3, "static RAM"), better="lower"),
    ] = None
    flash_bytes: Annotated[
        Count | None, fact("the whole image", unit="bytes", trend=Trend(2, "flash"), better="lower")
    ] = None
    model_bytes: Annotated[
        Count | None, fact("constants of the model in flash", unit="bytes", better="lower")
    ] = None
    engine_bytes: Annotated[
        Count | None, fact("engine code and model constants in flash", unit="bytes", better="lower")
    ] = None
    proof: Annotated[
        dict[str, Proof], fact("by the name of a figure that the device reports: how it was proved")
    ] = msgspec.field(default_factory=dict)
    arena_told_bytes: Annotated[
        Count | None, fact("how much of the arena the engine says that it uses", unit="bytes", better="lower")
    ] = None
    arena_least_bytes: Annotated[
        Count | None,
        fact(
            "the least arena that the engine starts and answers with, searched", unit="bytes", better="lower"
        ),
    ] = None


class MemoryVerdict(Memory, kw_only=True):
    """Memory, and everything that is wrong with it: a figure beyond its plan, its budget or what is there."""

    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Nothing is wrong."""
        return not self.findings


def judge_memory(
    *,
    arena_planned: int,
    arena_reported: int,
    arena_high_water: int,
    stack_high_water: int | None,
    stack_budget: int | None,
    stack_reserved: int | None = None,
    stack_bound: int | None,
    engine_stack: int | None,
    static_ram: int | None,
    static_ram_reported: int | None,
    flash: int | None,
    model: int | None,
    engine: int | None,
    board_flash: int | None,
    board_ram: int | None,
) -> MemoryVerdict:
    """Judge memory. All in bytes.

    Args:
        arena_planned: by the generator; arena_reported: by the device, which must say the same.
        arena_high_water: measured by the device.
        stack_high_water: measured by the device; None where it cannot paint its stack.
        stack_budget: that the image reserves; None on a computer. stack_reserved: by the device's word, where it knows.
        stack_bound: of one inference, computed at build time, if it could be.
        engine_stack: of one inference, measured; None where it was not.
        static_ram: from the linked image; static_ram_reported: by the device, None where it does not know.
        flash, model, engine: from the linked image. These and static_ram are None where somebody else linked it.
        board_flash, board_ram: what there is; None on a computer.
    """
    wrong: list[str] = []
    if arena_reported != arena_planned:
        none = (
            "" if arena_reported else " (an engine of yours names it in .arena and .arena_bytes of ts_engine)"
        )
        wrong.append(f"the device has an arena of {arena_reported} B, {arena_planned} B were planned{none}")
    if arena_high_water > arena_planned:
        wrong.append(
            f"the engine wrote outside its arena: {arena_high_water} B used, {arena_planned} B planned"
        )
    if stack_high_water is not None and stack_high_water <= 0:
        wrong.append("the stack measurement found nothing used, which cannot be")
    if stack_budget is not None and stack_high_water is not None and stack_high_water >= stack_budget:
        wrong.append(
            f"the stack reached {stack_high_water} B of {stack_budget} B reserved: it may have overflowed"
        )
    if stack_budget is not None and stack_reserved is not None and stack_reserved != stack_budget:
        wrong.append(f"the device reserves {stack_reserved} B of stack, the image {stack_budget} B")
    if stack_bound is not None and engine_stack is not None and engine_stack > stack_bound:
        wrong.append(
            f"one inference took {engine_stack} B of stack, beyond the computed bound of {stack_bound} B"
        )
    both_known = static_ram is not None and static_ram_reported is not None
    if both_known and board_ram is not None and static_ram_reported != static_ram:
        wrong.append(f"the device has {static_ram_reported} B of static RAM, the image {static_ram} B")
    if board_flash is not None and flash is not None and flash > board_flash:
        wrong.append(f"the image takes {flash} B of {board_flash} B flash")
    if board_flash is not None and flash is not None and flash <= 0:
        wrong.append("the image takes no flash, which cannot be")
    static_ram = static_ram_reported if static_ram is None else static_ram
    if board_ram is not None and static_ram is not None and static_ram + (stack_budget or 0) > board_ram:
        wrong.append(f"static RAM {static_ram} B and stack {stack_budget} B exceed {board_ram} B RAM")
    return MemoryVerdict(
        arena_bytes=arena_planned,
        arena_high_water_bytes=arena_high_water,
        stack_bytes=stack_high_water,
        stack_budget_bytes=stack_budget,
        stack_bound_bytes=stack_bound,
        engine_stack_bytes=engine_stack,
        static_ram_bytes=static_ram,
        flash_bytes=flash,
        model_bytes=model,
        engine_bytes=engine,
        findings=tuple(Finding(Stage.MEMORY, reason) for reason in wrong),
    )
