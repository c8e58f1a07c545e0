"""The serial wire: a pseudo-terminal whose far end any serial program can open."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tinysine.emulation.wire_faults import WireFaults
from tinysine.errors import PortUnavailable

_CHUNK = 65536
# A reader that is merely slow gets this long before bytes fall on the floor, as they would with nobody there.
_PATIENCE_S = 0.25
_REST_AFTER_S = 20.0


class Wire:
    """The board's side of the serial line. Bytes to an unplugged or unread port are lost, as on a bench.

    Args:
        link: path under which the port stays reachable though each plugging-in makes a new pseudo-terminal.
        clock: monotonic seconds; injectable.

    Raises:
        PortUnavailable: this system has no pseudo-terminals.
    """

    def __init__(self, link: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.port = str(link)
        self.faults = WireFaults()
        self.bytes_in = 0
        self.bytes_out = 0
        self.bytes_lost = 0
        self._link = link
        self._clock = clock
        self._used_s = clock()
        self._lock = threading.Lock()
        self._near = -1
        self._far = -1
        self._somebody_reads = True
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self.plug()

    @property
    def plugged(self) -> bool:
        """True while the port exists."""
        return self._near >= 0

    @property
    def nobody_uses_it(self) -> bool:
        """True if for 20 s no byte went either way, and nobody asked for anything else: the board may rest."""
        return self._clock() - self._used_s > _REST_AFTER_S

    def use(self) -> None:
        """Note that somebody does something with the board."""
        self._used_s = self._clock()
        self.wake()

    def plug(self) -> None:
        """Make the port appear."""
        try:
            import tty  # noqa: PLC0415 - absent on Windows

            near, far = os.openpty()
        except (ImportError, AttributeError, OSError) as error:
            raise PortUnavailable(
                f"an emulated board needs a pseudo-terminal, and this system has none: {error}",
                hint="on Windows, use WSL",
                port=self.port,
            ) from error
        with self._lock:
            if self._near >= 0:
                os.close(near)
                os.close(far)
                return
            tty.setraw(far)
            os.set_blocking(near, False)
            # The far end stays open here, or the near end would report a hang-up between two users of the port.
            self._near, self._far = near, far
            self._somebody_reads = True
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(os.ttyname(far))

    def unplug(self) -> None:
        """Make the port vanish under whoever has it open."""
        with self._lock:
            self._link.unlink(missing_ok=True)
            for descriptor in (self._near, self._far):
                if descriptor >= 0:
                    os.close(descriptor)
            self._near = self._far = -1
        self.wake()

    def receive(self) -> bytes:
        """Return the bytes that came from the host since the last call; never wait."""
        with self._lock:
            if self._near < 0:
                return b""
            try:
                data = os.read(self._near, _CHUNK)
            except OSError:
                return b""
        self._used_s = self._clock()
        self.bytes_in += len(data)
        return self.faults.to_device(data) if data else data

    def send(self, data: bytes | bytearray) -> None:
        """Bytes to the host."""
        self._used_s = self._clock()
        view = memoryview(self.faults.to_host(bytes(data)))
        self.bytes_out += len(view)
        while view:
            with self._lock:
                if self._near < 0:
                    self.bytes_lost += len(view)
                    return
                near = self._near
                try:
                    view = view[os.write(near, view) :]
                    self._somebody_reads = True
                    continue
                except BlockingIOError:
                    pass
                except OSError:
                    self.bytes_lost += len(view)
                    return
            writable = self._somebody_reads and select.select([], [near], [], _PATIENCE_S)[1]
            if not writable:
                self._somebody_reads = False
                self.bytes_lost += len(view)
                return

    def wait(self, timeout_s: float) -> None:
        """Sleep until bytes come from the host, `wake` is called, or the time is over."""
        with self._lock:
            watched = [self._wake_read] + ([self._near] if self._near >= 0 else [])
        try:
            ready = select.select(watched, [], [], timeout_s)[0]
        except (OSError, ValueError):
            return  # unplugged meanwhile
        if self._wake_read in ready:
            os.read(self._wake_read, _CHUNK)

    def wake(self) -> None:
        """End a `wait`; from any thread."""
        with contextlib.suppress(BlockingIOError):  # it is about to wake anyway
            os.write(self._wake_write, b"\0")

    def close(self) -> None:
        """The port is gone for good."""
        self.unplug()
