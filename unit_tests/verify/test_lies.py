"""The device's word against an emulator's: each contradiction is named, an honest device's word never is."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.emulation import Inference
from tinysine.profiling import Trace
from tinysine.verify.lies import (
    CALL_INSTRUCTIONS,
    SeenMemory,
    TimedInput,
    contradicts_trace,
    faster_than_possible,
    lie_about_latency,
    lies_about_answers,
    lies_about_life,
    lies_about_memory,
    measured_for_nothing,
)
from tinysine.verify.witness import Sight, least_cycles

SEEN = Inference(instructions=331, stack_bytes=44, input=b"\x05", output=b"\x40")
HONEST = TimedInput(input=b"\x05", answer=b"\x40", net=(335, 335, 335), asked=(SEEN,), timed=(SEEN,) * 5)


def told(row: TimedInput) -> str:
    """The contradiction in one input, or ""."""
    finding = lie_about_latency([HONEST, row], "instructions")
    return "" if finding is None else finding.reason


def other(**changes: object) -> Inference:
    """An inference that differs."""
    return dataclasses.replace(SEEN, **changes)  # type: ignore[arg-type]


@given(st.integers(0, CALL_INSTRUCTIONS), st.integers(1, 10**6))
def test_the_call_of_the_engine_is_no_lie(call: int, cost: int) -> None:
    """Between two readings lie the engine and its call."""
    seen = other(instructions=cost)
    row = dataclasses.replace(HONEST, net=(cost + call,) * 3, asked=(seen,), timed=(seen,) * 4)
    assert told(row) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"net": (167, 167, 167)}, "says 167 instructions for one inference; the emulator counted 331"),
        ({"net": (335, 335, 100)}, "says 100 to 335"),
        ({"net": (345,) * 3}, "says 345"),
        ({"asked": ()}, "saw 0 calls of the engine"),
        ({"asked": (other(input=b"\x06"),)}, "saw 1 call of the engine, none with that input"),
        (
            {"asked": (other(output=b"\x41"),)},
            "answered 40 to input 05; the emulator saw the engine write 41",
        ),
        ({"timed": ()}, "timed 3 inferences of input 05; the emulator saw 0 calls"),
        ({"timed": (SEEN, SEEN, SEEN)}, "saw 3 calls"),
        ({"timed": (SEEN, SEEN, SEEN, other(output=b"\x00"))}, "saw the engine write 00"),
        ({"timed": (other(instructions=20),) * 4, "net": (20,) * 3}, "331 instructions when"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_each_lie_about_latency_is_named(changes: dict[str, object], words: str) -> None:
    """Each finding has the device's figure and the emulator's, in one sentence."""
    assert told(HONEST) == ""
    assert words in told(dataclasses.replace(HONEST, **changes))  # type: ignore[arg-type]


def trace(*codes: int) -> Trace:
    """A run through instructions of these first halfwords."""
    addresses = list(range(0, 2 * len(codes), 2))
    return Trace(
        addresses, dict.fromkeys(addresses, 2), dict(zip(addresses, codes, strict=True)), b"", 0, b""
    )


def test_a_trace_bounds_the_cycles() -> None:
    """One cycle an instruction at least, none for IT and NOP; a core that issues two needs half."""
    hundred = trace(*[0x4408] * 98, 0xBF08, 0xBF00)
    assert least_cycles(hundred, core="cortex-m4") == 98
    assert least_cycles(hundred, core="cortex-m7") == 49
    assert faster_than_possible([98], 98, "cycles") is None
    lie = faster_than_possible([150, 97], 98, "cycles")
    assert lie is not None
    assert "says 97 cycles" in lie.reason


def test_a_trace_is_equalled_by_an_exact_counter() -> None:
    """As with an emulator that saw the inference itself."""
    hundred = trace(*[0x4408] * 100)
    assert contradicts_trace([100, 100 + CALL_INSTRUCTIONS], hundred, "instructions") is None
    for wrong in (99, 101 + CALL_INSTRUCTIONS, 50):
        assert contradicts_trace([wrong], hundred, "instructions") is not None


def test_each_lie_about_memory_is_named() -> None:
    """Stack, stack of one inference and arena; what nobody saw is not contradicted."""
    seen = SeenMemory(stack=140, engine_stack=44, arena=32, arena_at_least=30)

    def told(stack: int | None = 140, engine_stack: int | None = 44, arena: int = 32) -> list[str]:
        found = lies_about_memory(stack=stack, engine_stack=engine_stack, arena=arena, seen=seen, by="X")
        return [finding.reason for finding in found]

    assert told() == told(stack=None, engine_stack=None) == []
    assert told(stack=70) == ["the device says a stack of 70 B; X saw 140 B"]
    assert told(engine_stack=0) == ["the device says a stack of one inference of 0 B; X saw 44 B"]
    assert told(arena=16)[0] == "the device says an arena used up to 16 B; X saw 32 B"
    nobody = lies_about_memory(stack=1, engine_stack=1, arena=1, seen=SeenMemory(), by="X")
    assert list(nobody) == []


@pytest.mark.parametrize(
    ("answered", "retries", "resets", "words"),
    [
        (12, 0, None, ""),
        (13, 1, None, ""),
        (13, 0, None, "counts 13 answers; the wire carried 12"),
        (24, 0, 0, "counts 24 answers"),
        (0, 0, 0, "counts 0 answers; the wire carried 12"),
        (3, 0, 1, "the device reset while it was asked"),
        (3, 0, None, "the device reset while it was asked"),
    ],
)
def test_a_counter_is_what_the_wire_carried(
    answered: int, retries: int, resets: int | None, words: str
) -> None:
    """A repeated request may have been answered twice; nothing else may differ."""
    lie = lies_about_answers(answered=answered, requests=12, retries=retries, resets=resets)
    assert lie == words or (words and words in lie)


def test_what_a_twin_saw_is_said() -> None:
    """Resets, faults that are not on record, and inferences that the engine had no part in."""
    before = Sight("ab", resets=2, faults=0, inferences=100, stack_bytes=140)

    def told(**changes: int) -> list[str]:
        after = dataclasses.replace(before, **({"inferences": 356} | changes))  # type: ignore[arg-type]
        return list(lies_about_life(before, after, inferences=256, fault=None))

    assert told() == []
    assert "started anew while it was asked (1)" in told(resets=3)[0]
    assert told(resets=4)[0].endswith("(2), as its twin saw")
    ordered = dataclasses.replace(before, resets=4, inferences=356)
    assert list(lies_about_life(before, ordered, inferences=256, fault=None, ordered_resets=2)) == []
    assert list(lies_about_life(before, ordered, inferences=256, fault=None, ordered_resets=1)) == [
        "the board started anew while it was asked (2), as its twin saw; 1 was ordered"
    ]
    assert "saw faults since power-on (1); the device has none on record" in told(faults=1)[0]
    assert "answered 256 inferences; the emulator saw the engine entered 9 times" in told(inferences=109)[0]
    nothing = Sight(None, None, None, None, None)
    assert list(lies_about_life(nothing, nothing, inferences=256, fault=None)) == []


def test_an_empty_measurement_takes_an_instruction() -> None:
    """If instructions are counted, none between two readings is impossible; a clock may stand still for that time."""
    assert measured_for_nothing(1, "instructions") is None
    assert measured_for_nothing(0, "cycles") is None
    finding = measured_for_nothing(0, "instructions")
    assert finding is not None
    assert "takes 0 instructions" in finding.reason
