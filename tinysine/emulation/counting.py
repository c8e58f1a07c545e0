"""Instructions executed, counted exactly, and only while somebody is timing.

Unicorn calls a hook at the start of each block of straight-line code. The block's instructions are counted by the
lengths of their encodings, so those in an IT block whose condition is false count as well: the core spends an issue
slot on each. Inside a block, what lies behind the program counter was executed and the rest was not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinysine.emulation.thumb import instruction_starts


class InstructionCounter:
    """Counts what the core executes between `start` and `stop`.

    Args:
        uc: the Unicorn engine. `start` and `stop` must be called while it does not run.
        watched: (first, last) address of the registers whose access asks for the count: there, the program counter must
            be exact, which costs Unicorn something at every access to memory.
        touched: called at each such access.
    """

    def __init__(
        self,
        uc: Any,
        *,
        watched: tuple[int, int],
        read_pc: Callable[[], int],
        touched: Callable[[], None] = lambda: None,
    ) -> None:
        self._uc = uc
        self._watched = watched
        self._read_pc = read_pc
        self._touched = touched
        self._hooks: list[Any] = []
        self._blocks: dict[tuple[int, int], list[int]] = {}
        self._current: list[int] = []
        self._current_at = 0
        self._entered = 0

    @property
    def running(self) -> bool:
        """True between start and stop."""
        return bool(self._hooks)

    def start(self) -> None:
        """Count from the next instruction on; blocks translated without the hook are forgotten."""
        from unicorn import UC_HOOK_BLOCK, UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE  # noqa: PLC0415 - optional

        first, last = self._watched
        self._entered = 0
        self._current = []
        self._blocks.clear()
        self._hooks = [
            self._uc.hook_add(UC_HOOK_BLOCK, self._enter_block),
            self._uc.hook_add(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, self._touch, None, first, last),
        ]
        self._uc.ctl_flush_tb()

    def stop(self) -> None:
        """Count no more, and cost nothing any more."""
        for hook in self._hooks:
            self._uc.hook_del(hook)
        self._hooks = []
        self._uc.ctl_flush_tb()

    def executed(self) -> int:
        """Instructions completed since `start`, the one under way not among them."""
        return self._entered - self._ahead()

    def left_block(self) -> None:
        """The core stopped in the middle of a block, and will enter the rest of it as a block of its own."""
        self._entered -= self._ahead()
        self._current = []

    def _ahead(self) -> int:
        offset = self._read_pc() - self._current_at
        if offset < 0 or not self._current:
            return 0  # elsewhere: the block was finished
        return sum(1 for start in self._current if start >= offset)

    def _touch(self, *_: object) -> None:
        self._touched()

    def _enter_block(self, uc: Any, address: int, size: int, _data: object) -> None:
        starts = self._blocks.get((address, size))
        if starts is None:
            starts = self._blocks[address, size] = instruction_starts(uc.mem_read(address, size))
        self._entered += len(starts)
        self._current = starts
        self._current_at = address
