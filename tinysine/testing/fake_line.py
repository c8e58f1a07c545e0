"""A line in memory between a session and a fake device, with a clock that only waiting moves."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.errors import PortUnavailable
from tinysine.testing.fake_device import FakeDevice

Passing = list[tuple[float, bytes]]
"""Arrival of a block of bytes: (seconds later, bytes) each."""


class FakeClock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class FakeLine:
    """A port as tinysine.link.Port, with a weather of its own.

    Attributes:
        to_device, to_host: each takes the bytes of one write or reply and returns what becomes of them.
        accepts: bytes that the port still takes before it is full; None for no end.
        gone: the port has vanished.
        closed: somebody has closed it.
    """

    def __init__(self, device: FakeDevice, clock: FakeClock, *, name: str = "wire") -> None:
        self.name = name
        self.device, self.clock = device, clock
        self.to_device: Callable[[bytes], Passing] = lambda data: [(0.0, data)]
        self.to_host: Callable[[bytes], Passing] = lambda data: [(0.001, data)]
        self.accepts: int | None = None
        self.gone = False
        self.closed = False
        self._arrivals: list[tuple[float, int, bytes]] = []
        self._count = 0

    def arrive(self, data: bytes, *, delay_s: float = 0.0) -> None:
        """Put bytes on their way to the host."""
        self._count += 1
        self._arrivals.append((self.clock.now + delay_s, self._count, data))
        self._arrivals.sort()

    def lose_replies(self, count: int) -> None:
        """Lose the next blocks that the device sends; what comes after them passes."""
        lost = iter(range(count))
        self.to_host = lambda data: [] if next(lost, None) is not None else [(0.001, data)]

    def write(self, data: bytes, timeout_s: float) -> int:
        """As tinysine.link.Port."""
        self._require()
        if self.accepts is not None:
            data, whole = data[: self.accepts], len(data)
            self.accepts -= len(data)
            if len(data) < whole:
                self.clock.now += timeout_s
        for delay_s, part in self.to_device(data):
            for more_s, back in self.to_host(self.device.feed(part)):
                if back:
                    self.arrive(back, delay_s=delay_s + more_s)
        return len(data)

    def read(self, timeout_s: float) -> bytes:
        """As tinysine.link.Port."""
        self._require()
        until = self.clock.now + max(timeout_s, 0.0)
        if self._arrivals and self._arrivals[0][0] <= until:
            when, _, data = self._arrivals.pop(0)
            self.clock.now = max(self.clock.now, when)
            return data
        # A real wait ends a little late, never early.
        self.clock.now = until + 1e-6
        return b""

    def close(self) -> None:
        """As tinysine.link.Port."""
        self.closed = True

    def _require(self) -> None:
        if self.gone or self.closed:
            raise PortUnavailable(
                f"port {self.name} vanished while in use", hint="replug it", port=self.name, cause="vanished"
            )
