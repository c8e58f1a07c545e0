"""Boards made of software, each its own process: a pseudo-terminal as the wire, a control socket as the hands."""

from tinysine.emulation.client import EmulatedBoard, attach_emulator, find_emulator, start_emulator
from tinysine.emulation.records import EmulatorRecord, running_emulators
from tinysine.emulation.requirements import has_unicorn, require_stand_in
from tinysine.emulation.witness import Inference

__all__ = [
    "EmulatedBoard",
    "EmulatorRecord",
    "Inference",
    "attach_emulator",
    "find_emulator",
    "has_unicorn",
    "require_stand_in",
    "running_emulators",
    "start_emulator",
]
