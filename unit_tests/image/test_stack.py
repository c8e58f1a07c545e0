"""The stack bound: exact on small programs, refused where none exists."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinysine.codegen import Room, generate
from tinysine.errors import BuildError
from tinysine.graph import parse_network
from tinysine.image.sources import firmware_root
from tinysine.image.stack import parse_stack_usage, read_functions, stack_bound
from tinysine.quantization import Rounding
from tinysine.thumb import goes_on, narrow_branch_offset, stack_taken
from trust.operators import DRAWS

Compile = Callable[..., Path]

# A local array that the compiler can neither shrink nor drop, of known size.
TAKE = """
#define TAKE(bytes) volatile char taken[bytes]; __asm volatile("" : : "r"(taken) : "memory");
#define NOINLINE __attribute__((noinline))
"""


def frame(path: Path, name: str) -> int:
    """The frame of one function, as the compiler says."""
    return parse_stack_usage(path.with_suffix(".su"))[name][0]


def test_a_leaf_takes_its_own_frame(compile_arm: Compile) -> None:
    """One function that calls nothing: its frame is the bound."""
    unit = compile_arm(f"{TAKE} int entry(void); int entry(void) {{ TAKE(100) return taken[0]; }}")
    assert stack_bound([unit], entry="entry") == frame(unit, "entry") >= 100


def test_the_deeper_branch_counts(compile_arm: Compile) -> None:
    """Of two callees only the larger is added; a function that nobody calls is not."""
    unit = compile_arm(f"""{TAKE}
        int entry(int x); int unused(int x);
        static NOINLINE int small(int x) {{ TAKE(40) return taken[0] + x; }}
        static NOINLINE int large(int x) {{ TAKE(400) return taken[0] + x; }}
        int unused(int x) {{ TAKE(4000) return taken[0] + x; }}
        int entry(int x) {{ return small(x) + large(x + 1) + 1; }}""")
    assert stack_bound([unit], entry="entry") == frame(unit, "entry") + frame(unit, "large")


def test_a_chain_adds_up_across_objects(compile_arm: Compile) -> None:
    """Calls into another object file are followed."""
    first = compile_arm(
        f"{TAKE} int far(int x); int entry(int x); int entry(int x) {{ TAKE(64) return far(x) + taken[0]; }}",
        name="first",
    )
    second = compile_arm(
        f"{TAKE} int far(int x); int far(int x) {{ TAKE(80) return taken[0] + x; }}", name="second"
    )
    assert stack_bound([first, second], entry="entry") == frame(first, "entry") + frame(second, "far")


def test_what_an_inference_does_not_reach_is_not_read(compile_arm: Compile, tmp_path: Path) -> None:
    """A file is read only while a callee is unknown: an absent one is an error then, and else does not count."""
    absent = tmp_path / "absent.o"
    whole = compile_arm(f"{TAKE} int entry(void); int entry(void) {{ TAKE(100) return taken[0]; }}")
    assert stack_bound([whole, absent], entry="entry", linked=absent) == frame(whole, "entry")
    calling = compile_arm(
        "int far(int x); int entry(int x); int entry(int x) { return far(x) + 1; }", name="calling"
    )
    for objects, linked in (([calling, absent], None), ([absent, whole], None), ([calling], absent)):
        with pytest.raises(BuildError, match=r"absent\.o cannot be read"):
            stack_bound(objects, entry="entry", linked=linked)
    assert stack_bound([calling], entry="entry") is None


def test_a_tail_call_leaves_its_frame_first(compile_arm: Compile) -> None:
    """A jump at the end of a function does not stack its frame upon the callee's."""
    unit = compile_arm(
        f"""{TAKE} int other(int x); int last(int x); int entry(int x);
        NOINLINE int other(int x) {{ TAKE(8) return taken[0] + x; }}
        NOINLINE int last(int x) {{ TAKE(200) return taken[0] + x; }}
        int entry(int x) {{ return last(other(x) + other(x + 1)); }}""",
        level="-O2",
    )
    assert stack_bound([unit], entry="entry") == max(
        frame(unit, "entry") + frame(unit, "other"), frame(unit, "last")
    )


@pytest.mark.parametrize("level", ["-O0", "-O1", "-Os"])
def test_recursion_has_no_bound(compile_arm: Compile, level: str) -> None:
    """A function that reaches itself is named, whether at once or by way of another."""
    direct = compile_arm(
        f"""{TAKE} int entry(int x);
        int entry(int x) {{ TAKE(8) return x ? entry(x - 1) * 3 + taken[0] : 1; }}""",
        name="direct",
        level=level,
    )
    with pytest.raises(BuildError, match="recursion: entry -> entry"):
        stack_bound([direct], entry="entry")
    around = compile_arm(
        f"""{TAKE} int entry(int x); int other(int x);
        NOINLINE int other(int x) {{ TAKE(8) return entry(x) * 3 + taken[0]; }}
        NOINLINE int entry(int x) {{ TAKE(8) return x ? other(x - 1) * 5 + taken[0] : 1; }}""",
        name="around",
        level=level,
    )
    with pytest.raises(BuildError, match="recursion: entry -> other -> entry"):
        stack_bound([around], entry="entry")


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2"])
def test_a_call_through_a_pointer_has_no_bound(compile_arm: Compile, level: str) -> None:
    """Nobody can say what a pointer calls, be it a call or a jump."""
    unit = compile_arm(
        """int entry(int (*f)(int), int x); int jump(int (*f)(int), int x);
        int entry(int (*f)(int), int x) { return f(x) + 1; }
        int jump(int (*f)(int), int x) { return f(x); }""",
        level=level,
    )
    for entry in ("entry", "jump"):
        with pytest.raises(BuildError, match=f"{entry} calls through a pointer"):
            stack_bound([unit], entry=entry)


def test_a_frame_of_varying_size_has_no_bound(compile_arm: Compile) -> None:
    """A variable-length array is refused."""
    unit = compile_arm(
        "int entry(int n); int entry(int n) { volatile char v[n]; v[0] = 1; v[n - 1] = 2; return v[0]; }"
    )
    with pytest.raises(BuildError, match="varying size"):
        stack_bound([unit], entry="entry")


def test_an_unknown_callee_leaves_the_bound_unknown(compile_arm: Compile) -> None:
    """A function whose frame nobody told makes the figure absent, not small."""
    unit = compile_arm(f"{TAKE} int far(int x); int entry(int x); int entry(int x) {{ return far(x) + 1; }}")
    assert stack_bound([unit], entry="entry") is None


def test_a_missing_entry_is_an_error(compile_arm: Compile) -> None:
    """An engine without its entry is no engine."""
    unit = compile_arm("int other(void); int other(void) { return 1; }")
    with pytest.raises(BuildError, match="no object defines ts_engine_invoke"):
        stack_bound([unit])


def test_data_among_the_code_is_not_taken_for_calls(compile_arm: Compile) -> None:
    """Constants in a literal pool that look like BLX or BL instructions do not count."""
    unit = compile_arm("""
        unsigned entry(unsigned x);
        unsigned entry(unsigned x) { return x * 0x47984798u + 0xf800f000u + (x ^ 0x47a047a8u); }""")
    (function,) = read_functions(unit)
    assert (function.indirect, function.calls) == (False, set())


def test_cloned_functions_take_the_largest_frame(tmp_path: Path) -> None:
    """Two lines under one name are one bound; a dynamic one spoils it, a bounded dynamic one does not."""
    path = tmp_path / "unit.su"
    path.write_text(
        "a.c:1:2:f\t16\tstatic\na.c:1:2:f\t48\tstatic\na.c:9:g\t8\tdynamic\na.c:7:1:h\t24\tdynamic,bounded\n",
        encoding="utf-8",
    )
    assert parse_stack_usage(path) == {"f": (48, True), "g": (8, False), "h": (24, True)}


@pytest.mark.parametrize(
    ("halfwords", "expected"),
    [
        ((0xB5F0, None), 20),  # push {r4, r5, r6, r7, lr}
        ((0xB087, None), 28),  # sub sp, #28
        ((0xB007, None), 0),  # add sp, #28
        ((0xBDF0, None), 0),  # pop {r4, r5, r6, r7, pc}
        ((0x4485, None), None),  # add sp, r0
        ((0x46AD, None), None),  # mov sp, r5
        ((0xE92D, 0x41F0), 24),  # push.w {r4, r5, r6, r7, r8, lr}
        ((0xF84D, 0x4D08), 8),  # str.w r4, [sp, #-8]!
        ((0xF84D, 0x4C08), 0),  # str.w r4, [sp, #-8]
        ((0xE96D, 0x4502), 8),  # strd r4, r5, [sp, #-8]!
        ((0xED2D, 0x8B04), 16),  # vpush {d8, d9}
        ((0xF5AD, 0x7D00), 512),  # sub.w sp, sp, #512
        ((0xF2AD, 0x4D04), 1028),  # subw sp, sp, #1028
        ((0xF6AD, 0x7DFF), 4095),  # subw sp, sp, #4095
        ((0xF5AD, 0x5D80), 4096),  # sub.w sp, sp, #4096
        ((0xF50D, 0x7D00), 0),  # add.w sp, sp, #512
        ((0xEBAD, 0x0D00), None),  # sub.w sp, sp, r0
        ((0xEB00, 0x0101), 0),  # add.w r1, r0, r1
    ],
)
def test_what_an_instruction_takes_from_the_stack(
    halfwords: tuple[int, int | None], expected: int | None
) -> None:
    """Encodings as GNU as makes them; what sets the stack pointer otherwise is unknown, not nothing."""
    assert stack_taken(*halfwords) == expected


@pytest.mark.parametrize(
    ("halfwords", "expected"),
    [
        ((0xBF00, None), True),  # nop
        ((0xD0FE, None), True),  # beq
        ((0xE7FE, None), False),  # b
        ((0xBDF0, None), False),  # pop {.., pc}
        ((0x4770, None), False),  # bx lr
        ((0x4780, None), True),  # blx r0
        ((0x469F, None), False),  # mov pc, r3
        ((0xDEFE, None), False),  # udf
        ((0xF000, 0xF800), True),  # bl
        ((0xF000, 0xB800), False),  # b.w
        ((0xE8BD, 0x81F0), False),  # pop.w {.., pc}
        ((0xE8BD, 0x41F0), True),  # pop.w {.., lr}
        ((0xE8DF, 0xF000), False),  # tbb
    ],
)
def test_after_which_instructions_the_next_one_runs(
    halfwords: tuple[int, int | None], expected: bool
) -> None:
    """After an instruction that does not jump away, the function behind it runs."""
    assert goes_on(*halfwords) is expected


@pytest.mark.parametrize(
    ("halfword", "expected"), [(0xE7FE, -4), (0xE3FF, 2046), (0xD0FE, -4), (0xDF00, None)]
)
def test_short_branches_reach(halfword: int, expected: int | None) -> None:
    """B forward and back, with a condition and without; SVC is none."""
    assert narrow_branch_offset(halfword) == expected


def test_what_a_statement_pushes_counts(compile_arm: Compile) -> None:
    """The compiler knows nothing of a push in an assembly statement: the frame is that much larger."""
    code = 'int entry(int x); int entry(int x) {{ __asm volatile({} : : : "r4", "memory"); return x; }}'
    quiet = compile_arm(code.format('"mov r4, r4"'), name="quiet")
    loud = compile_arm(code.format('"push {r0, r1, r4}\\n\\tpop {r0, r1, r4}"'), name="loud")
    assert frame(loud, "entry") == frame(quiet, "entry")
    assert stack_bound([loud], entry="entry") == frame(quiet, "entry") + 12


KERNELS = {
    "ts_lanes_short_s8": "CONV_2D",
    "ts_lanes_exact_s8": "CONV_2D",
    "ts_conv_runs_s8": "CONV_2D",
    "ts_pointwise_8_s8": "CONV_2D",
    "ts_rgb_s8": "CONV_2D",
    "ts_dense_lanes_s8": "FULLY_CONNECTED",
    "ts_depthwise_3x3_s8": "DEPTHWISE_CONV_2D",
    "ts_depthwise_3x3_stride_2_s8": "DEPTHWISE_CONV_2D",
    "ts_depthwise_planes_s8": "GRAPH",
    "ts_lanes_planes_s8": "GRAPH",
    "ts_pointwise_8_planes_s8": "GRAPH",
    "ts_rgb_planes_s8": "GRAPH",
    "ts_taps_s8": "DEPTHWISE_CONV_2D",
}


@pytest.mark.parametrize(
    "kernel",
    [pytest.param(name, marks=[pytest.mark.long] * (name != "ts_lanes_short_s8")) for name in KERNELS],
)
def test_an_inference_of_each_kernel_in_assembly_has_a_bound(compile_arm: Compile, kernel: str) -> None:
    """A jump into the middle of its own loop is none through a pointer: else no firmware with it could be built."""
    root, operator = firmware_root(), KERNELS[kernel]
    for seed in range(300):
        data = DRAWS[operator](np.random.default_rng([seed, zlib.crc32(operator.encode())]))
        room = Room(1 << 20, 1 << 18) if operator == "GRAPH" else None
        engine = generate(
            parse_network(data, file=kernel), rounding=Rounding.LITERT, core="cortex-m4", room=room
        )
        if kernel in {layer.kernel for layer in engine.layers}:
            break
    else:
        pytest.fail(f"no model of {operator} has {kernel}")
    unit = compile_arm(engine.source, level="-O2", include=(root, root / "include"))
    # What a compiler may call for a loop that fills or copies, as in a board's firmware.
    memory = (root / "ports" / "cortex_m" / "memory.c").read_text(encoding="utf-8")
    objects = [unit, compile_arm(memory, name="memory", level="-O2", include=(root, root / "include"))]
    assert stack_bound(objects, entry="ts_engine_invoke") is not None
