"""Values of a core: its parts, and the end of a run."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tinysine.emulation.bank import Violation


class Event(enum.Enum):
    """Reason why the core stopped."""

    INTERRUPTED = "somebody asked it to"
    RESET_REQUEST = "the firmware asked for a reset"
    WAITING = "the firmware waits for an interrupt"
    VIOLATION = "the firmware did what the chip cannot"
    UNDEFINED = "undefined instruction"
    NOT_THUMB = "branch to an address without the Thumb bit"
    NOT_EXECUTABLE = "instruction fetch from memory that may not be executed"
    EXCEPTION = "an exception of the architecture"


# Unicorn's numbers for exceptions of M-profile cores.
SVC, FETCH_ABORT, BREAKPOINT, EXCEPTION_EXIT, INVALID_STATE, UNALIGNED = 2, 3, 7, 8, 18, 22


@dataclass(frozen=True)
class Stop:
    """End of a run of the core. `number` is Unicorn's, with Event.EXCEPTION; `address` a fetch's."""

    event: Event
    pc: int
    violation: Violation | None = None
    number: int = 0
    address: int = 0


@dataclass(frozen=True)
class Region:
    """Plain memory. `alias_of`: the name of an earlier region whose bytes are seen here as well."""

    name: str
    origin: int
    length: int
    writable: bool
    executable: bool
    alias_of: str = ""
