"""The device's word against what an emulator saw. Pure: sentences about contradictions, none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tinysine.emulation import Inference
from tinysine.link import FaultRecord
from tinysine.profiling import Trace
from tinysine.verdicts import Finding, Stage
from tinysine.verify.witness import Sight

# Instructions between two readings of the counter that belong to the call of the engine, not to the engine.
CALL_INSTRUCTIONS = 8
SHOWN_BYTES = 8


@dataclass(frozen=True)
class TimedInput:
    """One input that a device was asked for, and that it then timed.

    Attributes:
        input: bytes.
        answer: bytes that INFER gave for it.
        net: counts that TIME gave, the overhead taken off.
        asked: what the emulator saw of INFER.
        timed: what it saw of TIME.
    """

    input: bytes
    answer: bytes
    net: tuple[int, ...]
    asked: tuple[Inference, ...]
    timed: tuple[Inference, ...]


def lie_about_latency(rows: Sequence[TimedInput], unit: str) -> Finding | None:
    """Return the first contradiction between the device's word and what the emulator saw; None where there is none."""
    reason = next(filter(None, (_about_one(row, unit) for row in rows)), "")
    return Finding(Stage.LATENCY, reason) if reason else None


def _about_one(row: TimedInput, unit: str) -> str:
    asked = [seen for seen in row.asked if seen.input == row.input]
    if not asked:
        return (
            f"the device answered input {_hex(row.input)}; "
            f"the emulator saw {_calls(len(row.asked))} of the engine, none with that input"
        )
    if asked[-1].output != row.answer:
        return (
            f"the device answered {_hex(row.answer)} to input {_hex(row.input)}; "
            f"the emulator saw the engine write {_hex(asked[-1].output)}"
        )
    return _about_timing(row, asked[-1].instructions, unit)


def _about_timing(row: TimedInput, cost: int, unit: str) -> str:
    timed = [seen for seen in row.timed if seen.input == row.input]
    if len(timed) <= len(row.net):  # one more than is timed comes first
        return (
            f"the device says that it timed {len(row.net)} inferences of input {_hex(row.input)}; "
            f"the emulator saw {_calls(len(timed))} of the engine with that input"
        )
    wrong = next((seen.output for seen in timed if seen.output != row.answer), None)
    if wrong is not None:
        return (
            f"while it was timed, the emulator saw the engine write {_hex(wrong)} for input "
            f"{_hex(row.input)}, which is answered {_hex(row.answer)}"
        )
    costs = [seen.instructions for seen in timed]
    if {cost} != set(costs):
        return (
            f"the emulator counted {cost} instructions when input {_hex(row.input)} was asked, "
            f"and {_span(costs)} while it was timed"
        )
    if min(row.net) < cost or max(row.net) > cost + CALL_INSTRUCTIONS:
        return f"the device says {_span(row.net)} {unit} for one inference; the emulator counted {cost} instructions"
    return ""


def contradicts_trace(net: Sequence[int], trace: Trace, unit: str) -> Finding | None:
    """A contradiction between an exact counter and the same inference on an emulated core."""
    cost = len(trace.addresses)
    if min(net) >= cost and max(net) <= cost + CALL_INSTRUCTIONS:
        return None
    return Finding(
        Stage.LATENCY,
        f"the device says {_span(net)} {unit} for one inference; "
        f"the image executes {cost} instructions for it on an emulated core",
    )


def measured_for_nothing(overhead: int | None, unit: str) -> Finding | None:
    """An empty measurement of no instruction: two readings of a counter are one apart at least."""
    if unit != "instructions" or overhead is None or overhead > 0:
        return None
    return Finding(
        Stage.LATENCY,
        f"the device says that an empty measurement takes {overhead} {unit}; to read a counter twice takes one",
    )


def faster_than_possible(net: Sequence[int], floor: int, unit: str) -> Finding | None:
    """A count of cycles below what the instructions take at least on that core."""
    if min(net) >= floor:
        return None
    return Finding(
        Stage.LATENCY,
        f"the device says {min(net)} {unit} for one inference; the instructions that the image executes for it "
        f"take {floor} at least",
    )


@dataclass(frozen=True)
class SeenMemory:
    """Memory figures that a witness saw, in bytes. None: not seen.

    Attributes:
        stack: the deepest that the stack was written since reset.
        engine_stack: what one inference took.
        arena: the high-water mark in the arena. arena_at_least: the same after a single inference.
        stray: where the engine first wrote outside what it may write, and the address of the instruction.
    """

    stack: int | None = None
    engine_stack: int | None = None
    arena: int | None = None
    arena_at_least: int | None = None
    stray: tuple[int, int] | None = None


def lies_about_memory(
    *, stack: int | None, engine_stack: int | None, arena: int, seen: SeenMemory, by: str
) -> Iterator[Finding]:
    """Yield a finding for each memory figure of the device that differs from what was seen.

    Args:
        stack, engine_stack, arena: as the device says, in bytes; None where it does not know.
        by: who saw it.
    """
    rows = (
        ("a stack of", stack, seen.stack),
        ("a stack of one inference of", engine_stack, seen.engine_stack),
        ("an arena used up to", arena, seen.arena),
    )
    for what, said, fact in rows:
        if said is not None and fact is not None and said != fact:
            yield Finding(Stage.MEMORY, f"the device says {what} {said} B; {by} saw {fact} B")
    if seen.arena_at_least is not None and arena < seen.arena_at_least:
        yield Finding(
            Stage.MEMORY,
            f"the device says an arena used up to {arena} B; one inference alone uses {seen.arena_at_least} B",
        )


def stray_write(stray: tuple[int, int], name_of: Callable[[int], str]) -> Finding:
    """Return the finding about an engine that wrote where it may not.

    Args:
        stray: the address it wrote to, and that of the instruction.
        name_of: what an image has at an address; "" for nothing.
    """
    at, by = (f"0x{address:08x} ({name_of(address) or 'nothing of the image'})" for address in stray)
    return Finding(
        Stage.ENGINE,
        f"it wrote outside its arena, its outputs and its stack: to {at}, by the instruction at {by}",
    )


def lies_about_answers(*, answered: int, requests: int, retries: int, resets: int | None) -> str:
    """A counter of answered requests that is not what the wire carried; "" where it is.

    Args:
        answered: how much the device's counter went up.
        requests, retries: how many the host sent; a repeated one may have been answered twice, or once.
        resets: how often the board was seen to start anew meanwhile; None where nobody can see that.
    """
    if requests <= answered <= requests + retries:
        return ""
    if answered < 0 or (answered < requests and resets != 0):
        return "the device reset while it was asked: its counter of answers began anew"
    return f"the device counts {answered} answers; the wire carried {requests}"


def resets_between(before: Sight | None, after: Sight | None) -> int | None:
    """Return how often a twin started anew between two moments; None where nobody saw."""
    if before is None or after is None or before.resets is None or after.resets is None:
        return None
    return after.resets - before.resets


def lies_about_life(
    before: Sight | None,
    after: Sight | None,
    *,
    inferences: int,
    fault: FaultRecord | None,
    ordered_resets: int = 0,
) -> Iterator[str]:
    """Say what a twin saw between two moments that the device does not say; nothing where nobody saw.

    Args:
        inferences: how many were asked for at least.
        fault: the device's record afterwards.
        ordered_resets: how often the host had the board reset meanwhile.
    """
    if before is None or after is None:
        return
    resets = resets_between(before, after)
    if resets is not None and resets != ordered_resets:
        verb = "was" if ordered_resets == 1 else "were"
        orders = f"; {ordered_resets} {verb} ordered" if ordered_resets else ""
        yield f"the board started anew while it was asked ({resets}), as its twin saw{orders}"
    if after.faults and fault is None:
        yield f"the emulator saw faults since power-on ({after.faults}); the device has none on record"
    if after.inferences is not None and before.inferences is not None:
        entered = after.inferences - before.inferences
        if entered < inferences:
            yield (
                f"the device answered {inferences} inferences; the emulator saw the engine entered {entered} times"
            )


def lie_about_image(built: str, flashed: str | None) -> str:
    """A device that proves a build while the twin holds another file."""
    return (
        f"the device proves the build of image {built[:12]}; the twin holds image {(flashed or 'none')[:12]}"
    )


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def _hex(data: bytes) -> str:
    return data.hex() if len(data) <= SHOWN_BYTES else f"{data[:SHOWN_BYTES].hex()}..."
