"""Mutants of lines that only AVR compiles, judged by networks in the whole firmware on QEMU's Arduino Uno."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from tinysine.image import sources
from trust.whole_firmware import AVR, run_networks

AVR_FILES = ("engine/plain.h", "engine/compact.h", "app/stack.c")
_NETWORKS = (0, 4)  # one in each profile, so that both kernels are at work
_PATIENT_S = 15


def judge_on_avr(root: Path) -> str:
    """Name the network that notices a change; empty if none does.

    Args:
        root: the firmware folder with the change.
    """
    for number in _NETWORKS:
        with mock.patch.object(sources, "firmware_root", return_value=root):
            if run_networks(AVR, (number,), patient_s=_PATIENT_S).failures:
                return f"network {number} in the whole firmware on AVR"
    return ""
