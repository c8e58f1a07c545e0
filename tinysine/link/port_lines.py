"""The bytes behind an open pyserial port: through its descriptor where it has one, else through pyserial."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from typing import Any, Protocol

READ_BYTES = 65536
SLICE_S = 0.05  # of a wait inside pyserial
POLL_S = 0.001
CHUNK_BYTES = 1024  # a socket that is writable takes as many at once


class Line(Protocol):
    """Bytes in, bytes out, of one kind of port. Errors are pyserial's and the system's own."""

    def read(self, timeout_s: float) -> bytes:
        """As `SerialPort.read`."""

    def write(self, data: bytes, deadline: float) -> int:
        """As `SerialPort.write`; deadline in `time.monotonic` seconds."""


def opening_of(scheme: str) -> dict[str, Any]:
    """pyserial's keywords for a port under a URL scheme, "" for a device path.

    They are given once: some ports negotiate with their server again when one is changed.
    """
    return {"timeout": 0, "write_timeout": 0} if scheme == "spy" else {"timeout": SLICE_S}


def line_of(port: Any, scheme: str) -> Line:
    """The line of an open pyserial port.

    Args:
        port: opened with `opening_of` its scheme.
        scheme: of its URL, "" for a device path.
    """
    descriptor = None
    if os.name == "posix":
        with contextlib.suppress(AttributeError, OSError):
            descriptor = port.fileno()
    if descriptor is None:
        return _QueueLine(port)
    if scheme == "spy":
        return _SpyLine(port, descriptor)
    if scheme == "socket":
        _send_at_once(descriptor)
    return _DescriptorLine(descriptor)


class _DescriptorLine:
    """Reads and writes a descriptor: that skips pyserial's bookkeeping and takes whole blocks."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    def read(self, timeout_s: float) -> bytes:
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return b""
        data = self._take()
        if not data:
            raise OSError("the other end hung up")
        return data

    def write(self, data: bytes, deadline: float) -> int:
        sent = 0
        while sent < len(data):
            try:
                sent += self._put(data[sent:])
            except BlockingIOError:
                if not select.select([], [self._fd], [], max(deadline - time.monotonic(), 0.0))[1]:
                    break
        return sent

    def _take(self) -> bytes:
        return os.read(self._fd, READ_BYTES)

    def _put(self, data: bytes) -> int:
        return os.write(self._fd, data)


class _SpyLine(_DescriptorLine):
    """Waits on the descriptor, and lets pyserial read and write, which shows the traffic."""

    def __init__(self, port: Any, descriptor: int) -> None:
        super().__init__(descriptor)
        self._port = port

    def _take(self) -> bytes:
        return bytes(self._port.read(READ_BYTES))

    def _put(self, data: bytes) -> int:
        return int(self._port.write(data))


class _QueueLine:
    """Goes through pyserial, which has a thread and a queue for ports without a descriptor."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        while not self._port.in_waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                return b""
            if left < SLICE_S:
                time.sleep(min(POLL_S, left))
            elif first := self._port.read(1):  # it also notices a connection that was lost
                return bytes(first) + self._rest()
        return self._rest()

    def write(self, data: bytes, deadline: float) -> int:
        sent = 0
        while sent < len(data):
            chunk = data[sent : sent + min(CHUNK_BYTES, self._room())]
            if not chunk or not self._writable(deadline):
                break
            self._port.write(chunk)
            sent += len(chunk)
        return sent

    def _rest(self) -> bytes:
        waiting = self._port.in_waiting
        return bytes(self._port.read(waiting)) if waiting else b""

    def _room(self) -> int:
        # Only loop:// has a queue that can be full.
        size = getattr(self._port, "buffer_size", None)
        return CHUNK_BYTES if size is None else int(size) - int(self._port.in_waiting)

    def _writable(self, deadline: float) -> bool:
        connection = getattr(self._port, "_socket", None)
        if connection is None:
            return True
        return bool(select.select([], [connection], [], max(deadline - time.monotonic(), 0.0))[1])


def _send_at_once(descriptor: int) -> None:
    # Nagle's algorithm against delayed acknowledgement costs 40 ms a request.
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as twin:
        twin.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
