"""A running board that can be asked. Knows the link and nothing of what is behind it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from tinysine.errors import LinkTimeout, TinysineError
from tinysine.link.answers import (
    Counters,
    DeviceMemory,
    FaultRecord,
    parse_counters,
    parse_fault,
    parse_memory,
)
from tinysine.link.asking import Asking
from tinysine.link.connection import Connection, Route
from tinysine.link.deadlines import REQUEST_S
from tinysine.link.expectation import Expected
from tinysine.link.identity import Identity
from tinysine.link.ports import DEFAULT_BAUD
from tinysine.link.requests import Capability, Request
from tinysine.link.session import Session
from tinysine.link.stats import LinkStats
from tinysine.link.timing import Timing
from tinysine.settings import CONNECT_TIMEOUT_S
from tinysine.tensor_values import Values

__all__ = ["Counters", "Device", "DeviceMemory", "FaultRecord", "Identity", "Timing"]


class Device(Asking):
    """A board that has answered the handshake.

    It reconnects by itself. Where the port vanished, or the board was reset, flashed or replaced by whoever the route
    knows, the request that was under way fails, and the next one opens the port again: the device has to prove who it
    is before it is asked anything.

    Args:
        connection: to it.
        timeout_s: for each request, beside what its bytes and inferences take.
        baud: of the line.
        clock: seconds, monotonic; injectable.
        on_use, on_answers, counted: as for `Asking`.
    """

    @classmethod
    def connect(
        cls,
        url: str | Callable[[], str],
        *,
        timeout_s: float = CONNECT_TIMEOUT_S,
        request_timeout_s: float = REQUEST_S,
        baud: int = DEFAULT_BAUD,
        opener: Callable[[], Session] | None = None,
        epoch: Callable[[], int] = lambda: 0,
        recognise: Callable[[Identity], None] = lambda _identity: None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        deadline_clock: Callable[[], float] | None = None,
    ) -> Device:
        """Open the port and shake hands, waiting for a board that boots or re-enumerates.

        Args:
            url: a device path or pyserial URL; a function, where it may be another one later.
            timeout_s: until the handshake must be done, now and whenever the device reconnects.
            request_timeout_s: for each later request, beside what its bytes and inferences take.
            baud: where it means anything.
            opener: opens the session instead; for tests and for ports of one's own.
            epoch, recognise: see `tinysine.link.connection.Route`.
            pause, clock: sleep and monotonic seconds; injectable.
            deadline_clock: by which deadlines pass, where that is another one: see tinysine.fair_clock.
        Raises:
            PortUnavailable: missing or vanished until the deadline, or busy or not permitted for a second.
            LinkTimeout: no handshake until the deadline; its message says what came instead.
            VersionMismatch: the device speaks another protocol.
            ProtocolError: its identity makes no sense.
            IdentityMismatch: as `recognise`.
        """
        where = url if callable(url) else lambda: url

        def open_session(open_timeout_s: float) -> Session:
            return (
                opener()
                if opener
                else Session.open(
                    where(),
                    timeout_s=request_timeout_s,
                    open_timeout_s=open_timeout_s,
                    baud=baud,
                    clock=deadline_clock or clock,
                )
            )

        route = Route(
            open_session,
            where=where,
            epoch=epoch,
            recognise=recognise,
            pause=pause,
            clock=deadline_clock or clock,
        )
        return cls(
            Connection(route, timeout_s=timeout_s), timeout_s=request_timeout_s, baud=baud, clock=clock
        )

    def another(
        self,
        *,
        on_use: Callable[[], None] = lambda: None,
        on_answers: Callable[[NDArray[Any], Values], None] = lambda _asked, _answers: None,
        counted: Callable[[Timing], Timing] = lambda timing: timing,
    ) -> Device:
        """Return a second handle on the same connection. What somebody puts in place of the methods of one, or sets on
        it, does not change the other.

        Args:
            on_use, on_answers, counted: as for the class.
        """
        handle = copy.copy(self)
        handle._on_use, handle._on_answers, handle._counted = on_use, on_answers, counted
        return handle

    def __repr__(self) -> str:
        connection = self._connection
        told, expected = connection.identity, connection.expected
        foreign = expected is not None and expected.build_id is None
        build = "foreign firmware" if foreign else f"build {told.build_id.hex()[:12]}"
        return f"<Device {told.board} at {connection.session.port.name}, {build}>"

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port, for good."""
        self._connection.close()

    def release(self) -> None:
        """Let go of the port, as a flash tool may need it; the next request opens it again."""
        self._connection.release()

    @property
    def stats(self) -> LinkStats:
        """Return the counts of the link, over all sessions with this device."""
        return self._connection.stats

    @property
    def lost(self) -> TinysineError | None:
        """The error that ended the last session; None while it is of use."""
        return self._connection.lost

    @property
    def rescues(self) -> Sequence[str]:
        """Each trouble after which the device was found again by itself, in words."""
        return tuple(self._connection.rescues)

    def memory(self) -> DeviceMemory:
        """Return the memory figures that the device measured itself."""
        self._demand(Capability.MEMORY)
        return parse_memory(self._ask(Request.MEMORY, inferences=1))

    def last_fault(self) -> FaultRecord | None:
        """The last fault since power-on, None when there was none. Worth asking after any failure."""
        self._demand(Capability.FAULT)
        return parse_fault(self._ask(Request.FAULT))

    def counters(self) -> Counters:
        """Return the device's counts since reset."""
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
        self._on_use()
        with self._connection.live() as session:
            return session.type_line(line, timeout_s=self.timeout_s)

    def reset(self, *, timeout_s: float | None = None) -> Identity:
        """Reset the device by its own request and shake hands again, reopening the port if it vanishes.

        Args:
            timeout_s: for the device to come back; by default as long as connecting might take.
        Raises:
            as `connect`.
            IdentityMismatch: as `identify`.
        """
        self._demand(Capability.RESET)
        tells = Capability.COUNTERS in self.capabilities
        answered = self.counters().answered if tells else 0
        try:
            self._ask(Request.RESET)
        except LinkTimeout:
            # Sent once, for a board that has reset would do so again. Its counters tell whether it has.
            self.reconnect(timeout_s=timeout_s)
            if tells and self.counters().answered > answered:
                self._ask(Request.RESET)
        return self.reconnect(timeout_s=timeout_s)

    def reconnect(self, *, timeout_s: float | None = None) -> Identity:
        """Have the device say who it is, over the open session if that is of use, else over a new one.

        Args:
            timeout_s: by default as long as connecting might take.
        Raises:
            as `connect`.
            IdentityMismatch: as `identify`.
        """
        self._on_use()
        return self._connection.reconnect(timeout_s=timeout_s)

    def resync(self, *, timeout_s: float | None = None) -> Identity:
        """Recover from a disturbed conversation: drain, take a new nonce, shake hands again.

        Args:
            timeout_s: for all of it; by default as long as connecting might take.
        Raises:
            as `connect`.
            IdentityMismatch: as `identify`.
        """
        self._on_use()
        return self._connection.resync(timeout_s=timeout_s)

    def require(self, expected: Expected) -> None:
        """Demand that the device runs exactly this, now and whenever it says again who it is.

        Raises:
            IdentityMismatch: it does not; facts field, expected, got.
        """
        self._on_use()
        self._connection.require(expected)

    def identify(self) -> Identity:
        """Ask anew who the device is: one request, unless it has changed. What `require` demanded is demanded again.

        Raises:
            IdentityMismatch: the device runs something else by now; facts field, expected, got.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
        """
        return self._connection.identify(self._ask)
