"""Which emulated boards are running on this computer: one small file each, in a folder of this user's own."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from tinysine.outside_json import read_json_file
from tinysine.processes import started
from tinysine.runtime_folder import runtime_folder
from tinysine.whole_files import write_whole


@dataclass(frozen=True)
class EmulatorRecord:
    """One running emulated board.

    Attributes:
        board: its catalogue name.
        port: pyserial URL.
        control: path of the control socket.
        pid: of its process.
    """

    board: str
    port: str
    control: str
    pid: int


def emulator_folder(pid: int) -> Path:
    """Where the emulator of process `pid` keeps its socket and its port."""
    return runtime_folder() / f"e{pid}"


def write_record(record: EmulatorRecord) -> None:
    """Announce a running board."""
    write_whole(emulator_folder(record.pid) / "record.json", json.dumps(asdict(record)).encode())


def running_emulators() -> list[EmulatorRecord]:
    """Every emulated board of this user whose process lives. What dead ones left behind is removed."""
    records = []
    for folder in sorted(runtime_folder().glob("e*")):
        pid = folder.name.removeprefix("e")
        if not (pid.isascii() and pid.isdecimal()):
            continue
        if not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            facts = read_json_file(folder / "record.json")
            record = EmulatorRecord(**facts)
        except (OSError, ValueError, TypeError):
            continue  # about to start, or about to end
        texts = (record.board, record.port, record.control)
        if all(type(text) is str for text in texts) and record.pid == int(pid):
            records.append(record)
    return records


def _alive(pid: int) -> bool:
    if not started(pid):
        return False
    try:
        # A number used anew is no emulator either.
        return b"python" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()
