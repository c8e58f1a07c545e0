"""The estimate of cycles: what one instruction costs, by the manual's tables, and what a program costs by hand."""

from __future__ import annotations

import pytest

from tinysine.emulation import hooks
from tinysine.emulation.core import Core
from tinysine.emulation.core_events import Region
from tinysine.emulation.cycles import estimated_tenths
from tinysine.emulation.elf import read_program

# A line of assembly, and its cycles.
INSTRUCTIONS = {
    "adds r0, r1, r2": 1,
    "add.w r0, r1, r2, lsl #3": 1,
    "mul r0, r1, r2": 1,
    "smlad r0, r1, r2, r3": 1,
    "smlal r0, r1, r2, r3": 1,
    "ssat r0, #8, r1": 1,
    "nop": 1,
    "sdiv r0, r1, r2": 12,
    "udiv r0, r1, r2": 12,
    "ldr r0, [r1]": 2,
    "ldr r0, [r1, r2]": 2,
    "ldr r0, [sp, #4]": 2,
    "ldrsb r0, [r1, r2]": 2,
    "ldrb.w r0, [r1], #1": 2,
    "ldrsh.w r0, [r1, #2]!": 2,
    "ldr.w r0, [r1, r2, lsl #2]": 2,
    "str r0, [r1]": 1,
    "strb.w r0, [r1], #1": 1,
    "strd r0, r1, [r2]": 3,
    "ldrd r0, r1, [r2], #8": 3,
    "ldrex r0, [r1]": 2,
    "push {r4, r5, lr}": 4,
    "pop {r4, r5}": 3,
    "ldm r0!, {r1, r2, r3}": 4,
    "ldmia.w r0!, {r1-r8}": 9,
    "stmdb sp!, {r4-r11, lr}": 10,
    "mrs r0, primask": 2,
    "cpsid i": 2,
    "vadd.f32 s0, s1, s2": 1,
    "vmul.f32 s0, s1, s2": 1,
    "vnmul.f32 s0, s1, s2": 1,
    "vmla.f32 s0, s1, s2": 3,
    "vfma.f32 s0, s1, s2": 3,
    "vfnms.f32 s0, s1, s2": 3,
    "vdiv.f32 s0, s1, s2": 14,
    "vsqrt.f32 s0, s1": 14,
    "vcvt.s32.f32 s0, s1": 1,
    "vcmp.f32 s0, s1": 1,
    "vabs.f32 s0, s1": 1,
    "vmov.f32 s0, #1.0": 1,
    "vmov r0, s0": 2,
    "vmov r0, r1, s0, s1": 2,
    "vmrs APSR_nzcv, fpscr": 1,
    "vldr.32 s0, [r0]": 2,
    "vldr.64 d0, [r0]": 3,
    "vldmia r0!, {s0-s3}": 5,
    "vpush {d8, d9}": 5,
    # Pairs and triples: loads in a row, the manual's own examples among them.
    "ldr r0, [r1]\nldr r1, [r2]": 3,
    "ldr r0, [r1, r5]\nldr r1, [r2]\nldr r2, [r3, #4]": 4,
    "ldr r0, [r1, r2]\nstr r0, [r3, #20]": 3,
    "ldr r1, [r2]\nldr r0, [r1]": 4,
    "ldr r1, [r2]\nldr.w r0, [r3, r1, lsl #2]": 4,
    "ldrb.w r1, [r2], #1\nldrsb.w r0, [r3, #1]": 3,
    "ldr r0, [r1]\nadds r3, #1\nldr r2, [r1]": 5,
    "str r0, [r1]\nldr r2, [r1]": 3,
    "ldm r0!, {r1, r2}\nldr r3, [r0]": 5,
    "ldrd r1, r2, [r0]\nldr r3, [r0]": 5,
}


@pytest.fixture(scope="module")
def encodings(assemble) -> dict[str, bytes]:
    """The bytes of each snippet."""
    source = "start:\n" + "".join(
        f".global s{number}\n.type s{number}, %function\ns{number}:\n{text}\n"
        for number, text in enumerate([*INSTRUCTIONS, "nop"])
    )
    program = read_program(assemble(source))
    (code,) = (segment for segment in program.segments if segment.data)
    starts = {name: address - code.address for address, name in program.symbols}
    return {
        text: code.data[starts[f"s{number}"] : starts[f"s{number + 1}"]]
        for number, text in enumerate(INSTRUCTIONS)
    }


def test_instruction_costs_what_the_manual_says(encodings: dict[str, bytes]) -> None:
    """Each with nothing before it, and in a row where that is what matters."""
    found = {text: sum(estimated_tenths(code)) / 10 for text, code in encodings.items()}
    assert found == INSTRUCTIONS


_ENGINE = """
.global ts_engine_invoke, ts_engine_input, ts_engine_output
.type ts_engine_invoke, %function
.equ ts_engine_input, ts_engine_invoke
.equ ts_engine_output, ts_engine_invoke
start:
    bl ts_engine_invoke
    done
ts_engine_invoke:
    movs r0, #10
1:  subs r0, #1
    bne 1b
    cbz r0, 2f
    nop
2:  bx lr
"""


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("model", ["cortex-m4", "cortex-m7"])
def test_taken_branches_refill_the_pipeline(
    assemble, monkeypatch: pytest.MonkeyPatch, compiled: bool, model: str
) -> None:
    """1.6 cycles more for each: nine of the loop, CBZ and the return. A Cortex-M7's cycles are not estimated."""
    if not compiled:
        monkeypatch.setattr(hooks, "counting_library", lambda: None)
    program = read_program(assemble(_ENGINE))
    core = Core(
        (
            Region("flash", 0, 0x100000, writable=False, executable=True),
            Region("RAM", 0x20000000, 0x40000, writable=True, executable=False),
        ),
        model=model,
    )
    for segment in program.segments:
        core.uc.mem_write(segment.address, segment.data)
    core.reset()
    core.write("PC", next(address for address, name in program.symbols if name == "start") | 1)
    core.write("SP", 0x20020000)
    core.witness.aim(program.places)
    core.witness.watch([], [])
    assert "0xF0000000" in str(core.run().violation)
    (seen,) = core.witness.seen()
    assert seen.instructions == 1 + 2 * 10 + 2
    assert seen.estimated_cycles == (
        pytest.approx(1 + 2 * 10 + 2 + 1.6 * 11) if model == "cortex-m4" else None
    )
