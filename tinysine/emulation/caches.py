"""The Cortex-M7's caches: nothing is cached here, but the way to switch them on is watched."""

from __future__ import annotations

from tinysine.emulation.bank import Bank, Violation

_DATA_ON, _INSTRUCTION_ON = 1 << 16, 1 << 17
# CCSIDR of caches of 4 kB (Cortex-M7 TRM, 4.2): data 32 sets, 4 ways; instructions 64 sets, 2 ways; lines of 32 bytes.
_DATA_GEOMETRY, _INSTRUCTION_GEOMETRY = 0xF003E019, 0xF007E009
_SETS, _WAYS, _LINE_SHIFT, _WAY_SHIFT = 32, 4, 5, 30


class Caches:
    """Cache maintenance registers.

    Args:
        scs: the bank that has them.
    """

    def __init__(self, scs: Bank) -> None:
        self._scs = scs
        self._clean_lines: set[int] = set()
        self._instructions_clean = False
        self._enabled = 0
        scs.on_read("SCB.CCSIDR", self._read_geometry)
        scs.on_write("SCB.ICIALLU", lambda _value: setattr(self, "_instructions_clean", True))
        scs.on_write("SCB.DCISW", self._invalidate_line)

    def reset(self) -> None:
        """Off, and full of noise."""
        self._clean_lines.clear()
        self._instructions_clean = False
        self._enabled = 0

    def check_enabled(self, control: int) -> None:
        """CCR was written.

        Raises:
            Violation: a cache was switched on while it may hold noise that looks like valid lines.
        """
        new = control & ~self._enabled
        if new & _INSTRUCTION_ON and not self._instructions_clean:
            raise Violation("the instruction cache was switched on before ICIALLU made its lines invalid")
        if new & _DATA_ON and len(self._clean_lines) < _SETS * _WAYS:
            raise Violation(
                f"the data cache was switched on before DCISW made all of its {_SETS * _WAYS} lines invalid "
                f"({len(self._clean_lines)} were)"
            )
        self._enabled = control & (_DATA_ON | _INSTRUCTION_ON)

    def _read_geometry(self) -> int:
        return _INSTRUCTION_GEOMETRY if self._scs.get("SCB.CSSELR") & 1 else _DATA_GEOMETRY

    def _invalidate_line(self, value: int) -> None:
        if value & ~(0xE | (_SETS - 1) << _LINE_SHIFT | (_WAYS - 1) << _WAY_SHIFT):
            raise Violation(f"0xE000EF60 (SCB.DCISW) was written 0x{value:08X}, which is no set and way")
        self._clean_lines.add(value & ~0xE)
