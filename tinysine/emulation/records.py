"""Records of the emulated boards that run on this computer: one small file each, in a folder of this user."""

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
        started: when that process started, as `tinysine.processes.started` says it.
    """

    board: str
    port: str
    control: str
    pid: int
    started: str


def emulator_folder(pid: int) -> Path:
    """Return the folder in which the emulator of process `pid` keeps its socket and its port."""
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
        now = started(int(pid))
        if not now:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            facts = read_json_file(folder / "record.json")
            record = EmulatorRecord(**facts)
        except (OSError, ValueError, TypeError):
            continue  # about to start, or about to end
        texts = (record.board, record.port, record.control, record.started)
        if not all(type(text) is str for text in texts) or record.pid != int(pid):
            continue
        if record.started == now:  # else the number was used anew, perhaps by a board that is about to start
            records.append(record)
    return records
