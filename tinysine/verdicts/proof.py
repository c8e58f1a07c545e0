"""Who vouches for a figure, besides the device itself."""

from __future__ import annotations

from enum import StrEnum


class Proof(StrEnum):
    """Where a figure of the evidence was held against something that the firmware cannot change."""

    EMULATOR = "verified by the emulator"  # which saw the very inferences that the device reports
    TRACE = "verified by running the image on an emulated core"
    BOUND = "reported by the device, and not below the instructions that the image executes"
    CLOCK = "reported by the device, and not above the time that passed"
    IMAGE = "verified in the linked image"
    DEVICE = "reported by the device only"
