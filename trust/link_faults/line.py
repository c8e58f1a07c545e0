"""A serial line with a simulated clock between the session and the C link; a fault may sit on it."""

from __future__ import annotations

import heapq
import random
from typing import Protocol

from tinysine.errors import PortUnavailable
from trust.link_faults.firmware import Firmware

BYTE_S = 10 / 115200
QUIET_S = 2.0
BOOT_S = 0.3
INFERENCE_S = 0.0005

RESET = None  # in place of bytes: the device resets at that moment

Passing = list[tuple[float, bytes | None]]
"""Fate of a block of bytes: (seconds later, bytes) each."""


class Fault(Protocol):
    """Faults of the line."""

    def to_device(self, line: Line, data: bytes) -> Passing:
        """Fate of one write."""

    def to_host(self, line: Line, data: bytes) -> Passing:
        """Fate of the bytes that the device sends at once."""


class Clear:
    """No fault."""

    def to_device(self, _line: Line, data: bytes) -> Passing:
        """Everything passes."""
        return [(0.0, data)]

    to_host = to_device


class Line:
    """A port for the session, as tinysine.link.Port. Time passes only while somebody waits.

    Attributes:
        now: seconds.
        stalled_until: until then nothing is taken.
        gone_until: until then the port is not there.
    """

    name = "line"

    def __init__(self, firmware: Firmware, rng: random.Random) -> None:
        self.firmware = firmware
        self.rng = rng
        self.fault: Fault = Clear()
        self.now = 1000.0
        self.stalled_until = self.gone_until = 0.0
        self.requests: list[bytes] = []
        self.replies: list[bytes] = []
        self._deaf_until = self._heard = 0.0
        self._events: list[tuple[float, int, bool, bytes | None]] = []
        self._count = 0
        firmware.power_on()

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        arrived = []
        while self._events and self._events[0][0] <= until:
            arrived.append(self._step())
        self.now = until
        if data := b"".join(arrived):  # it waits in the port
            self._count += 1
            heapq.heappush(self._events, (until, self._count, False, data))

    def heal(self) -> None:
        """End every fault and let what is under way arrive."""
        self.fault = Clear()
        self.stalled_until = self.gone_until = 0.0
        self.pause(30.0)
        while self.read(0.0):
            pass

    def write(self, data: bytes, timeout_s: float) -> int:
        """As tinysine.link.Port."""
        self._require()
        if self.now < self.stalled_until:
            self.pause(min(timeout_s, self.stalled_until - self.now))
            if self.now < self.stalled_until:
                return 0
        self.requests.append(data)
        for delay_s, part in self.fault.to_device(self, data):
            self._schedule(delay_s, True, part)
        return len(data)

    def read(self, timeout_s: float) -> bytes:
        """As tinysine.link.Port."""
        self._require()
        until = self.now + max(timeout_s, 0.0)
        while self._events and self._events[0][0] <= until:
            data = self._step()
            if data:
                return data
        self.now = max(self.now, until)
        self._require()
        return b""

    def close(self) -> None:
        """As tinysine.link.Port."""

    def arrive(self, data: bytes, delay_s: float = 0.0) -> None:
        """Put bytes on their way to the host, past the fault."""
        self._schedule(delay_s, False, data)

    def unplug(self, seconds: float) -> None:
        """Take the port away for a while; what is under way is lost."""
        self.gone_until = self.now + seconds
        self._events.clear()

    def reset_device(self) -> None:
        """Reset the device, which is deaf while it boots."""
        self.firmware.reset()
        self._deaf_until = self.now + BOOT_S

    def _require(self) -> None:
        if self.now < self.gone_until:
            raise PortUnavailable("port line vanished", hint="replug it", port=self.name, cause="vanished")

    def _schedule(self, delay_s: float, to_device: bool, data: bytes | None) -> None:
        self._count += 1
        taken_s = BYTE_S * len(data or b"")
        heapq.heappush(self._events, (self.now + delay_s + taken_s, self._count, to_device, data))

    def _step(self) -> bytes:
        """Do the next thing that happens; returns what arrives at the host."""
        when, _, to_device, data = heapq.heappop(self._events)
        self.now = max(self.now, when)
        if data is RESET:
            self.reset_device()
        elif not to_device:
            return data
        elif self.now >= self._deaf_until:
            self._hear(data)
        return b""

    def _hear(self, data: bytes) -> None:
        if self.now - self._heard >= QUIET_S:
            self.firmware.quiet()
        self._heard = self.now
        inferred, resets = self.firmware.inferred, self.firmware.resets
        reply = self.firmware.feed(data)
        if self.firmware.resets != resets:
            self._deaf_until = self.now + BOOT_S
        if reply:
            busy_s = INFERENCE_S * (self.firmware.inferred - inferred)
            self.replies.append(reply)
            for delay_s, part in self.fault.to_host(self, reply):
                self._schedule(busy_s + delay_s, False, part)
