"""Which emulated boards are running on this computer: one small file each, in a folder of this user's own."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tinysine.errors import BenchError


@dataclass(frozen=True)
class EmulatorRecord:
    """One running emulated board.

    Attributes:
        board: its catalogue name.
        backend: "emulated", "host" or "qemu".
        port: pyserial URL.
        control: path of the control socket.
        pid: of its process.
    """

    board: str
    backend: str
    port: str
    control: str
    pid: int


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
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and (_user() == -1 or status.st_uid == _user()):
            candidate.chmod(0o700)
            return candidate
    raise BenchError(
        f"no private folder for emulated boards can be made, the last try was {fallback}",
        hint="set XDG_RUNTIME_DIR to a folder of your own",
    )


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else -1


def emulator_folder(pid: int) -> Path:
    """Where the emulator of process `pid` keeps its socket and its port."""
    return runtime_folder() / f"e{pid}"


def write_record(record: EmulatorRecord) -> None:
    """Announce a running board."""
    path = emulator_folder(record.pid) / "record.json"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record)), encoding="utf-8")
    draft.replace(path)


def running_emulators() -> list[EmulatorRecord]:
    """Every emulated board of this user whose process lives. What dead ones left behind is removed."""
    records = []
    for folder in sorted(runtime_folder().glob("e*")):
        pid = folder.name.removeprefix("e")
        if not pid.isdigit():
            continue
        if not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            facts = json.loads((folder / "record.json").read_text(encoding="utf-8"))
            records.append(EmulatorRecord(**facts))
        except (OSError, ValueError, TypeError):
            continue  # about to start, or about to end
    return records


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # the number has gone to somebody else's process
    try:
        # A number used anew, or a process that ended and was not waited for, is no emulator either.
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()
    return status.rpartition(")")[2].split()[0] != "Z" and b"python" in command
