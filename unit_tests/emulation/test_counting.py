"""Instruction counts are exact: known by hand, and the same as QEMU's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.emulation import hooks
from tinysine.emulation.counting import InstructionCounter
from tinysine.emulation.thumb import instruction_starts
from tinysine.errors import BuildError

# Each between two reads of the counter, with the instructions that lie between them, the second read not counted.
SNIPPETS = {
    "nothing": ("", 0),
    "nops": ("nop\n" * 7, 7),
    "wide and narrow": ("movw r0, #1\nmovs r1, #2\nldr.w r2, [sp]\nadd.w r0, r0, r1\n", 4),
    "loop": ("movs r0, #100\n1: subs r0, #1\nbne 1b\n", 1 + 200),
    "loop of several blocks": (
        "movs r0, #50\n1: tst r0, #1\nbeq 2f\nadds r1, #1\n2: subs r0, #1\nbne 1b\n",
        1 + 50 * 4 + 25,
    ),
    "IT, true": ("movs r0, #0\ncmp r0, #0\nittt eq\nmoveq r1, #1\nmoveq r2, #2\nmoveq r3, #3\n", 6),
    "IT, false": ("movs r0, #0\ncmp r0, #1\nittt eq\nmoveq r1, #1\nmoveq r2, #2\nmoveq r3, #3\n", 6),
    "IT, mixed in a loop": (
        "movs r0, #10\n1: tst r0, #1\nitete ne\nmovne r1, #1\nmoveq r1, #2\naddne.w r2, r2, #1\naddeq r3, #1\n"
        "subs r0, #1\nbne 1b\n",
        1 + 10 * 8,
    ),
    "IT that branches": ("movs r0, #5\n1: subs r0, #1\nit ne\nbne.n 1b\n", 1 + 5 * 3),
    "call": ("bl leaf\nbl leaf\n", 2 * 3),
    "literal": ("ldr r0, =0x12345678\nldr r1, =0x20000000\nstr r0, [r1]\nldr r2, [r1]\n", 4),
    "table branch": ("movs r0, #1\ntbb [pc, r0]\n3: .byte (4f-3b)/2, (5f-3b)/2\n4: nop\nnop\n5: nop\n", 3),
    "multiple": ("push {r0-r3, lr}\npop {r0-r3, lr}\nsmlad r0, r1, r2, r3\n", 3),
    "floating point": ("vmov.f32 s0, #1.0\nvadd.f32 s0, s0, s0\nvmov r0, s0\n", 3),
}

_PROGRAM = """
.macro measure
    ldr r4, =COUNTER
    ldr r5, [r4]
    {body}
    ldr r6, [r4]
.endm
start:
    put SCB+0x88, 0xF00000
    dsb
    isb
    ldr sp, =0x20030000
    {begin}
    measure
    subs r6, r5
    ldr r0, =0x2001F000
    str r6, [r0]
    {end}
leaf:
    nop
    bx lr
"""
_RESULT = 0x2001F000
_ON_DWT = {
    "begin": ".equ COUNTER, DWT + 4\nput DEMCR, 0x1000000\nput DWT, 1",
    "end": "put DWT, 0\ndone",
}


@pytest.fixture(params=["compiled", "in Python"])
def either_hooks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of hooks, one after the other."""
    if request.param == "compiled":
        assert hooks.counting_library() is not None, (
            "no compiler here: the hooks that people use were not tried"
        )
    else:
        monkeypatch.setattr(hooks, "counting_library", lambda: None)
    return str(request.param)


@pytest.mark.usefixtures("either_hooks")
@pytest.mark.parametrize("name", SNIPPETS)
def test_count_is_what_the_hand_counts(run_program, name: str) -> None:
    """Between two reads of CYCCNT lie the first read and what follows it; not one instruction more or less."""
    body, instructions = SNIPPETS[name]
    twin = run_program(_PROGRAM.format(body=body, **_ON_DWT))
    assert "0xF0000000" in (twin.report() or "")
    assert int.from_bytes(twin.peek(_RESULT, 4), "little") == instructions + 1


_CHANGING = """
    ldr r1, =0x20010000
    movs r0, #2
    ldr r2, =0xBF00BF00 @ nop, nop
1:  str r2, [r1]
    ldr r3, =0x4770 @ bx lr
    str r3, [r1, #4]
    orr r3, r1, #1
    dsb
    isb
    blx r3
    ldr r2, =0x8000F3AF @ nop.w
    subs r0, #1
    bne 1b
"""


@pytest.mark.usefixtures("either_hooks")
def test_code_that_changes_is_counted_as_it_is(run_program) -> None:
    """A function in RAM has two narrow instructions first, and one wide one of the same length after."""
    twin = run_program(_PROGRAM.format(body=_CHANGING, **_ON_DWT), loader="none")
    assert "0xF0000000" in (twin.report() or "")
    around = 3 + 2 * 10
    assert int.from_bytes(twin.peek(_RESULT, 4), "little") == around + 3 + 2 + 1


def test_loop_is_looked_at_once(run_program, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often code runs, Python is asked for its length once for each block."""
    looks: list[int] = []
    look = InstructionCounter._look

    def note(counter: InstructionCounter, block: hooks.Block, address: int, size: int) -> None:
        looks.append(address)
        look(counter, block, address, size)

    monkeypatch.setattr(InstructionCounter, "_look", note)
    body = "ldr r0, =1000000\n1: subs r0, #1\nbne 1b\n"
    twin = run_program(_PROGRAM.format(body=body, **_ON_DWT))
    assert int.from_bytes(twin.peek(_RESULT, 4), "little") == 2_000_000 + 2
    assert 0 < len(looks) < 20


def test_without_a_compiler_python_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, logged) -> None:
    """A warning says so; the board is as good, and slower."""

    def none() -> None:
        raise BuildError("no compiler for host", tool="cc", command="", output="")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("tinysine.image.toolchain.host_compiler", none)
    assert hooks.counting_library.__wrapped__() is None
    assert "ten times slower than in C: no compiler for host" in logged.getvalue()


def test_counting_costs_nothing_when_nobody_times(run_program) -> None:
    """Before the counter is enabled, and after it is disabled, no hook is in place."""
    counts = run_program(_PROGRAM.format(body="nop", **_ON_DWT))
    assert counts.status()["counting"] is False
    on = {"begin": _ON_DWT["begin"], "end": "done"}
    assert run_program(_PROGRAM.format(body="nop", **on)).status()["counting"] is True


def test_counter_keeps_its_value_while_disabled(run_program) -> None:
    """A disabled counter keeps its value, continues from it when enabled again, and takes a written value."""
    body = """
    put DWT+4, 1000
    nop
    put DWT, 0
    nop
    nop
    ldr r4, =DWT + 4
    ldr r2, [r4]
    ldr r3, [r4]
    put DWT, 1
    nop
    ldr r3, [r4]
    ldr r0, =0x2001F010
    str r2, [r0]
    str r3, [r0, #4]
"""
    twin = run_program(_PROGRAM.format(body=body, **_ON_DWT))
    frozen, later = (int.from_bytes(twin.peek(address, 4), "little") for address in (0x2001F010, 0x2001F014))
    # After the write of 1000: nop, two literal loads; the store of 0 ends the counting.
    assert frozen == 1000 + 3
    # From the repeated store on: itself, and the nop.
    assert later == frozen + 2


def test_counter_needs_trcena(run_program) -> None:
    """Without DEMCR.TRCENA the chip's DWT does not answer, and the firmware is told."""
    twin = run_program("start:\nldr r0, =DWT\nldr r1, [r0, #4]\ndone\n")
    assert "TRCENA" in (twin.report() or "")


@given(st.lists(st.sampled_from([b"\x00\xbf", b"\xaf\xf3\x00\x80", b"\x0c\xbf", b"\x40\xea\x01\x02"])))
def test_instruction_starts_follow_the_lengths(encodings: list[bytes]) -> None:
    """Each encoding starts where the one before ends."""
    starts = [sum(map(len, encodings[:index])) for index in range(len(encodings))]
    assert instruction_starts(b"".join(encodings)) == starts


@pytest.fixture(scope="module")
def qemu(require: Callable[[str], str]) -> str:
    """Path of qemu-system-arm."""
    return require("qemu-system-arm")


_TRACED = """
start:
    ldr r0, =SCB + 0x88
    ldr r1, =0xF00000
    str r1, [r0]
    dsb
    isb
    movs r4, #0
    movs r5, #0
    movs r6, #0
.global measure_begin
measure_begin:
    nop
    {body}
.global measure_end
measure_end:
    nop
    movs r0, #0x18
    ldr r1, =0x20026
    bkpt #0xAB
leaf:
    nop
    bx lr
"""


def _traced_by_qemu(qemu: str, elf: Path) -> int:
    """Instructions from measure_begin to measure_end, by QEMU executing blocks of one instruction each and telling."""
    trace = elf.with_suffix(".trace")
    subprocess.run(
        [
            *(qemu, "-M", "mps2-an386", "-kernel", str(elf), "-display", "none", "-monitor", "none"),
            *("-serial", "none", "-semihosting-config", "enable=on,target=native"),
            *("-singlestep", "-d", "exec,nochain", "-D", str(trace)),
        ],
        check=True,
        timeout=60,
        capture_output=True,
    )
    pcs = [int(line.split("/")[1], 16) for line in trace.read_text().splitlines() if line.startswith("Trace")]
    symbols = {name: address for address, name in _symbols(elf)}
    begin, end = symbols["measure_begin"], symbols["measure_end"]
    return pcs.index(end) - pcs.index(begin) - 1  # the marking nop


def _symbols(elf: Path) -> list[tuple[int, str]]:
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        return [(int(symbol["st_value"]) & ~1, str(symbol.name)) for symbol in table.iter_symbols()]


@pytest.mark.parametrize("name", SNIPPETS)
def test_count_is_what_qemu_counts(assemble, run_program, qemu: str, name: str) -> None:
    """An emulator that nobody here wrote executes as many instructions for the same code."""
    body, _ = SNIPPETS[name]
    twin = run_program(_PROGRAM.format(body=body, **_ON_DWT))
    ours = int.from_bytes(twin.peek(_RESULT, 4), "little") - 1
    assert ours == _traced_by_qemu(qemu, assemble(_TRACED.format(body=body), origin=0))
