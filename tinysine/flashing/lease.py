"""Leases: one user of a board at a time. A lease expires, and dies with the process that holds it.

A lease is a small file in this user's runtime folder. It counts only while its process lives and its time has
not passed, so nothing has to be cleaned up after a crash, a cancelled job or a power cut.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tinysine.emulation import running_emulators
from tinysine.errors import BenchError, ConfigError, LeaseHeld
from tinysine.flashing.usb import same_port
from tinysine.processes import started
from tinysine.runtime_folder import runtime_folder
from tinysine.whole_files import write_whole

LEASE_S = 1800.0
_END_OF_TIME = 1e12  # seconds; NaN and infinity are beyond it, too


@dataclass(frozen=True)
class LeaseRecord:
    """Who holds a board.

    Attributes:
        key: what is leased; see `lease_key`.
        board: its catalogue name.
        port: where it is.
        pid: of the holder.
        started: when that process started, in the system's own count; a pid that was used anew has another.
        command: the holder's command line, for people.
        since, expires: seconds since the epoch.
        token: tells one lease of a process from another.
    """

    key: str
    board: str
    port: str
    pid: int
    started: str
    command: str
    since: float
    expires: float
    token: str

    @property
    def holder(self) -> str:
        """The process, for people."""
        return f"{self.command} (pid {self.pid})"

    def counts(self, now: float) -> bool:
        """Whether it still keeps others out."""
        return now < self.expires and self.started != "" and started(self.pid) == self.started


class Lease:
    """A lease that this process holds; a context manager that gives it back."""

    def __init__(self, record: LeaseRecord, *, seconds: float, clock: Callable[[], float]) -> None:
        self.record = record
        self._seconds = seconds
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def renew(self) -> None:
        """Start its time anew.

        Raises:
            LeaseHeld: it had expired, and somebody else took the board.
        """
        with _locked(self.record.key) as path:
            now = self._clock()
            current = _read(path)
            if current is not None and current.token != self.record.token and current.counts(now):
                raise _held(current, now)
            self.record = LeaseRecord(**{**asdict(self.record), "expires": now + self._seconds})
            _write(path, self.record)

    def release(self) -> None:
        """Give it back, if it is still this one. Calling it again does nothing."""
        with _locked(self.record.key) as path:
            current = _read(path)
            if current is not None and current.token == self.record.token:
                path.unlink(missing_ok=True)


def lease_key(port: str, *, usb_serial: str = "") -> str:
    """What is leased: a USB device by its serial number, whatever its port is called today, else the port.

    A twin goes by the name of its port: the terminal behind that is another one each time it is plugged in.

    Args:
        port: pyserial URL.
        usb_serial: of the port's USB device, where no other one has the same.
    """
    if usb_serial:
        return f"usb {usb_serial}"
    twin = next((record.port for record in running_emulators() if same_port(record.port, port)), None)
    if twin is not None:
        return f"port {twin}"
    # Only what is there is a path: an URL taken for one would be another in each folder.
    return f"port {os.path.realpath(port) if os.path.exists(port) else port}"


def take_lease(
    port: str,
    *,
    board: str,
    usb_serial: str = "",
    seconds: float = LEASE_S,
    clock: Callable[[], float] = time.time,
) -> Lease:
    """Lease a board.

    Args:
        port: where it is.
        board: catalogue name.
        usb_serial: of the port's USB device, if it has one that no other device has.
        seconds: until the lease expires, unless it is renewed.
        clock: seconds since the epoch; injectable.
    Raises:
        LeaseHeld: somebody else uses the board; facts board, holder, pid, expires_s.
        BenchError: leases cannot be written.
    """
    key = lease_key(port, usb_serial=usb_serial)
    with _locked(key) as path:
        now = clock()
        current = _read(path)
        if current is not None and current.counts(now):
            raise _held(current, now)
        record = LeaseRecord(
            key=key,
            board=board,
            port=port,
            pid=os.getpid(),
            started=started(os.getpid()),
            command=_command_line(),
            since=now,
            expires=now + seconds,
            token=secrets.token_hex(8),
        )
        _write(path, record)
    return Lease(record, seconds=seconds, clock=clock)


def lease_on(
    port: str, *, usb_serial: str = "", clock: Callable[[], float] = time.time
) -> LeaseRecord | None:
    """The lease that counts on a board now, if there is one."""
    record = _read(_path(lease_key(port, usb_serial=usb_serial)))
    return record if record is not None and record.counts(clock()) else None


def _held(record: LeaseRecord, now: float) -> LeaseHeld:
    left = max(record.expires - now, 0.0)
    return LeaseHeld(
        f"{record.board} at {record.port} is in use by {record.holder}",
        hint=f"wait for it, end it, or let the lease expire in {left / 60:.0f} min",
        board=record.board,
        port=record.port,
        holder=record.holder,
        pid=record.pid,
        expires_s=left,
    )


def _path(key: str) -> Path:
    folder = runtime_folder() / "leases"
    # The digest keeps two keys apart that look alike once they are fit for a file's name.
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", key)[-60:]
    path = folder / f"{name}-{hashlib.sha256(os.fsencode(key)).hexdigest()[:8]}.json"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    return path


@contextlib.contextmanager
def _locked(key: str) -> Iterator[Path]:
    """Keep every other process from changing a lease; held for moments only, and gone with the process."""
    path = _path(key)
    try:
        lock = path.with_suffix(".lock").open("a")
    except OSError as error:
        raise _unusable(path.with_suffix(".lock"), error) from error
    with lock:
        try:
            if sys.platform != "win32":
                import fcntl  # noqa: PLC0415  # there is none on Windows

                fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            raise _unusable(path.with_suffix(".lock"), error) from error
        yield path


def _read(path: Path) -> LeaseRecord | None:
    """The record in a file; None for one that makes no sense."""
    try:
        record = LeaseRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = (record.key, record.board, record.port, record.started, record.command, record.token)
    moments = (record.since, record.expires)
    makes_sense = (
        all(type(text) is str for text in texts)
        and type(record.pid) is int
        and all(type(moment) in (int, float) and abs(moment) < _END_OF_TIME for moment in moments)
    )
    return record if makes_sense else None


def _write(path: Path, record: LeaseRecord) -> None:
    try:
        write_whole(path, json.dumps(asdict(record)).encode())
    except ConfigError as error:  # nobody has named this file: whatever is in the way, the bench is
        raise _unusable(path, error.message) from error


def _unusable(path: Path, reason: OSError | str) -> BenchError:
    what = reason if isinstance(reason, str) else f"{path}: {reason.strerror or reason}"
    return BenchError(
        f"boards cannot be leased: {what}", hint="remove it, or set XDG_RUNTIME_DIR", file=str(path)
    )


def _command_line() -> str:
    return " ".join([Path(sys.argv[0] or sys.executable).name, *sys.argv[1:]])[:120]
