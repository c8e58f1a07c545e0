"""Folder for records of this user's running things: emulated boards, and leases of real ones."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path

from tinysine.errors import BenchError


def runtime_folder() -> Path:
    """A folder that only this user can enter; made if need be.

    Raises:
        BenchError: neither of the two places can be used.
    """
    fallback = Path(tempfile.gettempdir()) / f"tinysine-{_user()}"
    # Asked for directly: platformdirs warns on the terminal where there is none, as in most CI jobs and containers.
    session = os.environ.get("XDG_RUNTIME_DIR")
    for candidate in (*([Path(session) / "tinysine"] if session else []), fallback):
        try:
            candidate.mkdir(parents=True, exist_ok=True, mode=0o700)
            status = candidate.lstat()
            if stat.S_ISDIR(status.st_mode) and (_user() == -1 or status.st_uid == _user()):
                candidate.chmod(0o700)
                _write_something(candidate)
                return candidate
        except OSError:
            continue
    raise BenchError(
        f"no private folder for boards in use can be made, the last try was {fallback}",
        hint="set XDG_RUNTIME_DIR to a folder of your own",
    )


def _write_something(folder: Path) -> None:
    """Prove that the folder takes files: one of a session that has ended may be read-only, or full."""
    probe = folder / f".{secrets.token_hex(8)}"
    try:
        probe.write_bytes(b"x")
    finally:
        probe.unlink(missing_ok=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else -1
