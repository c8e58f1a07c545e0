"""Small programs for the emulated board, assembled on the spot."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.emulation.emulated_time import ClockMode
from tinysine.emulation.twin import EmulatedTwin
from tinysine.emulation.wire import Wire
from tinysine.image.tool_run import run_tool
from tinysine.image.toolchain import find_toolchain
from unit_tests.waiting import wait_until

Assembler = Callable[..., Path]

# Prologue of every program: vectors, and the names of the registers that most of them use.
_PROLOGUE = """
.syntax unified
.cpu cortex-m4
.fpu fpv4-sp-d16
.thumb
.equ UART, 0x40002000
.equ DWT, 0xE0001000
.equ SCB, 0xE000ED00
.equ DEMCR, 0xE000EDFC
.macro done
    ldr r7, =0xF0000000
    str r7, [r7]
.endm
.macro put address, value
    ldr r0, =\\address
    ldr r1, =\\value
    str r1, [r0]
.endm
/* From the loader's state: let go of the wire, and connect it to the UART. */
.macro uart_up
    put UART+0x004, 1
1:  ldr r0, =UART+0x144
    ldr r1, [r0]
    cmp r1, #0
    beq 1b
    put UART+0x500, 0
    put UART+0x50C, 35
    put UART+0x514, 42
    put UART+0x524, 0x01D7E000
    put UART+0x56C, 0
    put UART+0x500, 4
.endm
.section .vectors, "a"
.word STACK
.word start
.rept 14
.word fault
.endr
.text
.global start
.type start, %function
.type fault, %function
"""
# Where each emulated chip wants a program, and where its RAM can hold a stack.
_PLACES = {
    "nano33ble-sense": (0x10000, 0x20040000),
    "sparkfun-edge": (0xC000, 0x10010000),
    "sparkfun-edge-svl": (0x10000, 0x10010000),
    "stm32f746g-disco": (0x08000000, 0x20010000),
}
_ENDLESS_FAULT = """
fault:
    b fault
"""
_SCRIPT = """
ENTRY(start)
SECTIONS
{{
    .text {origin} : {{ KEEP(*(.vectors)) *(.text*) }}
}}
"""


@pytest.fixture(scope="session")
def assemble(tmp_path_factory: pytest.TempPathFactory) -> Assembler:
    """(source, origin=0x10000, stack=0x20040000) -> ELF file; the source defines `start`, and may define `fault`."""
    folder = tmp_path_factory.mktemp("programs")
    zig = find_toolchain("zig", "cortex-m4").path

    def build(source: str, *, origin: int = 0x10000, stack: int = 0x20040000) -> Path:
        text = (
            f".equ STACK, {stack:#x}\n"
            + _PROLOGUE
            + source
            + ("" if "fault:" in source else _ENDLESS_FAULT)
            + "\n.ltorg\n"
        )
        name = hashlib.sha256(f"{origin}{text}".encode()).hexdigest()[:16]
        elf = folder / f"{name}.elf"
        if not elf.exists():
            (folder / f"{name}.s").write_text(text)
            (folder / f"{name}.ld").write_text(_SCRIPT.format(origin=hex(origin)))
            target = ["-target", "thumbv7em-none-eabi", "-mcpu=cortex-m4"]
            for command in (
                ["clang", *target, "-c", "-x", "assembler", f"{name}.s", "-o", f"{name}.o"],
                ["ld.lld", "-T", f"{name}.ld", "--nmagic", f"{name}.o", "-o", elf.name],
            ):
                run_tool("zig", [zig, *command], cwd=folder)
        return elf

    return build


@pytest.fixture
def run_program(assemble: Assembler, tmp_path: Path) -> Iterator[Callable[..., EmulatedTwin]]:
    """(source, clock="free", loader=None, board="nano33ble-sense") -> a twin in this process that ran the program until
    it was stopped.

    A program that has nothing more to say executes `done`, which writes to where no chip has anything.
    """
    running: list[tuple[EmulatedTwin, Wire, threading.Thread]] = []

    def run(
        source: str,
        *,
        clock: ClockMode = "free",
        loader: str | None = None,
        board: str = "nano33ble-sense",
        ends: bool = True,
    ) -> EmulatedTwin:
        wire = Wire(tmp_path / f"tty{len(running)}")
        twin = EmulatedTwin(load_board(board), wire, clock=clock, loader=loader, unique_id=bytes(range(8)))
        origin, stack = _PLACES[board]
        thread = threading.Thread(target=twin.run, daemon=True)
        running.append((twin, wire, thread))
        thread.start()
        twin.flash(assemble(source, origin=origin, stack=stack))
        if ends:
            wait_until(lambda: twin.status()["state"] != "running")
        return twin

    yield run
    for twin, wire, thread in running:
        while thread.is_alive():
            twin.close()
            thread.join(0.01)
        wire.close()


@pytest.fixture
def check_report() -> Callable[[EmulatedTwin, list[str]], None]:
    """(twin, facts): it was stopped by a violation, and the one line of its report tells each fact and the place."""

    def check(twin: EmulatedTwin, facts: list[str]) -> None:
        report = twin.report() or ""
        assert twin.status()["state"] == "stopped"
        assert "0xF0000000" not in report, "it was not stopped"
        for fact in [*facts, "pc 0x", "lr 0x"]:
            assert fact in report
        assert "\n" not in report

    return check
