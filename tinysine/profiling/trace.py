"""One call of one function of an image, on a bare core: which instructions it executes, in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinysine.boards import Board
from tinysine.emulation.core import Core
from tinysine.emulation.core_events import Region
from tinysine.emulation.elf import read_program
from tinysine.emulation.thumb import instruction_starts
from tinysine.errors import BenchError

PAGE = 0x1000
RETURN_ADDRESS = 0xDEAD_0000


@dataclass(frozen=True)
class Trace:
    """What one call executed.

    Attributes:
        addresses: of each instruction, in the order of execution. An instruction in an IT block whose condition is
            false is among them: the core spends an issue slot on it.
        sizes: of the instruction at each address, 2 or 4 bytes.
        output: what the second argument pointed to, afterwards.
    """

    addresses: list[int]
    sizes: dict[int, int]
    output: bytes


def trace_call(elf: Path, board: Board, function: str, *, input_bytes: bytes, output_bytes: int) -> Trace:
    """Call `function(input, output)` and record it.

    Args:
        elf: an image for the board; nothing of it runs before the call.
        board: with an Arm core.
        function: its name.
        input_bytes: what the first argument points to.
        output_bytes: how much room the second argument points to.
    Raises:
        BenchError: there is no such function, or it does not come back.
    """
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

    addresses: list[int] = []
    sizes: dict[int, int] = {}
    blocks: dict[tuple[int, int], list[int]] = {}

    def enter(uc: Any, address: int, size: int, _data: object) -> None:
        known = blocks.get((address, size))
        if known is None:
            starts = instruction_starts(bytes(uc.mem_read(address, size)))
            known = blocks[address, size] = [address + start for start in starts]
            ends = [*known[1:], address + size]
            sizes.update((start, end - start) for start, end in zip(known, ends, strict=True))
        addresses.extend(known)

    from unicorn import UC_HOOK_BLOCK  # noqa: PLC0415 - optional; Core has said so if it is missing

    core.uc.hook_add(UC_HOOK_BLOCK, enter)
    stop = core.run()
    if stop.pc & ~1 != RETURN_ADDRESS:
        where = program.name_of(stop.pc) or f"0x{stop.pc:08X}"
        raise BenchError(f"{function} of {elf} stopped at {where}: {stop.event.value}", file=str(elf))
    return Trace(addresses, sizes, bytes(core.uc.mem_read(output, output_bytes)))


def _address_of(function: str, symbols: tuple[tuple[int, str], ...], elf: Path) -> int:
    for address, name in symbols:
        if name == function:
            return address
    raise BenchError(f"{elf} has no function {function}", file=str(elf))


def _down(address: int) -> int:
    return address // PAGE * PAGE


def _up(length: int) -> int:
    return -(-length // PAGE) * PAGE
