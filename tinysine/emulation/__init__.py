"""Boards made of software, each its own process: a pseudo-terminal as the wire, a control socket as the hands."""

from tinysine.emulation.client import EmulatedBoard, attach_emulator, find_emulator, start_emulator
from tinysine.emulation.records import EmulatorRecord, running_emulators

__all__ = [
    "EmulatedBoard",
    "EmulatorRecord",
    "attach_emulator",
    "find_emulator",
    "running_emulators",
    "start_emulator",
]
