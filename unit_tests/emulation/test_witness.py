"""Observations of each inference by the emulator itself, with both kinds of hooks."""

from __future__ import annotations

import itertools

import pytest

from tinysine.emulation import hooks
from tinysine.emulation.core import Core
from tinysine.emulation.core_events import Region
from tinysine.emulation.elf import Program, read_program
from tinysine.emulation.witness import Inference

# An engine that doubles its input, takes 24 bytes of stack, and writes 4 below another 16 without painting them.
_ENGINE = """
.global __ts_stack_bottom, __ts_stack_top
.equ __ts_stack_bottom, 0x2003F000
.equ __ts_stack_top, 0x20040000
.global ts_engine_invoke, ts_engine_input, ts_engine_output
.type ts_engine_invoke, %function
.type ts_engine_input, %function
.type ts_engine_output, %function
start:
    ldr sp, =0x2003FF00
    bl invoke_twice
    done
invoke_twice:
    push {r4, lr}
    bl ts_engine_invoke
    bl ts_engine_invoke
    pop {r4, pc}
ts_engine_input:
    ldr r0, =0x20010000
    bx lr
ts_engine_output:
    ldr r0, =0x20010010
    bx lr
ts_engine_invoke:
    push {r4, lr}
    ldr r1, =0x20010000
    ldr r2, [r1]
    adds r2, r2
    str r2, [r1, #16]
    str r2, [r1]
    ldr r3, =0x5CA1AB1E
    str r3, [sp, #-64] @ painting
    sub sp, #16
    str r2, [sp]
    add sp, #16
    pop {r4, pc}
"""


@pytest.fixture(params=[True, False], ids=["compiled", "in Python"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of hooks, in turn."""
    if not request.param:
        monkeypatch.setattr(hooks, "counting_library", lambda: None)


def standing(program: Program) -> Core:
    """A core before it calls the engine, its witness aimed and not watching yet."""
    core = Core(
        (
            Region("flash", 0, 0x100000, writable=False, executable=True),
            Region("RAM", 0x20000000, 0x40000, writable=True, executable=False),
        )
    )
    for segment in program.segments:
        core.uc.mem_write(segment.address, segment.data)
    core.reset()
    core.write_word(0x20010000, 3)
    core.write("PC", next(address for address, name in program.symbols if name == "start") | 1)
    core.write("SP", 0x2003FF00)
    core.witness.aim(program.places)
    return core


@pytest.mark.usefixtures("kind")
def test_inference_is_seen_as_it_is(assemble) -> None:
    """Instructions, stack, input and output of each call; and how deep the stack was written in all."""
    core = standing(read_program(assemble(_ENGINE)))
    core.witness.watch([4], [4])
    assert "0xF0000000" in str(core.run().violation)
    words = [value.to_bytes(4, "little") for value in (3, 6, 12)]
    assert core.witness.seen() == [
        Inference(instructions=12, stack_bytes=24, input=asked, output=answer, estimated_cycles=20.6)
        for asked, answer in itertools.pairwise(words)
    ]
    assert core.witness.inferences == 2
    assert core.witness.stack_bytes == 0x100 + 8 + 24
    assert core.witness.stray is None  # nobody asked


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize(
    ("writable", "strays"),
    [
        ([], True),
        ([(0x20010000, 3), (0x20010001, 16)], True),
        ([(0x20010000, 4)], False),
        ([(0x2000FFFC, 8)], False),
    ],
)
def test_a_write_where_the_engine_may_not_write_is_noted(
    assemble, writable: list[tuple[int, int]], strays: bool
) -> None:
    """The first one, with its instruction: this engine writes its input. Stack and outputs are its own."""
    program = read_program(assemble(_ENGINE))
    core = standing(program)
    core.witness.watch([4], [4], writable)
    core.run()
    instruction = program.places["ts_engine_invoke"] + 10  # five instructions of two bytes come first
    assert core.witness.stray == ((0x20010000, instruction) if strays else None)
    core.witness.aim(program.places)
    assert core.witness.stray is None
