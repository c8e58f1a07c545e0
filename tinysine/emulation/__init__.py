"""Boards made of software, each its own process: a pseudo-terminal as the wire, a control socket as the hands.

A name is imported when it is first asked for: the process that is a board needs nothing that starts one.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_NAMES = {
    "client": "EmulatedBoard attach_emulator find_emulator start_emulator",
    "records": "EmulatorRecord running_emulators",
    "requirements": "has_unicorn require_stand_in",
    "witness": "Inference",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
