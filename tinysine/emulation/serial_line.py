"""Parts of every emulated serial block: bytes from and to the wire, and an end of useless polling."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.emulation.emulated_time import IDLE_QUANTUM_S, EmulatedTime
from tinysine.emulation.wire import Wire

# A firmware that polls an empty receiver so often without doing anything else on the wire is idle.
_IDLE_POLLS = 16
_IDLE_SLEEP_S = 1e-3
# The longer the line is quiet, the less often the firmware is let look at it; a byte ends each sleep. Half a step of
# the firmware's LED demo, so that it misses none.
_LONGEST_SLEEP_S = 8e-3
_POLLS_UNTIL_LONGER = 32
# A board that nobody uses gets a tenth of its time, as one in QEMU: fifty of them must not keep the cores busy.
_REST_S = 0.4
_POLLS_UNTIL_REST = 64  # where it is behind all the time
_OUT_BUFFER = 4096


class SerialLine:
    """The chip's end of the wire.

    Args:
        idle: called at each idle moment; a place where the core may be looked at from outside.

    Attributes:
        overruns: received bytes lost on order.
    """

    def __init__(self, wire: Wire, time: EmulatedTime, *, idle: Callable[[], None]) -> None:
        self._wire = wire
        self._time = time
        self._idle = idle
        self.overruns = 0
        self.reset()

    def reset(self) -> None:
        """As after a reset of the chip; bytes not sent yet are gone."""
        self._incoming = bytearray()
        self._at = 0
        self._outgoing = bytearray()
        self._polls = 0

    def discard(self) -> None:
        """Nobody was listening: what has come is lost."""
        self._wire.receive()

    def waiting(self) -> bool:
        """True if a received byte waits."""
        return self._at < len(self._incoming) or self._refill()

    def buffered(self) -> bool:
        """True if a byte waits behind the one that was taken last, as in a FIFO."""
        return self._at < len(self._incoming)

    def poll(self) -> bool:
        """The firmware asks for a received byte: as `waiting`, and idle time passes if none does."""
        if self.waiting():
            return True
        self.poll_in_vain()
        return False

    def take(self) -> int:
        """The next received byte; 0 if there is none."""
        self._polls = 0
        at = self._at
        if at >= len(self._incoming):
            return 0
        self._at = at + 1
        return self._incoming[at]

    def send(self, byte: int) -> None:
        """One byte to the wire, soon."""
        self._polls = 0
        self._outgoing.append(byte)
        if len(self._outgoing) >= _OUT_BUFFER:
            self.flush()

    def flush(self) -> None:
        """Put what the firmware sent on the wire."""
        if self._outgoing:
            self._wire.send(self._outgoing)
            self._outgoing = bytearray()

    def lose(self, count: int) -> None:
        """Lose the next `count` received bytes, as when a receiver was not read in time."""
        self._refill()
        del self._incoming[self._at : self._at + count]
        self.overruns += count

    def poll_in_vain(self) -> None:
        """The firmware looked for a byte, and there was none to be seen."""
        if self._outgoing:
            self.flush()
        self._idle()
        if self._time.mode == "free":
            self._time.advance(IDLE_QUANTUM_S)
            return
        self._polls += 1
        if self._polls <= _IDLE_POLLS:
            return
        behind = self._time.behind()
        if self._wire.nobody_uses_it and (not behind or self._polls % _POLLS_UNTIL_REST == 0):
            self._wire.wait(_REST_S)
            self._time.pass_over()
        elif not behind:
            self._wire.wait(self._sleep_s())

    def _sleep_s(self) -> float:
        if self._time.moves_in_steps:
            return _IDLE_SLEEP_S
        return min(_IDLE_SLEEP_S * max(1, self._polls // _POLLS_UNTIL_LONGER), _LONGEST_SLEEP_S)

    def _refill(self) -> bool:
        data = self._wire.receive()
        if not data:
            return False
        del self._incoming[: self._at]
        self._at = 0
        self._incoming += data
        self._polls = 0
        return True
