"""A page of memory-mapped registers: what it accepts is what the chip's register facts say, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinysine.emulation.registers import Register

PAGE = 0x1000


class Violation(Exception):
    """The firmware did something that the chip does not have. The message says what, without the place."""


class Unmodelled(Violation):
    """The chip can do what the firmware asked for, this emulator cannot."""


class Bank:
    """The registers of one page.

    Reads give what was written unless `on_read` says otherwise; `on_write` is called with a value that has passed the
    checks, after it was stored. A task register without an `on_write` is refused, since silence would be a lie.

    Args:
        base: address of the page.
        registers: those of every block in the page. Two of the same offset share a cell: their bits are united.
        stop: called with a Violation from inside a memory access; must make the core stop.
        narrow: blocks whose registers may be accessed by bytes and halfwords.
    """

    def __init__(
        self,
        base: int,
        registers: Iterable[Register],
        *,
        stop: Callable[[Violation], None],
        narrow: Iterable[str] = (),
    ) -> None:
        self.base = base
        self.values: dict[int, int] = {}
        self.readers: dict[int, Callable[[], int]] = {}
        self.writers: dict[int, Callable[[int], None]] = {}
        self._stop = stop
        self._registers: dict[int, Register] = {}
        self._offsets: dict[str, int] = {}
        self._actions: dict[int, Callable[[int], None]] = {}
        self._narrow_blocks = frozenset(narrow)
        for register in registers:
            self._add(register)
        self.reset()

    def _add(self, register: Register) -> None:
        offset = register.address - self.base
        self._offsets[f"{register.block}.{register.name}"] = offset
        known = self._registers.get(offset)
        if known is not None:
            access = known.access if known.access == register.access else "read-write"
            register = Register(
                block=known.block,
                name=known.name if known.name == register.name else f"{known.name}/{register.name}",
                address=register.address,
                access=access,
                reset=known.reset,
                mask=known.mask | register.mask,
            )
        self._registers[offset] = register
        self.readers[offset] = self._plain_reader(offset, register)
        self.writers[offset] = self._checked_writer(offset, register)

    def reset(self) -> None:
        """Every register to its reset value."""
        self.values.update({offset: register.reset for offset, register in self._registers.items()})

    def changed(self, name: str) -> int:
        """Return the bits of "BLOCK.REGISTER" that differ from the value after reset."""
        return self.get(name) ^ self.reset_value(name)

    def offset(self, name: str) -> int:
        """Return the offset of "BLOCK.REGISTER" from the start of the page."""
        return self._offsets[name]

    def get(self, name: str) -> int:
        """The stored value of "BLOCK.REGISTER"."""
        return self.values[self._offsets[name]]

    def reset_value(self, name: str) -> int:
        """Return the value of "BLOCK.REGISTER" after reset."""
        return self._registers[self._offsets[name]].reset

    def set(self, name: str, value: int) -> None:
        """Store into "BLOCK.REGISTER" as the chip itself would, without checks or effects."""
        self.values[self._offsets[name]] = value

    def on_read(self, name: str, reader: Callable[[], int]) -> None:
        """Have reads of "BLOCK.REGISTER" answered by `reader`."""
        self.readers[self._offsets[name]] = reader

    def on_write(self, name: str, action: Callable[[int], None]) -> None:
        """Have `action` called after each write to "BLOCK.REGISTER"."""
        self._actions[self._offsets[name]] = action

    def guard(self, block: str, check: Callable[[str], None]) -> None:
        """Have `check` called with the name of a register of `block` before each access to it; it raises a Violation
        where the block has no clock or no power. Comes after every `on_read`.
        """
        for offset, register in self._registers.items():
            if register.block == block:
                self.readers[offset] = self._checked_first(self.readers[offset], check, register.name)
                self.writers[offset] = self._checked_first(self.writers[offset], check, register.name)

    def _checked_first(self, access: Any, check: Callable[[str], None], name: str) -> Any:
        def checked(*value: int) -> Any:
            check(name)
            return access(*value)

        return checked

    def read(self, _uc: object, offset: int, size: int, _data: object) -> int:
        """A load by the core; Unicorn's callback."""
        try:
            if size == 4:
                reader = self.readers.get(offset)
                if reader is not None:
                    return reader()
            return self._narrow_read(offset, size)
        except Violation as violation:
            self._stop(violation)
            return 0

    def write(self, _uc: object, offset: int, size: int, value: int, _data: object) -> None:
        """A store by the core; Unicorn's callback."""
        try:
            if size == 4:
                writer = self.writers.get(offset)
                if writer is not None:
                    writer(value)
                    return
            self._narrow_write(offset, size, value)
        except Violation as violation:
            self._stop(violation)

    def describe(self, offset: int) -> str:
        """Address and name of what is at `offset`, for a report."""
        register = self._registers.get(offset & ~3)
        address = f"0x{self.base + offset:08X}"
        return f"{address} ({register.block}.{register.name})" if register else address

    def _plain_reader(self, offset: int, register: Register) -> Callable[[], int]:
        if register.access == "write-only":

            def refuse() -> int:
                raise Violation(f"{self.describe(offset)} was read, and is write-only")

            return refuse
        values = self.values
        return lambda: values[offset]

    def _checked_writer(self, offset: int, register: Register) -> Callable[[int], None]:
        outside = ~register.mask & 0xFFFFFFFF
        reserved = register.reset & outside
        is_task = register.name.startswith("TASKS_")
        values = self.values
        actions = self._actions

        def write(value: int) -> None:
            if register.access == "read-only":
                raise Violation(f"{self.describe(offset)} was written (0x{value:08X}), and is read-only")
            # Zero, or the reset value kept: both are how careful drivers treat bits that are not there.
            if value & outside and value & outside != reserved:
                raise Violation(
                    f"{self.describe(offset)} was written 0x{value:08X}, which sets bits that the chip does not have "
                    f"(0x{value & outside:08X}; it has 0x{register.mask:08X})"
                )
            values[offset] = value
            action = actions.get(offset)
            if action is not None:
                action(value)
            elif is_task and value:
                raise Unmodelled(f"{self.describe(offset)} was triggered")

        return write

    def _narrow_read(self, offset: int, size: int) -> int:
        register = self._registers.get(offset & ~3)
        if register is not None and register.block in self._narrow_blocks and offset % size == 0:
            return self.readers[offset & ~3]() >> 8 * (offset & 3) & ((1 << 8 * size) - 1)
        raise self._misuse("read", offset, size)

    def _narrow_write(self, offset: int, size: int, value: int) -> None:
        register = self._registers.get(offset & ~3)
        if register is not None and register.block in self._narrow_blocks and offset % size == 0:
            shift = 8 * (offset & 3)
            field = ((1 << 8 * size) - 1) << shift
            self.writers[offset & ~3](self.values[offset & ~3] & ~field | value << shift & field)
            return
        raise self._misuse("written", offset, size)

    def _misuse(self, verb: str, offset: int, size: int) -> Violation:
        if offset & ~3 not in self._registers:
            return Violation(f"0x{self.base + offset:08X} was {verb}, where the chip has no register")
        if offset & 3:
            return Violation(f"{self.describe(offset)} was {verb} unaligned, {size} bytes wide")
        if size == 4:
            return Violation(
                f"{self.describe(offset)} was {verb}, which is no register while the block is in this mode"
            )
        return Violation(f"{self.describe(offset)} was {verb} {size} bytes wide; it takes words only")
