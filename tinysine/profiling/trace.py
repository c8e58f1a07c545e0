"""One call of one function of an image, on a bare core: which instructions it executes, in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinysine.emulation.core import Core
from tinysine.emulation.core_events import Region
from tinysine.emulation.elf import read_program
from tinysine.emulation.thumb import instruction_starts
from tinysine.errors import BenchError
from tinysine.image import Image

PAGE = 0x1000
RETURN_ADDRESS = 0xDEAD_0000


@dataclass(frozen=True)
class Trace:
    """What one call executed.

    Attributes:
        addresses: of each instruction, in the order of execution. An instruction in an IT block whose condition is
            false is among them: the core spends an issue slot on it.
        sizes: of the instruction at each address, 2 or 4 bytes.
        codes: the first halfword of the instruction at each address.
        output: what the second argument pointed to, afterwards.
        stack_bytes: from the stack pointer at the entry down to the lowest word written there, as far as the image
            reserves a stack.
        painted: what the painted memory holds afterwards.
    """

    addresses: list[int]
    sizes: dict[int, int]
    codes: dict[int, int]
    output: bytes
    stack_bytes: int
    painted: bytes


def trace_call(
    image: Image,
    function: str,
    *,
    input_bytes: bytes,
    output_bytes: int,
    paint: tuple[int, bytes] = (0, b""),
) -> Trace:
    """Call `function(input, output)` and record it.

    Args:
        image: for a board with an Arm core; nothing of it runs before the call.
        function: its name.
        input_bytes: what the first argument points to.
        output_bytes: how much room the second argument points to.
        paint: an address in RAM, and what it holds before the call.
    Raises:
        BenchError: there is no such function, or it does not come back.
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
    # The stack and the two buffers at the top of RAM: what the image keeps in RAM lies at its bottom.
    output = board.ram.origin + board.ram.length - _up(output_bytes)
    source = output - _up(len(input_bytes))
    core.reset()
    core.uc.mem_write(source, input_bytes)
    core.write("SP", source)
    core.write("R0", source)
    core.write("R1", output)
    core.write("LR", RETURN_ADDRESS | 1)
    core.write("PC", _address_of(function, program.symbols, elf) | 1)
    core.fpu_enabled = True
    core.uc.mem_write(*paint)

    addresses: list[int] = []
    sizes: dict[int, int] = {}
    codes: dict[int, int] = {}
    blocks: dict[tuple[int, int], list[int]] = {}

    def enter(uc: Any, address: int, size: int, _data: object) -> None:
        known = blocks.get((address, size))
        if known is None:
            code = bytes(uc.mem_read(address, size))
            starts = instruction_starts(code)
            known = blocks[address, size] = [address + start for start in starts]
            codes.update((address + at, int.from_bytes(code[at : at + 2], "little")) for at in starts)
            ends = [*known[1:], address + size]
            sizes.update((start, end - start) for start, end in zip(known, ends, strict=True))
        addresses.extend(known)

    lowest = source

    def write(_uc: Any, _access: int, address: int, _size: int, _value: int, _data: object) -> None:
        nonlocal lowest
        lowest = min(lowest, address)

    from unicorn import UC_HOOK_BLOCK, UC_HOOK_MEM_WRITE  # noqa: PLC0415 - optional; Core has said so

    core.uc.hook_add(UC_HOOK_BLOCK, enter)
    # Variables lie at the bottom of RAM: what is written close below the buffers is stack.
    if reserved := image.stack_bytes or board.limits.stack_bytes:
        core.uc.hook_add(UC_HOOK_MEM_WRITE, write, None, source - reserved, source - 1)

    stop = core.run()
    if stop.pc & ~1 != RETURN_ADDRESS:
        where = program.name_of(stop.pc) or f"0x{stop.pc:08X}"
        raise BenchError(f"{function} of {elf} stopped at {where}: {stop.event.value}", file=str(elf))
    return Trace(
        addresses,
        sizes,
        codes,
        bytes(core.uc.mem_read(output, output_bytes)),
        (source - lowest + 3) & ~3,
        bytes(core.uc.mem_read(paint[0], len(paint[1]))) if paint[1] else b"",
    )


def _address_of(function: str, symbols: tuple[tuple[int, str], ...], elf: Path) -> int:
    for address, name in symbols:
        if name == function:
            return address
    raise BenchError(f"{elf} has no function {function}", file=str(elf))


def _down(address: int) -> int:
    return address // PAGE * PAGE


def _up(length: int) -> int:
    return -(-length // PAGE) * PAGE
