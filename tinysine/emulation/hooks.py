"""Hooks that the emulator calls millions of times a second: compiled where a C compiler is at hand, else in Python."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tinysine.errors import BuildError, ConfigError
from tinysine.image.cache import cached_library, digest_of
from tinysine.thumb import IT_STATE

log = logging.getLogger("tinysine.emulation")

PAINT = 0x5CA1AB1E  # what the firmware fills its stack with before it is used
NOWHERE = 1  # an address at which no code begins
# The farthest below the stack pointer that one instruction writes before it moves the pointer (VPUSH of 32 words).
_ONE_PUSH_BYTES = 128
_SLOTS = 1 << 17  # of blocks that are known: two share one if they lie 256 kB apart
_SOURCE = Path(__file__).with_name("hooks.c")

_Look = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32)
_Arrive = ctypes.CFUNCTYPE(None, ctypes.c_uint32)


class Block(ctypes.Structure):
    """A block of straight-line code, as hooks.c knows it."""

    _fields_ = (
        ("address", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("instructions", ctypes.c_uint32),
        ("tenths", ctypes.c_uint32),
    )


class Count(ctypes.Structure):
    """Counters of a hook on blocks; the layout is that of hooks.c."""

    _fields_ = (
        ("executed", ctypes.c_uint64),
        ("tenths", ctypes.c_uint64),
        ("at", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("next", ctypes.c_uint32),
        ("refill", ctypes.c_uint32),
        ("begin", ctypes.c_uint32),
        ("end", ctypes.c_uint32),
        ("mask", ctypes.c_uint32),
        ("known", ctypes.POINTER(Block)),
        ("look", _Look),
        ("arrive", _Arrive),
    )


class Stack(ctypes.Structure):
    """State of a hook on writes to a stack; the layout is that of hooks.c."""

    _fields_ = (
        ("lowest", ctypes.c_uint32),
        ("cpsr", ctypes.c_int32),
        ("sp", ctypes.c_int32),
        ("it_state", ctypes.c_uint32),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
    )


class Range(ctypes.Structure):
    """A piece of memory, as hooks.c knows it."""

    _fields_ = (("first", ctypes.c_uint32), ("bytes", ctypes.c_uint32))


class Writes(ctypes.Structure):
    """Memory that code may write while it is called, and its first write elsewhere; the layout is that of hooks.c."""

    _fields_ = (
        ("plain", Stack),
        ("pc", ctypes.c_int32),
        ("inside", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("ranges", ctypes.POINTER(Range)),
        ("strayed", ctypes.c_uint32),
        ("address", ctypes.c_uint32),
        ("from_", ctypes.c_uint32),
    )

    def enter(self, stack: tuple[int, int]) -> None:
        """The code was called. It may write to a stack, too.

        Args:
            stack: its lowest address, and the stack pointer.
        """
        self.ranges[0] = Range(stack[0], max(0, stack[1] - stack[0]))
        self.inside = 1

    def leave(self) -> None:
        """It has returned."""
        self.inside = 0

    @property
    def stray(self) -> tuple[int, int] | None:
        """Return the address of the first write elsewhere, and that of its instruction; None if there was none."""
        return (int(self.address), int(self.from_)) if self.strayed else None


class Hooks:
    """Puts hooks into one Unicorn engine, and takes them away again.

    `Count`, `Stack` and `Writes` have to outlive their hooks.

    Args:
        uc: the engine. It must stand still.
    """

    def __init__(self, uc: Any) -> None:
        from unicorn import arm_const  # noqa: PLC0415 - optional

        self._uc = uc
        self._cpsr, self._sp = arm_const.UC_ARM_REG_CPSR, arm_const.UC_ARM_REG_SP
        self._pc = arm_const.UC_ARM_REG_PC
        self._library = counting_library()
        self._unicorn = _unicorn_of(uc) if self._library is not None else None
        self._plain = self.stack(0)

    def count(
        self, look: Callable[[Block, int, int], None], arrive: Callable[[int], None], *, refill: int = 0
    ) -> Count:
        """A count of instructions and of estimated cycles.

        Args:
            refill: tenths of a cycle that a taken branch costs beside its block.
            look: fills in a block that is met for the first time, from its address and size. Of code that may change,
                it leaves the size 0, and is asked again.
            arrive: called with `begin` and `end` before the block there is counted.
        """
        known = (Block * _SLOTS)()
        return Count(
            begin=NOWHERE,
            end=NOWHERE,
            refill=refill,
            mask=_SLOTS - 1,
            known=known,
            look=_Look(lambda slot, address, size: look(known[slot], address, size)),
            arrive=_Arrive(arrive),
        )

    def stack(self, lowest: int) -> Stack:
        """A stack that was used down to an address."""
        stack = Stack(lowest=lowest, cpsr=self._cpsr, sp=self._sp, it_state=IT_STATE)
        if self._unicorn is not None:
            for name in ("read", "write"):
                function = getattr(self._unicorn[0], f"uc_reg_{name}")
                setattr(stack, name, ctypes.cast(function, ctypes.c_void_p).value)
        return stack

    def writes(self, allowed: Sequence[tuple[int, int]]) -> Writes:
        """Return the memory that code may write; `Writes.enter` adds the stack.

        Args:
            allowed: address and bytes of each piece of memory.
        """
        ranges = (Range * (1 + len(allowed)))(Range(0, 0), *(Range(*each) for each in allowed))
        return Writes(plain=self.stack(0), pc=self._pc, count=len(ranges), ranges=ranges)

    def on_block(self, count: Count) -> int:
        """Count each block that is entered."""
        from unicorn import UC_HOOK_BLOCK  # noqa: PLC0415 - optional

        return self._add(UC_HOOK_BLOCK, "ts_enter_block", functools.partial(_enter_block, count), count)

    def on_access(self, first: int, last: int) -> int:
        """Keep the program counter exact at accesses to [first, last], as `leave_it_block` needs it."""
        from unicorn import UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE  # noqa: PLC0415 - optional

        kind = UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE
        return self._add(kind, "ts_touch", self._touch, self._plain, within=(first, last))

    def on_stack(self, stack: Stack, first: int, last: int) -> int:
        """Note how deep a stack in [first, last] is written."""
        from unicorn import UC_HOOK_MEM_WRITE  # noqa: PLC0415 - optional

        write = functools.partial(self._write_stack, stack)
        return self._add(UC_HOOK_MEM_WRITE, "ts_write_stack", write, stack, within=(first, last))

    def on_writes(self, writes: Writes) -> int:
        """Note the first write beyond what is allowed."""
        from unicorn import UC_HOOK_MEM_WRITE  # noqa: PLC0415 - optional

        python = functools.partial(self._write_within, writes)
        return self._add(UC_HOOK_MEM_WRITE, "ts_write_within", python, writes)

    def remove(self, hook: int) -> None:
        """Take a hook away."""
        if self._unicorn is None:
            self._uc.hook_del(hook)
        else:
            unicorn, engine = self._unicorn
            unicorn.uc_hook_del(engine, ctypes.c_size_t(hook))

    def flush(self) -> None:
        """Have code translated again, with the hooks that there are now."""
        self._uc.ctl_flush_tb()

    def forget_blocks(self, count: Count) -> None:
        """Look again at the code of every block."""
        ctypes.memset(count.known, 0, ctypes.sizeof(Block) * _SLOTS)

    def leave_it_block(self) -> None:
        """From a hook on an access to memory: end the IT block that the access is in, as far as the next code knows.

        For a hook, Unicorn writes the block's state to where only interrupted code has it; left there, it would make
        the code that comes next conditional.
        """
        status = self._uc.reg_read(self._cpsr)
        if status & IT_STATE:
            self._uc.reg_write(self._cpsr, status & ~IT_STATE)

    def _add(
        self,
        kind: int,
        name: str,
        python: Callable[..., None],
        data: Any,
        *,
        within: tuple[int, int] = (1, 0),  # of all addresses
    ) -> int:
        first, last = within
        if self._unicorn is None:
            return int(self._uc.hook_add(kind, python, None, first, last))
        unicorn, engine = self._unicorn
        handle = ctypes.c_size_t()
        error = unicorn.uc_hook_add(
            engine,
            ctypes.byref(handle),
            kind,
            ctypes.cast(getattr(self._library, name), ctypes.c_void_p),
            ctypes.cast(ctypes.pointer(data), ctypes.c_void_p),
            ctypes.c_uint64(first),
            ctypes.c_uint64(last),
        )
        if error:
            raise MemoryError(f"Unicorn refuses a hook: {error}")
        return handle.value

    def _touch(self, *_: object) -> None:
        self.leave_it_block()

    def _write_stack(
        self, stack: Stack, _uc: Any, _access: int, address: int, size: int, value: int, _data: object
    ) -> None:
        self.leave_it_block()
        painting = size == 4 and value & 0xFFFFFFFF == PAINT  # of stack that is not in use
        if (
            address < stack.lowest
            and not painting
            and address >= self._uc.reg_read(self._sp) - _ONE_PUSH_BYTES
        ):
            stack.lowest = address

    def _write_within(
        self, writes: Writes, _uc: Any, _access: int, address: int, size: int, _value: int, _data: object
    ) -> None:
        self.leave_it_block()
        if not writes.inside:
            return
        for allowed in writes.ranges[: writes.count]:
            if allowed.first <= address and address + size <= allowed.first + allowed.bytes:
                return
        if not writes.strayed:
            writes.address, writes.from_ = address, self._uc.reg_read(self._pc)
        writes.strayed += 1


def _enter_block(count: Count, _uc: Any, address: int, size: int, _data: object) -> None:
    slot = address >> 1 & count.mask
    block = count.known[slot]
    if address in (count.begin, count.end):
        count.arrive(address)
    if block.address != address or block.size != size:
        count.look(slot, address, size)
    count.executed += block.instructions
    count.tenths += block.tenths + (0 if address == count.next else count.refill)
    count.next = address + size
    count.at = address
    count.size = size


def _unicorn_of(uc: Any) -> tuple[Any, Any] | None:
    """Unicorn's own library and its handle of an engine, which its Python package does not name in public."""
    try:
        from unicorn.unicorn_py3.unicorn import uclib  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return (uclib, uc._uch) if hasattr(uc, "_uch") else None


@functools.cache
def counting_library() -> Any:
    """Return hooks.c as a library, compiled once and kept; None where that cannot be."""
    source = _SOURCE.read_text(encoding="utf-8")
    place = (platform.system(), platform.machine(), str(sys.maxsize))
    try:
        return ctypes.CDLL(str(cached_library(digest_of("hooks", source, *place), _compile, suffix=".so")))
    except (BuildError, ConfigError, OSError) as error:
        log.warning("instructions are counted in Python, ten times slower than in C: %s", error)
        return None


def _compile(folder: Path) -> Path:
    # Once on a computer; every board that starts would pay for the import.
    from tinysine.image.tool_run import run_tool  # noqa: PLC0415
    from tinysine.image.toolchain import host_compiler  # noqa: PLC0415

    library = folder / f"hooks{os.extsep}so"
    options = ("-std=c11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", str(library))
    run_tool("cc", [*host_compiler(), *options, str(_SOURCE)])
    return library
