"""Proof of a figure, beside the device's own word."""

from __future__ import annotations

from tinysine.record import Told


class Proof(Told):
    """Source of the proof of a figure, which the firmware cannot change."""

    EMULATOR = (
        "verified by the emulator",
        "what the emulated core recorded during the same inferences: the instructions, "
        "the engine's reads and writes, the depth of the stack, the contents of the arena",
    )
    TRACE = (
        "verified by running the image on an emulated core",
        "the same inference, of the same image, on a bare emulated core: for boards in QEMU",
    )
    BOUND = (
        "reported by the device, and not below the instructions that the image executes",
        "the same, but only a lower bound is known for cycles of hardware",
    )
    CLOCK = (
        "reported by the device, and not above the time that passed",
        "the time that passed on this computer",
    )
    IMAGE = "verified in the linked image", "the linker's own figure"
    DEVICE = "reported by the device only", "nothing"
