"""A running board that can be asked. Knows the link and nothing of what is behind it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from tinysine.errors import LinkTimeout, PortUnavailable
from tinysine.link.answers import (
    Counters,
    DeviceMemory,
    FaultRecord,
    parse_counters,
    parse_fault,
    parse_memory,
)
from tinysine.link.asking import Asking
from tinysine.link.deadlines import REQUEST_S
from tinysine.link.expectation import Expected, require
from tinysine.link.handshake import shake_hands
from tinysine.link.identity import Identity, read_identity
from tinysine.link.ports import DEFAULT_BAUD
from tinysine.link.requests import Capability, Request
from tinysine.link.session import Session
from tinysine.link.stats import LinkStats
from tinysine.link.timing import Timing
from tinysine.settings import CONNECT_TIMEOUT_S

__all__ = ["Counters", "Device", "DeviceMemory", "FaultRecord", "Identity", "Timing"]


class Device(Asking):
    """A board that has answered the handshake.

    Args:
        session: open.
        identity: as the handshake gave it.
        reopen: opens the port again, in so many seconds at most, for when a reset makes it vanish.
        timeout_s: for each request, beside what its bytes and inferences take.
        connect_timeout_s: for shaking hands again, after a reset or a disturbance.
        baud: of the line.
        pause: sleeps; injectable.
        clock: seconds, monotonic; injectable.
        deadline_clock: by which deadlines pass; the same by default.
    """

    def __init__(
        self,
        session: Session,
        identity: Identity,
        *,
        reopen: Callable[[float], Session],
        timeout_s: float = REQUEST_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        baud: int = DEFAULT_BAUD,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        deadline_clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(session, identity, timeout_s=timeout_s, baud=baud, clock=clock)
        self._connect_timeout_s = connect_timeout_s
        self._reopen = reopen
        self._pause = pause
        self._deadline_clock = deadline_clock or clock
        self._earlier = LinkStats()
        self._required: Expected | None = None

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        timeout_s: float = CONNECT_TIMEOUT_S,
        request_timeout_s: float = REQUEST_S,
        baud: int = DEFAULT_BAUD,
        opener: Callable[[], Session] | None = None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        deadline_clock: Callable[[], float] | None = None,
    ) -> Device:
        """Open the port and shake hands, waiting for a board that boots or re-enumerates.

        Args:
            url: a device path or pyserial URL.
            timeout_s: until the handshake must be done.
            request_timeout_s: for each later request, beside what its bytes and inferences take.
            baud: where it means anything.
            opener: opens the session instead; for tests and for ports of one's own.
            pause, clock: sleep and monotonic seconds; injectable.
            deadline_clock: by which deadlines pass, where that is another one: see tinysine.emulation.FairClock.
        Raises:
            PortUnavailable: missing or vanished until the deadline, or busy or not permitted for a second.
            LinkTimeout: no handshake until the deadline; its message says what came instead.
            VersionMismatch: the device speaks another protocol.
            ProtocolError: its identity makes no sense.
        """

        def reopen(open_timeout_s: float) -> Session:
            return (
                opener()
                if opener
                else Session.open(
                    url,
                    timeout_s=request_timeout_s,
                    open_timeout_s=open_timeout_s,
                    baud=baud,
                    clock=deadline_clock or clock,
                )
            )

        session, identity = shake_hands(
            reopen, timeout_s=timeout_s, pause=pause, clock=deadline_clock or clock
        )
        return cls(
            session,
            identity,
            reopen=reopen,
            timeout_s=request_timeout_s,
            connect_timeout_s=timeout_s,
            baud=baud,
            pause=pause,
            clock=clock,
            deadline_clock=deadline_clock,
        )

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self.session.close()

    @property
    def stats(self) -> LinkStats:
        """What the link went through, over all sessions with this device."""
        return self._earlier + self.session.stats

    def memory(self) -> DeviceMemory:
        """What the device measured of its own memory."""
        self._demand(Capability.MEMORY)
        return parse_memory(self._ask(Request.MEMORY, inferences=1))

    def last_fault(self) -> FaultRecord | None:
        """The last fault since power-on, None when there was none. Worth asking after any failure."""
        self._demand(Capability.FAULT)
        return parse_fault(self._ask(Request.FAULT))

    def counters(self) -> Counters:
        """What the device counted since reset."""
        self._demand(Capability.COUNTERS)
        return parse_counters(self._ask(Request.COUNTERS))

    def demo(self, on: bool) -> bool:
        """Switch the LED demo; returns the state it had before."""
        self._demand(Capability.DEMO, "it has no LED, or its model is not one number in and one out")
        return bool(self._ask(Request.DEMO, bytes([on]), 1)[0])

    def text(self, line: str) -> str:
        """Type a line as a person would; returns what the device prints, without the last line end.

        Args:
            line: printable ASCII, at most 40 characters.
        """
        self._demand(Capability.TEXT)
        return self.session.type_line(line, timeout_s=self.timeout_s)

    def reset(self, *, timeout_s: float | None = None) -> Identity:
        """Reset the device by its own request and shake hands again, reopening the port if it vanishes.

        Args:
            timeout_s: for the device to come back; by default as long as connecting might take.
        Raises:
            as `connect`.
            IdentityMismatch: as `identify`.
        """
        timeout_s = self._connect_timeout_s if timeout_s is None else timeout_s
        self._demand(Capability.RESET)
        tells = Capability.COUNTERS in self.capabilities
        answered = self.counters().answered if tells else 0
        try:
            self._ask(Request.RESET)
        except LinkTimeout:
            # Sent once, for a board that has reset would do so again. Its counters tell whether it has.
            self._shake_hands_again(timeout_s)
            if tells and self.counters().answered > answered:
                self._ask(Request.RESET)
        return self._shake_hands_again(timeout_s)

    def resync(self, *, timeout_s: float | None = None) -> Identity:
        """Recover from a disturbed conversation: drain, take a new nonce, shake hands again.

        Args:
            timeout_s: for all of it; by default as long as connecting might take.
        Raises:
            as `connect`.
            IdentityMismatch: as `identify`.
        """
        timeout_s = self._connect_timeout_s if timeout_s is None else timeout_s
        deadline = self._deadline_clock() + timeout_s
        try:
            self.session.resync(timeout_s=timeout_s / 2)
        except PortUnavailable:
            self.session.close()
        return self._shake_hands_again(max(deadline - self._deadline_clock(), 0.0))

    def require(self, image: Expected) -> None:
        """Demand that the device runs exactly this image, now and whenever it is asked again who it is.

        Raises:
            IdentityMismatch: it does not; facts field, expected, got.
        """
        require(self.identity, image, port=self.session.port.name)
        self._required = image

    def identify(self) -> Identity:
        """Ask anew who the device is: one request, unless it has changed. What `require` demanded is demanded again.

        Raises:
            IdentityMismatch: the device runs something else by now; facts field, expected, got.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
        """
        return self._prove(read_identity(self._ask(Request.IDENTIFY), self._ask, known=self.identity))

    def _shake_hands_again(self, timeout_s: float) -> Identity:
        sessions = [self.session]
        opened, identity = shake_hands(
            lambda seconds: sessions.pop() if sessions else self._reopen(seconds),
            timeout_s=timeout_s,
            pause=self._pause,
            clock=self._deadline_clock,
        )
        if opened is not self.session:
            self._earlier = self._earlier + self.session.stats
            self.session = opened
        return self._prove(identity)

    def _prove(self, identity: Identity) -> Identity:
        self.identity = identity
        if self._required is not None:
            self.require(self._required)
        return identity
