"""Mutants of lines that only AVR compiles, judged by networks in the whole firmware on QEMU's Arduino Uno."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from tinysine.image import arduino, sources
from trust.whole_firmware import AVR, run_networks

# For each file the networks in which it is at work.
AVR_FILES = {"engine/plain.h": (0, 11), "engine/compact.h": (7, 23), "app/stack.c": (0,)}


def judge_on_avr(file: str, root: Path) -> str:
    """Name the network that notices a change; empty if none does.

    Args:
        file: below the firmware folder, a key of AVR_FILES.
        root: the firmware folder with the change.
    """
    for number in AVR_FILES[file]:
        with (
            mock.patch.object(sources, "firmware_root", return_value=root),
            mock.patch.object(arduino, "firmware_root", return_value=root),
        ):
            if run_networks(AVR, (number,)).failures:
                return f"network {number} in the whole firmware on AVR"
    return ""
