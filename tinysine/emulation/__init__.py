"""Boards made of software, each its own process: a pseudo-terminal as the wire, a control socket as the hands.

A name is imported when it is first asked for: the process that is a board needs nothing that starts one.
"""

from typing import TYPE_CHECKING, Any

from tinysine.late_names import late_name, modules_of

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

_MODULES = modules_of(
    {
        "client": "EmulatedBoard attach_emulator find_emulator start_emulator",
        "records": "EmulatorRecord running_emulators",
        "requirements": "has_unicorn require_stand_in",
        "witness": "Inference",
    }
)


def __getattr__(name: str) -> Any:
    return late_name(__name__, _MODULES, name)
