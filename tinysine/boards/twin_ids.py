"""Unique ids of chips made of software."""

from __future__ import annotations

# A chip made of software says so by the first bytes of its unique id. QEMU's nRF51 has one id, the same everywhere.
TWIN_ID = b"TWIN"
_QEMU_IDS = (bytes.fromhex("0300000078563412"),)


def is_twin_id(unique_id: str | None) -> bool:
    """True for the unique id of a chip made of software.

    Args:
        unique_id: 16 hexadecimal digits; None for a chip that has none.
    """
    known = bytes.fromhex(unique_id or "")
    return known.startswith(TWIN_ID) or known in _QEMU_IDS
