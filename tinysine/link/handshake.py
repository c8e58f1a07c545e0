"""From a port that may not be there yet to a device that has said who it is."""

from __future__ import annotations

import time
from collections.abc import Callable

from tinysine.errors import PortUnavailable
from tinysine.link.identity import Identity, read_identity
from tinysine.link.ports import absence
from tinysine.link.requests import Request
from tinysine.link.session import Session

PORT_POLL_S = 0.05
BUSY_GRACE_S = 1.0  # modem probing and udev hold or guard a fresh port for a moment


def shake_hands(
    opener: Callable[[float], Session],
    *,
    timeout_s: float,
    pause: Callable[[float], None],
    clock: Callable[[], float],
) -> tuple[Session, Identity]:
    """Open a session and learn who answers, waiting for a board that boots or re-enumerates.

    Args:
        opener: opens the session, in so many seconds at most; called again when the port vanishes.
        timeout_s: until the handshake must be done.
        pause, clock: sleep and monotonic seconds.
    Raises:
        PortUnavailable: missing or vanished until the deadline, or busy or not permitted for a second.
        LinkTimeout: no handshake until the deadline; its message says what came instead.
        VersionMismatch: the device speaks another protocol.
        ProtocolError: its identity makes no sense.
    """
    began = clock()
    deadline = began + timeout_s
    while True:
        session: Session | None = None
        try:
            session = opener(max(deadline - clock(), 0.0))
            reply = session.handshake(timeout_s=max(deadline - clock(), 0.0))
            return session, read_identity(reply, _asking(session, deadline, clock))
        except PortUnavailable as error:
            if session:
                session.close()
            waits_until = deadline
            if error.facts.get("cause") in ("busy", "permission", "failed"):
                waits_until = min(deadline, began + BUSY_GRACE_S)
            if clock() + PORT_POLL_S >= waits_until:
                if waits_until == deadline and error.facts.get("cause") == "missing":
                    _say_waited(error, timeout_s)
                raise
            pause(PORT_POLL_S)
        except BaseException:
            if session:
                session.close()
            raise


def await_path(
    port: str,
    *,
    timeout_s: float,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until the path of a port is there, as `shake_hands` does, and open nothing: some boards reset when opened.

    Args:
        port: of a URL, and of a name such as COM3, nothing is known before it is opened, and nothing waited for.
        timeout_s: how long.
        pause, clock: sleep and monotonic seconds.
    Raises:
        PortUnavailable: it is missing until the deadline.
    """
    deadline = clock() + timeout_s
    while (error := absence(port)) is not None:
        if clock() + PORT_POLL_S >= deadline:
            _say_waited(error, timeout_s)
            raise error
        pause(PORT_POLL_S)


def _say_waited(error: PortUnavailable, timeout_s: float) -> None:
    error.message = f"{error.message} (waited {timeout_s:g} s)"


def _asking(
    session: Session, deadline: float, clock: Callable[[], float]
) -> Callable[[Request, bytes], bytes]:
    """Requests whose answers must all have come by a deadline."""
    return lambda request, payload: session.request(request, payload, timeout_s=max(deadline - clock(), 0.0))
