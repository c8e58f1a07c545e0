"""Proof of a figure, beside the device's own word."""

from __future__ import annotations

from tinysine.record import Told


class Proof(Told):
    """Source of the proof of a figure, which the firmware cannot change."""

    EMULATOR = (
        "verified by the emulator",
        "the emulated core counted the instructions of these very inferences, saw what the engine read and wrote, how "
        "deep the stack was written and what the arena holds",
    )
    TRACE = (
        "verified by running the image on an emulated core",
        "the same inference, of the same image, on a bare emulated core: for boards in QEMU",
    )
    BOUND = (
        "reported by the device, and not below the instructions that the image executes",
        "as before, but cycles of hardware have only a lower bound",
    )
    CLOCK = (
        "reported by the device, and not above the time that passed",
        "this computer's clock, while it waited",
    )
    IMAGE = "verified in the linked image", "the linker's own figure"
    DEVICE = "reported by the device only", "nothing"
