"""DWT: the core's cycle counter."""

from __future__ import annotations

from typing import Any

from tinysine.emulation.bank import Bank, Violation
from tinysine.emulation.core import Core

_TRCENA = 1 << 24
_LOCK_KEY = 0xC5ACCE55
_WORD = 0xFFFFFFFF


class CycleCounter:
    """DWT's cycle counter, which here counts instructions.

    Args:
        locked: whether writes are ignored until the lock access register is given its key.
    """

    def __init__(self, scs: Bank, dwt: Bank, core: Core, *, locked: bool) -> None:
        self._scs = scs
        self._dwt = dwt
        self._core = core
        self._has_lock = locked
        self.reset()
        if locked:
            dwt.on_write("DWT.LAR", self._write_lock)
            dwt.on_read("DWT.LSR", lambda: 1 | int(self._locked) << 1)
        scs.on_write("DCB.DEMCR", lambda _value: self._switch())
        for offset in list(dwt.readers):
            dwt.readers[offset] = self._guarded(dwt.readers[offset])
        dwt.readers[dwt.offset("DWT.CYCCNT")] = self._read
        dwt.on_write("DWT.CYCCNT", self._write)
        dwt.on_write("DWT.CTRL", self._write_ctrl)

    def reset(self) -> None:
        """As after a reset of the core."""
        self._locked = self._has_lock
        self._frozen = 0  # while it does not count
        self._start = 0  # of the core's count, while it does

    def _guarded(self, reader: Any) -> Any:
        def read() -> int:
            self._need_trace()
            return int(reader())

        return read

    def _need_trace(self) -> None:
        if not self._scs.get("DCB.DEMCR") & _TRCENA:
            raise Violation("a register of the DWT was used before DEMCR.TRCENA was set")

    def _read(self) -> int:
        self._need_trace()
        if not self._core.counter.running:
            return self._frozen
        return (self._core.counter.executed() - self._start) & _WORD

    def _write(self, value: int) -> None:
        self._need_trace()
        if self._locked:
            return
        self._frozen = value
        if self._core.counter.running:
            # The write itself is done when the counter takes its new value.
            self._start = self._core.counter.executed() + 1 - value

    def _write_ctrl(self, _value: int) -> None:
        self._need_trace()
        if self._locked:
            self._dwt.set("DWT.CTRL", self._dwt.reset_value("DWT.CTRL"))
            return
        self._switch()

    def _write_lock(self, value: int) -> None:
        self._need_trace()
        self._locked = value != _LOCK_KEY

    def _switch(self) -> None:
        wanted = bool(self._scs.get("DCB.DEMCR") & _TRCENA and self._dwt.get("DWT.CTRL") & 1)
        counter = self._core.counter
        if counter.running and not wanted:
            self._frozen = (counter.executed() - self._start) & _WORD
        elif wanted and not counter.running:
            self._start = -self._frozen
        self._core.count(wanted)
