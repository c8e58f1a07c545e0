"""One inference of an image on a bare core: which instructions it executes, in order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinysine.emulation.core import Core
from tinysine.emulation.core_events import Region
from tinysine.emulation.cycles import REFILL, estimated_tenths
from tinysine.emulation.elf import read_program
from tinysine.emulation.hooks import Hooks
from tinysine.emulation.thumb import instruction_starts
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
            reserves a stack.
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
        BenchError: one of the engine's functions is missing, or does not come back.
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
    # At the top of RAM: what the image keeps there lies at its bottom.
    stack_top = board.ram.origin + board.ram.length - PAGE
    core.reset()
    core.fpu_enabled = True
    core.uc.mem_write(*paint)

    def call(function: str, argument: int = 0) -> int:
        core.write("SP", stack_top)
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
    lowest = stack_top

    def write(_uc: Any, _access: int, address: int, _size: int, _value: int, _data: object) -> None:
        nonlocal lowest
        core.leave_it_block()
        lowest = min(lowest, address)

    from unicorn import UC_HOOK_BLOCK, UC_HOOK_MEM_WRITE  # noqa: PLC0415 - optional; Core has said so

    core.uc.hook_add(UC_HOOK_BLOCK, executed.enter)
    # Variables lie at the bottom of RAM: what is written close below the top is stack.
    if reserved := image.stack_bytes or board.limits.stack_bytes:
        core.uc.hook_add(UC_HOOK_MEM_WRITE, write, None, stack_top - reserved, stack_top - 1)
    outputs = tuple(zip(outputs_at, output_bytes, strict=True))
    hooks = Hooks(core.uc)
    writes = hooks.writes((*outputs, *(writable or ())))
    if reserved and writable is not None:
        hooks.on_writes(writes)
        writes.enter((stack_top - reserved, stack_top))
    core.uc.ctl_flush_tb()  # blocks that ran before would not show
    call(ENGINE_INVOKE)
    return Trace(
        executed.addresses,
        executed.sizes,
        executed.codes,
        tuple(bytes(core.uc.mem_read(at, size)) for at, size in outputs),
        (stack_top - lowest + 3) & ~3,
        bytes(core.uc.mem_read(paint[0], len(paint[1]))) if paint[1] else b"",
        writes.stray,
        executed.tenths,
    )


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
