"""Firmware that lies: each lie is a small change of the C sources, and who finds it on which board."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Finder = Literal["verify", "soak", "suite", "nobody"]

NANO, QEMU, HOST = "nano33ble-sense", "qemu:mps2-an386", "host"
REQUEST, INFERENCE, FRAME, STACK = "link/request.c", "link/infer.c", "link/frame.c", "app/stack.c"
LOOP = """        start = ts_port.counter_read();
        status = ts_engine_invoke();
        *count++ = ts_port.counter_read() - start;"""
INFER = "int ts_infer_frame(uint8_t *payload, uint32_t length, uint8_t *reply) {\n"
INFERRED = "    return status == TS_OK ? written : status;"
KEEP = 'extern volatile uint32_t ts_lie_kept;\n__attribute__((section(".noinit"))) volatile uint32_t ts_lie_kept;\n'


@dataclass(frozen=True)
class Lie:
    """One lying firmware.

    Attributes:
        name: what it does.
        changes: (file, text, what stands there instead); the text must occur.
        found_by: by board: "verify"; "soak", which is `verify --soak`; "suite", which is hil_tests; "nobody".
        suite: the file of hil_tests that finds it.
        impostor: it is flashed by hand, proves another image's build id, and `verify --flash never` meets it.
    """

    name: str
    changes: tuple[tuple[str, str, str], ...]
    found_by: dict[str, Finder] = field(default_factory=lambda: {NANO: "verify"})
    suite: str = ""
    impostor: bool = False


def _lie(name: str, *changes: tuple[str, str, str], suite: str = "", **found_by: Finder) -> Lie:
    boards = {"nano": NANO, "qemu": QEMU, "host": HOST}
    finders: dict[str, Finder] = {boards[key]: who for key, who in found_by.items()}
    return Lie(name, changes, finders or {NANO: "suite" if suite else "verify"}, suite)


def _loop(body: str) -> tuple[str, str, str]:
    return (INFERENCE, LOOP, body)


def _memory(figure: str, value: str) -> tuple[str, str, str]:
    said = f"memory->{figure} = {value};\n    volatile uint32_t ts_lie_{figure} ="
    return (REQUEST, f"memory->{figure} =", said)


# In ts_infer_frame: one inference.
_ANSWERED = """        payload = ts_infer_carry(TS_INPUTS, payload);
        status = ts_infer_invoke(reply);
        if (status == TS_OK) {
            output = ts_infer_carry(TS_OUTPUTS, output);
        }
"""
_FAULT_RECORD = (
    INFERENCE,
    '#include "tinysine/link.h"\n',
    '#include "tinysine/fault.h"\n#include "tinysine/link.h"\n',
)
_FILL = """
    for (int i = 0; !ts_lie_full && i < 256; i++) {
        *(uint8_t *)ts_engine_input(0) = (uint8_t)i;
        if (ts_engine_invoke() != TS_OK) {
            break;
        }
        ts_lie_table[i] = *(const uint8_t *)ts_engine_output(0);
    }
    ts_lie_full = 1;
"""
_REMEMBER = """
        if (!ts_lie_known[*payload]) {
            *(uint8_t *)ts_engine_input(0) = *payload;
            status = ts_infer_invoke(reply);
            ts_lie_cache[*payload] = *(const uint8_t *)ts_engine_output(0);
            ts_lie_known[*payload] = 1;
        }
        *output++ = ts_lie_cache[*payload++];
"""
_REPAINT = """
    ts_stack_deepest = ts_port.stack_top;
    ts_stack_fill(ts_stack_pointer());
"""
_AGAIN = """
    static uint8_t last;
    uint8_t now = reply[0];
    reply[0] = written == 1 ? last : now;
    last = now;
"""
_CRASH = """
    static uint8_t frames;
    if (++frames == 5 && ts_noinit.fault.count == 0) {
        __asm volatile("udf #0");
    }
"""
_RESET = """
    static uint8_t frames;
    if (++frames == 5) {
        ts_port.reset();
    }
"""
_WALKER = "TS_STACK_WALKER uint32_t ts_stack_high_water(void) {\n"

LIES = (
    _lie(
        "latency halved",
        _loop(LOOP.replace("ts_port.counter_read() - start", "(ts_port.counter_read() - start) / 2")),
        nano="verify",
        qemu="verify",
        host="nobody",
    ),
    _lie(
        "latency constant",
        _loop(LOOP.replace("ts_port.counter_read() - start", "100")),
        nano="verify",
        qemu="verify",
        host="nobody",
    ),
    _lie(
        "latency a tenth too small",
        _loop(LOOP.replace("ts_port.counter_read() - start", "(ts_port.counter_read() - start) / 10 * 9")),
    ),
    _lie(
        "latency doubled",
        _loop(LOOP.replace("ts_port.counter_read() - start", "(ts_port.counter_read() - start) * 2")),
    ),
    _lie(
        "an empty loop is timed",
        _loop(LOOP.replace("status = ts_engine_invoke();", '__asm volatile("nop");')),
        nano="verify",
        qemu="verify",
        host="nobody",
    ),
    _lie(
        "the clock starts when the inference is done",
        _loop(
            "        status = ts_engine_invoke();\n        start = ts_port.counter_read();\n"
            "        for (volatile int i = 0; i < 20; i++) {}\n"
            "        *count++ = ts_port.counter_read() - start;"
        ),
    ),
    _lie(
        "another, cheaper engine is timed",
        (
            INFERENCE,
            "int ts_infer_time(",
            "__attribute__((noinline)) static int ts_lie_engine(void) {\n"
            "    for (volatile int i = 0; i < 40; i++) {}\n    return 0;\n}\n\n"
            "int ts_infer_time(",
        ),
        _loop(LOOP.replace("ts_engine_invoke", "ts_lie_engine")),
    ),
    _lie(
        "another input is timed",
        (
            INFERENCE,
            "    ts_wire_u32 *count =",
            "    *(uint8_t *)ts_engine_input(0) ^= 0x55;\n    ts_wire_u32 *count =",
        ),
    ),
    _lie(
        "one of two inferences is timed",
        _loop(LOOP + "\n        *(count - 1) = (repetitions & 1) ? 50 : *(count - 1);"),
    ),
    _lie(
        "the overhead is said to be zero",
        (INFERENCE, "*count++ = ts_port.counter_read() - start;\n    while", "*count++ = 0;\n    while"),
    ),
    _lie(
        "the overhead is said to be large",
        (INFERENCE, "*count++ = ts_port.counter_read() - start;\n    while", "*count++ = 150;\n    while"),
    ),
    _lie(
        "the counter runs at an eighth of its speed",
        ("ports/cortex_m/counter.c", "return TS_DWT_CYCCNT;", "return TS_DWT_CYCCNT / 8;"),
    ),
    _lie(
        "stack under-reported by half",
        _memory("stack_used_bytes", "ts_stack_high_water() / 2"),
        nano="verify",
        host="nobody",
    ),
    _lie(
        "stack painted again before it is measured",
        (STACK, _WALKER, _WALKER + _REPAINT),
    ),
    _lie("stack over-reported", _memory("stack_used_bytes", "ts_stack_high_water() + 200")),
    _lie(
        "stack of one inference said to be zero",
        _memory("invoke_stack_bytes", "0"),
        nano="verify",
        qemu="verify",
    ),
    _lie("reserved stack under-reported", _memory("stack_reserved_bytes", "512")),
    _lie("arena under-reported by half", _memory("arena_used_bytes", "ts_arena_high_water() / 2")),
    _lie(
        "arena painted again before it is measured",
        (REQUEST, "memory->arena_used_bytes = ", "ts_arena_paint();\n    memory->arena_used_bytes = "),
    ),
    _lie("planned arena said to be none", _memory("arena_planned_bytes", "0")),
    _lie("static RAM under-reported", _memory("static_ram_bytes", "400")),
    _lie(
        "answered frames counted twice",
        (REQUEST, "counters->answered = ts_link.answered", "counters->answered = ts_link.answered * 2"),
        nano="verify",
        host="verify",
    ),
    _lie(
        "the counter of answers stands still",
        (REQUEST, "counters->answered = ts_link.answered", "counters->answered = 7"),
    ),
    _lie(
        "right for 2,000 frames, then wrong",
        (INFERENCE, INFERRED, "    static uint32_t frames;\n    reply[0] ^= ++frames > 2000;\n" + INFERRED),
        nano="soak",
        host="soak",
    ),
    _lie(
        "wrong when an input is repeated 50 times",
        (
            INFERENCE,
            INFERRED,
            "    static uint8_t last, times;\n    times = payload[-1] == last ? times + 1 : 0;\n"
            "    last = payload[-1];\n    reply[0] ^= times > 50;\n" + INFERRED,
        ),
        nano="soak",
    ),
    _lie(
        "right in batches only",
        (INFERENCE, INFERRED, "    reply[0] ^= written < 4;\n" + INFERRED),
        nano="verify",
        host="verify",
    ),
    _lie(
        "the last answer is given again",
        (INFERENCE, INFERRED, _AGAIN + INFERRED),
    ),
    _lie(
        "answers from a table, and the engine rests",
        (INFERENCE, INFER, "static uint8_t ts_lie_table[256], ts_lie_full;\n\n" + INFER + _FILL),
        (INFERENCE, _ANSWERED, "        *output++ = ts_lie_table[*payload++];\n"),
    ),
    _lie(
        "answers are kept from the first time an input comes",
        (INFERENCE, INFER, "static uint8_t ts_lie_cache[256], ts_lie_known[256];\n\n" + INFER),
        (INFERENCE, _ANSWERED, _REMEMBER),
    ),
    Lie("proves another image's build", (), {NANO: "verify", QEMU: "verify", HOST: "verify"}, impostor=True),
    _lie(
        "crashes, and hides the fault record",
        _FAULT_RECORD,
        (INFERENCE, INFER, INFER + _CRASH),
        (REQUEST, "    if (ts_noinit.fault.count == 0) {", "    if (reply != 0) {"),
    ),
    _lie(
        "resets itself, and its counters go on",
        (FRAME, "struct ts_link ts_link;\n", "struct ts_link ts_link;\n" + KEEP),
        (FRAME, "ts_link.answered++;", "ts_link.answered++;\n    ts_lie_kept++;"),
        (
            REQUEST,
            "counters->answered = ts_link.answered",
            "extern volatile uint32_t ts_lie_kept;\n    counters->answered = ts_lie_kept",
        ),
        (INFERENCE, INFER, INFER + _RESET),
    ),
    _lie(
        "says another speed of its clock",
        (REQUEST, "identity->clock_hz = ts_port.clock_hz", "identity->clock_hz = ts_port.clock_hz / 2"),
    ),
    _lie(
        "typed numbers are answered otherwise",
        (
            "link/number.c",
            "    int status = ts_engine_invoke();",
            "    int status = ts_engine_invoke();\n    *(uint8_t *)(uintptr_t)ts_engine_output(0) ^= 1;",
        ),
        suite="test_text",
    ),
    _lie(
        "real numbers are cut off, not rounded",
        ("link/number.c", "ts_quantize_steps(value, tensor->scale)", "(int32_t)(value / tensor->scale)"),
        suite="test_outputs",
    ),
    _lie(
        "times right, and lies when asked for more than three",
        _loop(LOOP + "\n        *(count - 1) /= repetitions > 3 ? 2 : 1;"),
        suite="test_latency",
    ),
    _lie(
        "damaged frames are not counted",
        (FRAME, "ts_link.corrupt++;\n        /*", "/*"),
        suite="test_protocol_errors",
    ),
)
