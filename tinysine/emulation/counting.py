"""Instructions executed, counted exactly, and only while somebody is timing.

Unicorn calls a hook at the start of each block of straight-line code. The block's instructions are counted by the
lengths of their encodings, so those in an IT block whose condition is false count as well: the core spends an issue
slot on each. Inside a block, what lies behind the program counter was executed and the rest was not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinysine.emulation.cycles import REFILL, estimated_tenths
from tinysine.emulation.hooks import NOWHERE, Block, Hooks
from tinysine.emulation.thumb import instruction_starts


class InstructionCounter:
    """Counts what the core executes between `start` and `stop`.

    Args:
        hooks: of the core. `start` and `stop` must be called while it does not run.
        watched: (first, last) address of the registers whose access asks for the count: there, the program counter must
            be exact, which costs Unicorn something at every access to memory.
        read_pc: the program counter.
        read_code: bytes of memory, from an address and a size.
        is_fixed: whether the code at an address stays as it is while the core runs.
        estimates_cycles: whether the core is one whose cycles `cycles` can estimate.
    """

    def __init__(
        self,
        hooks: Hooks,
        *,
        watched: tuple[int, int],
        read_pc: Callable[[], int],
        read_code: Callable[[int, int], bytes],
        is_fixed: Callable[[int], bool],
        estimates_cycles: bool = False,
    ) -> None:
        self._core_hooks = hooks
        self._watched = watched
        self._read_pc = read_pc
        self._read_code = read_code
        self._is_fixed = is_fixed
        self._hooks: list[int] = []
        self._estimates_cycles = estimates_cycles
        self._count = hooks.count(self._look, self._arrive, refill=REFILL if estimates_cycles else 0)

    @property
    def running(self) -> bool:
        """True between start and stop."""
        return bool(self._hooks)

    def start(self) -> None:
        """Count from the next instruction on; blocks translated without the hook are forgotten."""
        self._count.executed = self._count.tenths = self._count.size = 0
        self._count.next = self._read_pc()
        self._count.begin = self._count.end = NOWHERE
        self._hooks = [
            self._core_hooks.on_block(self._count),
            self._core_hooks.on_access(*self._watched),
        ]
        self._core_hooks.flush()

    def stop(self) -> None:
        """Count no more, and cost nothing any more."""
        for hook in self._hooks:
            self._core_hooks.remove(hook)
        self._hooks = []
        self._core_hooks.flush()

    def forget_code(self) -> None:
        """Memory that holds code was changed from outside."""
        self._core_hooks.forget_blocks(self._count)

    def executed(self) -> int:
        """Instructions completed since `start`, the one under way not among them."""
        return int(self._count.executed) - len(self._costs_left_in_block())

    def left_block(self) -> None:
        """The core stopped in the middle of a block, and will enter the rest of it as a block of its own."""
        ahead = self._costs_left_in_block()
        self._count.executed -= len(ahead)
        self._count.tenths -= sum(ahead)
        self._count.size = 0
        self._count.next = self._read_pc()

    def _costs_left_in_block(self) -> list[int]:
        """Return the cost of each instruction that is left in the block under way."""
        at, size = self._count.at, self._count.size
        offset = self._read_pc() - at
        if offset < 0 or not size:
            return []  # elsewhere: the block was finished
        code = self._read_code(at, size)
        starts = instruction_starts(code)
        return [cost for start, cost in zip(starts, self._costs(code), strict=True) if start >= offset]

    def _costs(self, code: bytes) -> Sequence[int]:
        return estimated_tenths(code) if self._estimates_cycles else [0] * len(instruction_starts(code))

    def _look(self, block: Block, address: int, size: int) -> None:
        costs = self._costs(self._read_code(address, size))
        block.instructions, block.tenths = len(costs), sum(costs)
        block.address, block.size = address, size if self._is_fixed(address) else 0

    def _arrive(self, address: int) -> None:
        """Called before the block at `begin` or `end` of the count is counted."""
