"""The connection to one device, which is made anew by itself."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tinysine.errors import IdentityMismatch, PortUnavailable, TinysineError
from tinysine.link.expectation import Expected, require
from tinysine.link.handshake import shake_hands
from tinysine.link.identity import Identity, read_identity
from tinysine.link.requests import Request
from tinysine.link.session import Session
from tinysine.link.stats import LinkStats


def _know_nothing_of(_identity: Identity) -> None:
    """Take any device: nobody expects a certain chip."""


@dataclass(frozen=True)
class Route:
    """The way to a device, which can be gone again.

    Attributes:
        open: opens a session, in so many seconds at most.
        where: names the port that is opened; hardware may come back under another name, a twin at another terminal.
        epoch: counts what was done to the board by others than the device's own requests: flashed, reset, replaced.
        recognise: raises IdentityMismatch for another chip than the one that has to be there.
        pause, clock: sleep, and monotonic seconds by which deadlines pass.
    """

    open: Callable[[float], Session]
    where: Callable[[], str] = lambda: ""
    epoch: Callable[[], int] = lambda: 0
    recognise: Callable[[Identity], None] = _know_nothing_of
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    @property
    def state(self) -> tuple[str, int]:
        """A connection that was made in another one has to be made anew."""
        return self.where(), self.epoch()


class Connection:
    """A device that has said who it is, and the session with it that is open now.

    Where the port vanished, is another one by now, or the board was flashed, reset or replaced, the next request opens
    it anew, and the device proves who it is before that request is sent. A request that failed is never repeated on
    another session: whoever asked is told.

    Args:
        route: to the device.
        timeout_s: for connecting, now and again.
    Attributes:
        session: open now, or the last one.
        identity: as the device told it last.
        lost: what made the last session useless; None while it is of use.
        rescues: each trouble after which the device was found again by itself, in words.
    Raises:
        as `shake_hands`; IdentityMismatch: another chip than the route leads to.
    """

    def __init__(self, route: Route, *, timeout_s: float) -> None:
        self._route = route
        self.timeout_s = timeout_s
        self.lost: TinysineError | None = None
        self.rescues: list[str] = []
        self._released = self._closed = False
        self._earlier = LinkStats()
        self._expected: Expected | None = None
        self._state = route.state
        self.session, self.identity = shake_hands(
            route.open, timeout_s=timeout_s, pause=route.pause, clock=route.clock
        )
        try:
            route.recognise(self.identity)
        except BaseException:
            self.session.close()
            raise

    @property
    def stats(self) -> LinkStats:
        """Return the counts of the link, over all sessions."""
        return self._earlier + self.session.stats

    @property
    def expected(self) -> Expected | None:
        """Return the identity that the device must prove; None if it must only stay the same."""
        return self._expected

    def require(self, expected: Expected) -> None:
        """Demand that the device runs exactly this, now and whenever it says again who it is.

        Raises:
            IdentityMismatch: it does not; facts field, expected, got.
        """
        require(self.identity, expected, port=self.session.port.name)
        self._expected = expected

    @contextmanager
    def live(self) -> Iterator[Session]:
        """Lend the session to one request, made anew if need be.

        Raises:
            IdentityMismatch: another device, or other firmware, has answered there.
            as `shake_hands`.
        """
        self.revive()
        try:
            yield self.session
        except PortUnavailable as error:
            self.lost = error
            raise

    def revive(self) -> None:
        """Connect anew if the session is of no use any more. What was closed stays closed.

        Raises:
            as `live`.
        """
        if self._closed or (self.lost is None and not self._released and self._state == self._route.state):
            return
        trouble, before = self.lost, self.identity
        now = self.resync()
        if self._expected is None and now != before:
            self.identity = before  # nobody has agreed to another one
            self.lost = _another(before, now, self.session.port.name)
            raise self.lost
        if trouble is not None:
            self.rescues.append(f"{type(trouble).__name__}: {trouble}")

    def reconnect(self, *, timeout_s: float | None = None) -> Identity:
        """Have the device say who it is, over the open session if that is of use, else over a new one.

        Args:
            timeout_s: by default as long as connecting might take.
        Raises:
            as `shake_hands`; IdentityMismatch: it does not prove what was required.
        """
        state = self._route.state
        sessions = [self.session]
        if not self._is_open():
            sessions.pop().close()
        try:
            opened, identity = shake_hands(
                lambda seconds: sessions.pop() if sessions else self._route.open(seconds),
                timeout_s=self.timeout_s if timeout_s is None else timeout_s,
                pause=self._route.pause,
                clock=self._route.clock,
            )
            if opened is not self.session:
                self._earlier = self._earlier + self.session.stats
                self.session = opened
            self._prove(identity)
        except TinysineError as error:
            self.lost = self.lost or error
            raise
        self.lost, self._released, self._closed, self._state = None, False, False, state
        return identity

    def resync(self, *, timeout_s: float | None = None) -> Identity:
        """Recover from a disturbed conversation: drain, take a new nonce, shake hands again.

        Args:
            timeout_s: for all of it; by default as long as connecting might take.
        Raises:
            as `reconnect`.
        """
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        deadline = self._route.clock() + timeout_s
        if self._is_open():
            try:
                self.session.resync(timeout_s=timeout_s / 2)
            except PortUnavailable as error:
                self.lost = error
        return self.reconnect(timeout_s=max(deadline - self._route.clock(), 0.0))

    def identify(self, ask: Callable[[Request, bytes], bytes]) -> Identity:
        """Ask anew who the device is, and prove it.

        Args:
            ask: sends a request with its payload, and returns its reply's.
        Raises:
            IdentityMismatch: it does not prove what was required.
        """
        return self._prove(read_identity(ask(Request.IDENTIFY, b""), ask, known=self.identity))

    def release(self) -> None:
        """Let go of the port, for a flash tool that needs it. The next request opens it again."""
        self._released = True
        self.session.close()

    def close(self) -> None:
        """Close the port; only `reconnect` and `resync` open it again."""
        self._closed = True
        self.session.close()

    def _is_open(self) -> bool:
        """Tell whether the session is of use still, at the port where the device is now."""
        moved = self._state[0] != self._route.where()
        return self.lost is None and not (self._released or self._closed or moved)

    def _prove(self, identity: Identity) -> Identity:
        self.identity = identity
        self._route.recognise(identity)
        if self._expected is not None:
            self.require(self._expected)
        return identity


def _another(before: Identity, now: Identity, port: str) -> IdentityMismatch:
    """The error for a device that came back as another one."""
    told = (
        (fact.name, getattr(before, fact.name), getattr(now, fact.name)) for fact in dataclasses.fields(now)
    )
    field, was, is_now = next(row for row in told if row[1] != row[2])
    shown_was, shown_now = (value.hex() if isinstance(value, bytes) else value for value in (was, is_now))
    return IdentityMismatch(
        f"the device at {port} came back with {field} {shown_now}, and had {shown_was}",
        hint="another board or other firmware is there now: connect anew",
        field=field,
        expected=shown_was,
        got=shown_now,
    )
