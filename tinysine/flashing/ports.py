"""Which port is which."""

from __future__ import annotations

import os
from contextlib import suppress


def same_port(first: str, second: str) -> bool:
    """True if two pyserial URLs name the same device, links followed."""
    if first == second:
        return True
    with suppress(OSError):
        return os.path.samefile(first, second)
    return False
