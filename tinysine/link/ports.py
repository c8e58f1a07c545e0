"""Serial ports by pyserial URL: opened, read in blocks, and their failures explained."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import serial
from serial.tools import list_ports

from tinysine.boards import join_serial_group
from tinysine.errors import ConfigError, PortUnavailable
from tinysine.link.port_lines import Line, line_of, opening_of
from tinysine.link.port_urls import checked_url, scheme_of

DEFAULT_BAUD = 115200
NETWORKED = ("socket", "rfc2217")


class Port(Protocol):
    """Bytes in, bytes out. What a session needs of a serial port."""

    name: str

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting at most timeout_s for the first byte; b"" when none came."""

    def write(self, data: bytes, timeout_s: float) -> int:
        """Send, waiting at most timeout_s; returns how many bytes were taken."""

    def close(self) -> None:
        """Let go of the port."""


class _ClosedLine:
    """Replacement of a port that was closed; each use raises."""

    def read(self, _timeout_s: float) -> bytes:
        raise serial.SerialException("it was closed")

    def write(self, _data: bytes, _deadline: float) -> int:
        raise serial.SerialException("it was closed")


class SerialPort:
    """A port behind pyserial, held exclusively where the system can.

    Args:
        url: a device path or any pyserial URL (`socket://host:port`, `rfc2217://...`).
        baud: where it means anything.
        open_timeout_s: until a port behind a network must be open; None waits as long as pyserial does.
    Raises:
        PortUnavailable: missing, busy, not permitted, or not a serial port; facts port, cause, holders.
        ConfigError: not a URL that pyserial knows, or one that would do more than open a port.
    """

    def __init__(self, url: str, *, baud: int = DEFAULT_BAUD, open_timeout_s: float | None = None) -> None:
        self.name = url
        checked = checked_url(url)
        scheme = scheme_of(checked)
        try:
            with warnings.catch_warnings():
                # pyserial's RFC 2217 calls what Python has renamed.
                warnings.simplefilter("ignore", DeprecationWarning)
                opening = partial(
                    serial.serial_for_url, checked, baudrate=baud, exclusive=True, **opening_of(scheme)
                )
                self._serial: Any = (
                    opening()
                    if open_timeout_s is None or scheme not in NETWORKED
                    else _opened_within(opening, open_timeout_s)
                )
        except (serial.SerialException, OSError) as error:
            raise _unavailable(url, error) from error
        except ValueError as error:
            raise ConfigError(
                f"{url!r} is not a port",
                hint="use a device path such as /dev/ttyACM0, or a URL such as socket://localhost:4000",
                key="port",
            ) from error
        self._line: Line = line_of(self._serial, scheme)

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived, waiting at most timeout_s for the first byte; b"" when none came."""
        try:
            return self._line.read(max(timeout_s, 0.0))
        except BlockingIOError:
            return b""
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            raise self._vanished(error) from error

    def write(self, data: bytes, timeout_s: float) -> int:
        """Send, waiting at most timeout_s; returns how many bytes were taken."""
        try:
            return self._line.write(data, time.monotonic() + timeout_s)
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            raise self._vanished(error) from error

    def close(self) -> None:
        """Let go of the port. Harmless when it is closed or gone already."""
        self._line = _ClosedLine()
        # pyserial leaves its socket open when the other end has hung up already.
        leftover = getattr(self._serial, "_socket", None)
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.close()
        if leftover is not None:
            leftover.close()

    def _vanished(self, error: Exception) -> PortUnavailable:
        why = f": {error}" if str(error) else ""
        return PortUnavailable(
            f"port {self.name} vanished while in use{why}",
            hint="the board was unplugged, reset or powered off; wait for it to come back, or replug it",
            port=self.name,
            cause="vanished",
        )


def _opened_within(opening: Callable[[], Any], timeout_s: float) -> Any:
    """Open a port that is reached through a network: pyserial waits for seconds there, and takes no deadline.

    Raises:
        TimeoutError: it is not open yet. When it is, it is closed.
    """
    opened: Future[Any] = Future()

    def attempt() -> None:
        try:
            port = opening()
        except BaseException as error:
            if opened.set_running_or_notify_cancel():
                opened.set_exception(error)
            return
        if opened.set_running_or_notify_cancel():
            opened.set_result(port)
        else:
            port.close()

    threading.Thread(target=attempt, daemon=True).start()
    wait([opened], timeout_s)
    if opened.cancel():
        raise TimeoutError
    return opened.result()


def port_holders(path: str, *, but: Collection[int] = ()) -> tuple[str, ...]:
    """Return the other processes that have a device open, as "name (pid)", as far as this user may see.

    The process behind a pseudo-terminal often keeps its own end of it open: that one is the device, not its user.

    Args:
        path: of the device.
        but: processes that are not meant.
    """
    import psutil  # noqa: PLC0415  # only where a port is in use

    found = []
    target = os.path.realpath(path)
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if pid in (os.getpid(), *but) or not _has_open(pid, target) or _is_behind(pid, target):
                continue
            found.append(f"{psutil.Process(pid).name()} ({pid})")
    return tuple(found)


def _has_open(pid: int, target: str) -> bool:
    # psutil tells open files that are regular, and no devices. Every program's are looked at, thousands on some
    # computers: plain strings take a fifth of the time.
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            if os.readlink(f"{folder}/{name}") == target:
                return True
    return False


def _is_behind(pid: int, terminal: str) -> bool:
    """Tell whether a process holds the other end of a pseudo-terminal: Linux tells that end's number."""
    if not terminal.startswith("/dev/pts/"):
        return False
    wanted = f"tty-index:\t{terminal.rpartition('/')[2]}"
    for entry in Path("/proc", str(pid), "fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(entry).endswith("ptmx"):
                told = Path("/proc", str(pid), "fdinfo", entry.name).read_text(
                    encoding="ascii", errors="replace"
                )
                if wanted in told.splitlines():
                    return True
    return False


def absence(port: str) -> PortUnavailable | None:
    """The error of a device path that is not there, as opening it would raise it; None where only opening can tell."""
    if scheme_of(port) or os.name != "posix":
        return None
    try:
        os.stat(port)
    except (FileNotFoundError, NotADirectoryError) as error:
        return _unavailable(port, error)
    except (OSError, ValueError):
        return None
    return None


def _unavailable(url: str, error: Exception) -> PortUnavailable:
    number = _errno_of(error)
    scheme = scheme_of(url)
    holders: tuple[str, ...] = ()
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR):
        cause, what = "missing", "does not exist"
        hint = f"plug the board in and wait for its port; present now: {_present()}"
    elif number in (errno.EBUSY, errno.EWOULDBLOCK):
        cause, what = "busy", "is in use"
        holders = port_holders(url)
        hint = f"close {', '.join(holders)}" if holders else "close the terminal or test run that holds it"
    elif number in (errno.EACCES, errno.EPERM):
        cause, what = "permission", "may not be opened by this user"
        hint = join_serial_group() if sys.platform == "linux" else "run as a user who may open it"
    elif "Remote does not" in str(error):
        cause, what = "failed", "answers, but not as RFC 2217 has it"
        hint = "a server of plain bytes is reached by socket://HOST:PORT"
    elif scheme == "hwgrep":
        cause, what = "missing", "matches no port"
        hint = f"plug the board in and wait for its port; present now: {_present()}"
    elif scheme in NETWORKED:
        cause, what = "missing", "cannot be reached"
        hint = "start what should listen there, and check host and port number"
    else:
        cause, what = "failed", f"cannot be used as a serial port: {error}"
        hint = "check that the path names a serial port"
    return PortUnavailable(f"port {url} {what}", hint=hint, port=url, cause=cause, holders=holders)


def _present() -> str:
    ports = ", ".join(sorted(port.device for port in list_ports.comports())[:8])
    return ports or "no serial port at all"


def _errno_of(error: Exception) -> int | None:
    # pyserial wraps: the number sits in the exception, or in the one that it was raised over.
    number = getattr(error, "errno", None)
    if number is None and isinstance(error.__context__, OSError):
        number = error.__context__.errno
    return number
