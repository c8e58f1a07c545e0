"""Leases: one user of a board at a time, on the whole computer. A lease dies with the process that holds it.

A lease is an operating system's lock on a file, so nothing has to be cleaned up after a crash, a cancelled job or a
power cut. It does not expire: a board whose user lives is in use. Each board has a folder of its own, named by a
digest, in a sticky folder that every user may enter. The folder of a board is not sticky: filelock, and Linux with
`fs.protected_regular`, refuse another user's file in a sticky folder, such as one that a crash has left behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from tinysine.boards import same_port
from tinysine.emulation import find_emulator
from tinysine.errors import BenchError, LeaseHeld
from tinysine.outside_json import read_json_object
from tinysine.processes import started
from tinysine.regular_files import read_regular
from tinysine.settings import LOCKS

SYSTEM_FOLDERS = (Path("/run/lock"), Path("/var/lock"))
_ALL_STICKY, _ALL = 0o1777, 0o777
_PATIENCE_S = 0.3  # `lease_on` holds a lock for a moment
_LONGEST_RECORD = 4096
_END_OF_TIME = 1e12  # seconds; NaN and infinity are beyond it, too


@dataclass(frozen=True)
class LeaseRecord:
    """Holder of a board, for people: the lock itself is what keeps others out.

    Attributes:
        key: what is leased; see `lease_key`.
        board: its catalogue name.
        port: where it is.
        pid: of the holder; 0 where the record could not be read.
        started: when that process started, in the system's own count; a pid that was used anew has another.
        command: the holder's command line.
        since: seconds since the epoch.
    """

    key: str
    board: str
    port: str
    pid: int
    started: str
    command: str
    since: float

    @property
    def holder(self) -> str:
        """The process, for people."""
        return f"{self.command} (pid {self.pid})" if self.pid else "another process"

    @property
    def lives(self) -> bool:
        """True while its process does."""
        return self.started != "" and started(self.pid) == self.started


class Lease:
    """A lease that this process holds; a context manager that gives it back."""

    def __init__(self, record: LeaseRecord, lock: FileLock, file: Path) -> None:
        self.record = record
        self._lock = lock
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give it back. Calling it again does nothing."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):  # without the lock, the record counts for nothing
                self._file.unlink(missing_ok=True)
            self._lock.release()


def lease_key(port: str, *, usb_serial: str = "") -> str:
    """Name of the leased thing: a USB device by its serial number, whatever its port is called today, else the port.

    A twin goes by its control socket: the terminal behind its port is another one each time it is plugged in.

    Args:
        port: pyserial URL.
        usb_serial: of the port's USB device, where no other one has the same.
    """
    if usb_serial:
        return f"usb {usb_serial}"
    if (twin := find_emulator(port)) is not None:
        return f"twin {os.path.realpath(twin.control)}"
    # Only what is there is a path: an URL taken for one would be another in each folder.
    return f"port {os.path.realpath(port) if os.path.exists(port) else port}"


def take_lease(port: str, *, board: str, usb_serial: str = "") -> Lease:
    """Lease a board.

    Args:
        port: where it is.
        board: catalogue name.
        usb_serial: of the port's USB device, if it has one that no other device has.
    Raises:
        LeaseHeld: somebody else uses the board; facts board, port, holder, pid, since.
        BenchError: leases cannot be written.
    """
    key = lease_key(port, usb_serial=usb_serial)
    folder = _folder_of(key)
    lock, file = _lock_in(folder), folder / "holder.json"
    try:
        lock.acquire(timeout=_PATIENCE_S)
    except Timeout as error:
        raise _held(_read(file) or _unknown(key, board, port)) from error
    except OSError as error:
        raise _unusable(folder, error) from error
    record = LeaseRecord(
        key=key,
        board=board,
        port=port,
        pid=os.getpid(),
        started=started(os.getpid()),
        command=_command_line(),
        since=time.time(),
    )
    lease = Lease(record, lock, file)
    try:
        _write(file, record)
        # Another user may know the same device by a name that does not lead to the same key.
        if (other := _by_another_name(folder, port)) is not None:
            raise _held(other)
    except BaseException:
        lease.release()
        raise
    return lease


def lease_on(port: str, *, usb_serial: str = "") -> LeaseRecord | None:
    """The lease that somebody holds on a board now, if there is one.

    Raises:
        BenchError: leases cannot be read.
    """
    key = lease_key(port, usb_serial=usb_serial)
    folder = _folder_of(key)
    lock = _lock_in(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read(folder / "holder.json") or _unknown(key, "", port)
    except OSError as error:
        raise _unusable(folder, error) from error
    lock.release()
    return _by_another_name(folder, port)


def lock_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """The one folder of this computer's leases, which every user may enter; made if need be.

    TINYSINE_LOCKS names it, for containers that share boards. Else it is in the system's folder of locks, where every
    user may write there or an administrator has made it, else in the system's temporary one.

    Raises:
        BenchError: it belongs to somebody who keeps others out, or is no folder.
    """
    if named := variables.get(LOCKS.variable):
        return _shared(Path(named), _ALL_STICKY)
    for system in SYSTEM_FOLDERS:
        with contextlib.suppress(OSError):
            # Not what this user may do, but what all may: root and the others have to meet.
            if system.stat().st_mode & _ALL_STICKY == _ALL_STICKY or (system / "tinysine").is_dir():
                return _shared(system / "tinysine", _ALL_STICKY)
    # TMPDIR may be another one for each user.
    temporary = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())
    return _shared(temporary / "tinysine-locks", _ALL_STICKY)


def _folder_of(key: str) -> Path:
    return _shared(lock_folder() / hashlib.sha256(os.fsencode(key)).hexdigest()[:32], _ALL)


def _lock_in(folder: Path) -> FileLock:
    # A lock may be given back by another thread than the one that took it, and is never a file alone.
    return FileLock(folder / "lock", mode=0o666, thread_local=False, fallback_to_soft=False)


def _shared(folder: Path, mode: int) -> Path:
    """A folder that is open to all users: made with its mode at once, or found to have it.

    Raises:
        BenchError: neither.
    """
    try:
        if not os.path.lexists(folder):
            fresh = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
            fresh.mkdir(parents=True)
            try:
                fresh.chmod(mode)
                fresh.rename(folder)
            except OSError:
                with contextlib.suppress(OSError):
                    fresh.rmdir()
                if not os.path.lexists(folder):
                    raise
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(0, "it is no folder")
        if os.name == "posix" and status.st_mode & mode != mode:
            if status.st_uid != os.getuid():
                raise PermissionError(0, f"user {status.st_uid}, who made it, keeps others out")
            folder.chmod(mode)
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder


def _by_another_name(own: Path, port: str) -> LeaseRecord | None:
    for file in own.parent.glob("*/holder.json"):
        record = _read(file) if file.parent != own else None
        if record is not None and same_port(record.port, port) and record.lives:
            return record
    return None


def _held(record: LeaseRecord) -> LeaseHeld:
    return LeaseHeld(
        f"{record.board or 'the board'} at {record.port} is in use by {record.holder}",
        hint=f"wait for it, or end it: kill {record.pid}" if record.pid else "wait for it, or end it",
        board=record.board,
        port=record.port,
        holder=record.holder,
        pid=record.pid,
        since=record.since,
    )


def _unknown(key: str, board: str, port: str) -> LeaseRecord:
    return LeaseRecord(key, board, port, 0, "", "", 0.0)


def _read(file: Path) -> LeaseRecord | None:
    """The record in a file, which any user may have written; None for one that makes no sense."""
    try:
        content = read_regular(file, most_bytes=_LONGEST_RECORD, follow_links=False)
        record = LeaseRecord(**read_json_object(content))
    except (OSError, ValueError, TypeError):
        return None
    texts = (record.key, record.board, record.port, record.started, record.command)
    makes_sense = (
        all(type(text) is str and text.isprintable() for text in texts)
        and type(record.pid) is int
        and record.pid > 0
        and type(record.since) in (int, float)
        and abs(record.since) < _END_OF_TIME
    )
    return record if makes_sense else None


def _write(file: Path, record: LeaseRecord) -> None:
    draft = file.with_name(f".{secrets.token_hex(8)}")
    try:
        try:
            # A new file that takes the name: a link that somebody has put there is never followed.
            with draft.open("xb") as stream:
                stream.write(json.dumps(asdict(record)).encode())
            draft.chmod(0o644)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(file, error) from error


def _unusable(path: Path, error: OSError) -> BenchError:
    return BenchError(
        f"boards cannot be leased: {path}: {error.strerror or error}",
        hint=f"have its owner remove it, or set {LOCKS.variable} to a folder that all users of the boards share",
        file=str(path),
    )


def _command_line() -> str:
    line = " ".join([Path(sys.argv[0] or sys.executable).name, *sys.argv[1:]])[:120]
    return "".join(char if char.isprintable() else " " for char in line)
