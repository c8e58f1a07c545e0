"""One inference of an image on a bare core: which instructions it executes, in order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinysine.elf_file import OBJECT, opened_elf, read_symbols
from tinysine.emulation.core import Core
from tinysine.emulation.core_events import Region
from tinysine.emulation.cycles import REFILL, estimated_tenths
from tinysine.emulation.elf import Program, read_program
from tinysine.emulation.hooks import Hooks
from tinysine.emulation.thumb import instruction_starts
from tinysine.emulation.witness import STACK_BOTTOM, STACK_TOP
from tinysine.errors import BenchError
from tinysine.firmware_facts import ENGINE_INIT, ENGINE_INPUT, ENGINE_INVOKE, ENGINE_OUTPUT
from tinysine.image import Image

PAGE = 0x1000
RETURN_ADDRESS = 0xDEAD_0000


@dataclass(frozen=True)
class Trace:
    """Trace of one call.

    Attributes:
        addresses: of each instruction, in the order of execution. An instruction in an IT block whose condition is
            false is among them: the core spends an issue slot on it.
        sizes: of the instruction at each address, 2 or 4 bytes.
        codes: the first halfword of the instruction at each address.
        outputs: what each output holds afterwards.
        stack_bytes: from the stack pointer at the entry down to the lowest word written there, as far as the image
            reserves a stack; 0 where nobody tells what is reserved.
        painted: what the painted memory holds afterwards.
        stray: where it first wrote outside what it may write, and the instruction's address; None where it did not.
        tenths: of a cycle that a Cortex-M4 takes for each instruction, as the emulator estimates it; uint16, as many as
            addresses. A taken branch is counted where it leads to.
    """

    addresses: list[int]
    sizes: dict[int, int]
    codes: dict[int, int]
    outputs: tuple[bytes, ...]
    stack_bytes: int
    painted: bytes
    stray: tuple[int, int] | None = None
    tenths: array[int] = field(default_factory=lambda: array("H"))


def trace_call(
    image: Image,
    *,
    inputs: Sequence[bytes],
    output_bytes: Sequence[int],
    paint: tuple[int, bytes] = (0, b""),
    writable: Sequence[tuple[int, int]] | None = None,
) -> Trace:
    """Run one inference of an image's engine and record it.

    Args:
        image: for a board with an Arm core; nothing of it runs before the engine is started.
        inputs: what each input of the engine holds.
        output_bytes: of each output.
        paint: an address in RAM, and what it holds before the engine is started.
        writable: address and bytes of what the engine may write, beside its outputs and its stack; None: anything.
    Raises:
        BenchError: one of the engine's functions is missing, or does not come back; there is no room for a stack.
    """
    elf, board = image.elf, image.board
    assert board.flash is not None
    assert board.ram is not None
    core = Core(
        (
            Region(
                "flash", _down(board.flash.origin), _up(board.flash.length), writable=False, executable=True
            ),
            Region("RAM", _down(board.ram.origin), _up(board.ram.length), writable=True, executable=False),
        )
    )
    program = read_program(elf)
    for segment in program.segments:
        core.uc.mem_write(segment.address, segment.data)
    bottom, top = _stack(image, program)
    core.reset()
    core.fpu_enabled = True
    core.uc.mem_write(*paint)

    def call(function: str, argument: int = 0) -> int:
        core.write("SP", top)
        core.write("R0", argument)
        core.write("LR", RETURN_ADDRESS | 1)
        core.write("PC", _address_of(function, program.symbols, elf) | 1)
        stop = core.run()
        if stop.pc & ~1 != RETURN_ADDRESS:
            where = program.name_of(stop.pc) or f"0x{stop.pc:08X}"
            raise BenchError(f"{function} of {elf} stopped at {where}: {stop.event.value}", file=str(elf))
        return core.read("R0")

    call(ENGINE_INIT)
    for index, data in enumerate(inputs):
        core.uc.mem_write(call(ENGINE_INPUT, index), data)
    outputs_at = [call(ENGINE_OUTPUT, index) for index in range(len(output_bytes))]

    executed = _Executed()
    hooks = Hooks(core.uc)
    stack = hooks.stack(top)

    from unicorn import UC_HOOK_BLOCK  # noqa: PLC0415 - optional; Core has said so

    core.uc.hook_add(UC_HOOK_BLOCK, executed.enter)
    if bottom < top:
        hooks.on_stack(stack, bottom, top - 1)
    outputs = tuple(zip(outputs_at, output_bytes, strict=True))
    writes = hooks.writes((*outputs, *(writable or ())))
    if bottom < top and writable is not None:
        hooks.on_writes(writes)
        writes.enter((bottom, top))
    hooks.flush()  # blocks that ran before would not show
    call(ENGINE_INVOKE)
    return Trace(
        executed.addresses,
        executed.sizes,
        executed.codes,
        tuple(bytes(core.uc.mem_read(at, size)) for at, size in outputs),
        (top - int(stack.lowest) + 3) & ~3,
        bytes(core.uc.mem_read(paint[0], len(paint[1]))) if paint[1] else b"",
        writes.stray,
        executed.tenths,
    )


def _stack(image: Image, program: Program) -> tuple[int, int]:
    """Return the lowest address of a stack, and its top: the image's own, or one at the top of RAM."""
    places, ram = program.places, image.board.ram
    assert ram is not None
    if STACK_BOTTOM in places and STACK_TOP in places:
        return places[STACK_BOTTOM], places[STACK_TOP]
    # The very end is left out: what survives a reset may lie there.
    top = ram.origin + ram.length - PAGE
    bottom = top - (image.stack_bytes or image.board.limits.stack_bytes)
    with opened_elf(image.elf) as elf:
        objects = [symbol for symbol in read_symbols(elf) if symbol.kind == OBJECT]
    end = max((each.value + each.size for each in objects if ram.origin <= each.value < top), default=0)
    if end > bottom:
        raise BenchError(
            f"{image.elf} cannot be traced: its variables end at 0x{end:08X}, and the stack of a trace, of "
            f"{top - bottom:,} bytes, would begin at 0x{bottom:08X}",
            hint="choose a board with more RAM, or an image with fewer variables",
            file=str(image.elf),
        )
    return bottom, top


class _Executed:
    """Instructions that were executed, block by block."""

    def __init__(self) -> None:
        self.addresses: list[int] = []
        self.sizes: dict[int, int] = {}
        self.codes: dict[int, int] = {}
        self.tenths = array("H")
        self._blocks: dict[tuple[int, int], tuple[list[int], array[int]]] = {}
        self._next = -1  # what follows the block before, without a branch

    def enter(self, uc: Any, address: int, size: int, _data: object) -> None:
        """Note a block that the core enters."""
        known = self._blocks.get((address, size))
        if known is None:
            code = bytes(uc.mem_read(address, size))
            starts = instruction_starts(code)
            addresses = [address + start for start in starts]
            known = self._blocks[address, size] = addresses, array("H", estimated_tenths(code))
            self.codes.update((address + at, int.from_bytes(code[at : at + 2], "little")) for at in starts)
            ends = [*addresses[1:], address + size]
            self.sizes.update((start, end - start) for start, end in zip(addresses, ends, strict=True))
        addresses, tenths = known
        self.addresses.extend(addresses)
        self.tenths.extend(tenths)
        if address != self._next and tenths:
            self.tenths[-len(tenths)] += REFILL
        self._next = address + size


def _address_of(function: str, symbols: tuple[tuple[int, str], ...], elf: Path) -> int:
    for address, name in symbols:
        if name == function:
            return address
    raise BenchError(f"{elf} has no function {function}", file=str(elf))


def _down(address: int) -> int:
    return address // PAGE * PAGE


def _up(length: int) -> int:
    return -(-length // PAGE) * PAGE
