"""Serial ports by pyserial URL: opened, read in blocks, and their failures explained."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import serial
from serial.tools import list_ports

from tinysine.boards import join_serial_group
from tinysine.errors import ConfigError, PortUnavailable

DEFAULT_BAUD = 115200
READ_BYTES = 65536


class Port(Protocol):
    """Bytes in, bytes out. What a session needs of a serial port."""

    name: str

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting at most timeout_s for the first byte; b"" when none came."""

    def write(self, data: bytes, timeout_s: float) -> int:
        """Send, waiting at most timeout_s; returns how many bytes were taken."""

    def close(self) -> None:
        """Let go of the port."""


class SerialPort:
    """A port behind pyserial, held exclusively where the system can.

    Args:
        url: a device path or any pyserial URL (`socket://host:port`, `rfc2217://...`).
        baud: where it means anything.
    Raises:
        PortUnavailable: missing, busy, not permitted, or not a serial port; facts port, cause, holders.
        ConfigError: not a URL that pyserial knows.
    """

    def __init__(self, url: str, *, baud: int = DEFAULT_BAUD) -> None:
        self.name = url
        try:
            self._serial: Any = serial.serial_for_url(url, baudrate=baud, timeout=0, exclusive=True)
        except (serial.SerialException, OSError) as error:
            raise _unavailable(url, error) from error
        except ValueError as error:
            raise ConfigError(
                f"{url!r} is not a port",
                hint="use a device path such as /dev/ttyACM0, or a URL such as socket://localhost:4000",
                key="port",
            ) from error
        # Reading the descriptor skips pyserial's per-call bookkeeping and takes whole blocks.
        self._fd: int | None = None
        if os.name == "posix":
            with contextlib.suppress(AttributeError, OSError):
                self._fd = self._serial.fileno()
        if url.lower().startswith("socket://"):
            self._send_at_once()

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting at most timeout_s for the first byte; b"" when none came."""
        try:
            if self._fd is None:
                self._serial.timeout = max(timeout_s, 0.0)
                first: bytes = self._serial.read(1)
                return first + self._serial.read(self._serial.in_waiting) if first else b""
            if not select.select([self._fd], [], [], max(timeout_s, 0.0))[0]:
                return b""
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return b""
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            raise self._vanished(error) from error
        if not data:
            raise self._vanished(None)
        return data

    def write(self, data: bytes, timeout_s: float) -> int:
        """Send, waiting at most timeout_s; returns how many bytes were taken."""
        deadline = time.monotonic() + timeout_s
        sent = 0
        try:
            if self._fd is None:
                self._serial.write_timeout = max(timeout_s, 0.001)
                return int(self._serial.write(data) or 0)
            while sent < len(data):
                try:
                    sent += os.write(self._fd, data[sent:])
                except BlockingIOError:
                    if not select.select([], [self._fd], [], max(deadline - time.monotonic(), 0.0))[1]:
                        break
        except serial.SerialTimeoutException:
            return sent
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            raise self._vanished(error) from error
        return sent

    def close(self) -> None:
        """Let go of the port. Harmless when it is closed or gone already."""
        self._fd = None
        # pyserial leaves its socket open when the other end has hung up already.
        leftover = getattr(self._serial, "_socket", None)
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.close()
        if leftover is not None:
            leftover.close()

    def _send_at_once(self) -> None:
        # Nagle's algorithm against delayed acknowledgement costs 40 ms a request.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._serial.fileno())) as twin:
            twin.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _vanished(self, error: Exception | None) -> PortUnavailable:
        why = f": {error}" if error else ""
        return PortUnavailable(
            f"port {self.name} vanished while in use{why}",
            hint="the board was unplugged, reset or powered off; wait for it to come back, or replug it",
            port=self.name,
            cause="vanished",
        )


def port_holders(path: str) -> tuple[str, ...]:
    """Who else has a device open, as "name (pid)", as far as this user may see."""
    found = []
    target = os.path.realpath(path)
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            pid = entry.parts[2]
            if os.readlink(entry) == target and int(pid) != os.getpid():
                found.append(f"{Path('/proc', pid, 'comm').read_text().strip()} ({pid})")
    return tuple(dict.fromkeys(found))


def _unavailable(url: str, error: Exception) -> PortUnavailable:
    number = _errno_of(error)
    holders: tuple[str, ...] = ()
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR):
        cause, what = "missing", "does not exist"
        present = ", ".join(sorted(port.device for port in list_ports.comports())[:8])
        hint = f"plug the board in and wait for its port; present now: {present or 'no serial port at all'}"
    elif number in (errno.EBUSY, errno.EWOULDBLOCK):
        cause, what = "busy", "is in use"
        holders = port_holders(url)
        hint = f"close {', '.join(holders)}" if holders else "close the terminal or test run that holds it"
    elif number in (errno.EACCES, errno.EPERM):
        cause, what = "permission", "may not be opened by this user"
        hint = join_serial_group() if sys.platform == "linux" else "run as a user who may open it"
    elif url.lower().startswith(("socket://", "rfc2217://")):
        cause, what = "missing", "cannot be reached"
        hint = "start what should listen there, and check host and port number"
    else:
        cause, what = "failed", f"cannot be used as a serial port: {error}"
        hint = "check that the path names a serial port"
    return PortUnavailable(f"port {url} {what}", hint=hint, port=url, cause=cause, holders=holders)


def _errno_of(error: Exception) -> int | None:
    # pyserial wraps: the number sits in the exception, or in the one that it was raised over.
    number = getattr(error, "errno", None)
    if number is None and isinstance(error.__context__, OSError):
        number = error.__context__.errno
    return number
