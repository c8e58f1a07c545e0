"""Firmware or bench: who caused an error, and what the firmware's fault record says of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from tinysine.device import Device
from tinysine.errors import (
    BenchError,
    DeviceError,
    IdentityMismatch,
    ProtocolError,
    TinysineError,
)
from tinysine.link import Capability, FaultRecord, Request
from tinysine.link.expectation import ForeignFirmware
from tinysine.rigs import Build, Rig
from tinysine.verify.announced import unkept
from tinysine.verify.lies import resets_between
from tinysine.verify.witness import Sight, look

ERRORS = (BenchError, ProtocolError, DeviceError)
"""Errors of which either may be the cause."""
_GIVES_INPUTS = (Request.WRITE.name, Request.INFER.name, Request.INFER_F32.name)
_OVERWROTE = (
    "its twin runs, and has no cable: is the buffer that ts_engine_input points to as large as the input? If not, "
    "inputs overwrite the firmware"
)


@dataclass(frozen=True)
class Crash:
    """Faults of the firmware.

    Attributes:
        reasons: in words; empty where the firmware did nothing wrong.
        fault: the record behind them, where there is one.
    """

    reasons: tuple[str, ...] = ()
    fault: FaultRecord | None = None

    def __bool__(self) -> bool:
        """Tell whether it is the firmware's."""
        return bool(self.reasons)


def crash_behind(
    error: TinysineError,
    rig: Rig,
    *,
    device: Device | None = None,
    image: Build | None = None,
    earlier: FaultRecord | None = None,
    before: Sight | None = None,
) -> Crash:
    """Return what the firmware did that explains an error; an empty crash where the bench is at fault.

    The firmware is at fault where it left a fault record or a report, where it refused, where it answers nothing any
    more though its twin runs, or talks nonsense when it was given inputs, and where the twin of this run saw it start
    anew. Firmware of others is also at fault where it has not what it announces. A device that is another one than was
    flashed is the bench's.

    Args:
        error: what asking or connecting ended with.
        rig: the board.
        device: that was asked; None where it never connected.
        image: that it runs.
        earlier: its fault record before it was asked.
        before: its twin then; None also where a reset was ordered since.
    Raises:
        IdentityMismatch: the device has become another one.
    """
    if isinstance(error, IdentityMismatch):
        return Crash()
    if report := rig.report():
        return Crash((report,))
    if device is not None and isinstance(image, ForeignFirmware) and (reason := unkept(device, error)[1]):
        return Crash((reason,))
    refused = (error.message,) if isinstance(error, DeviceError) else ()
    if device is None:
        return Crash(refused)
    with contextlib.suppress(*ERRORS):
        if not refused:
            device.resync()
        found = _crash_shown(rig, device, image, earlier)
        if not found and not refused and _overwritten(error, rig, answers=True):
            refused = (f"{error.message}; {_OVERWROTE}",)
        # Of a twin that was there before, somebody else may have pressed the button.
        if not found and not refused and rig.fresh and (anew := resets_between(before, look(rig))):
            refused = (
                f"{error.message}; the board started anew while it was asked ({anew}), as its twin saw",
            )
        return Crash((*found.reasons, *refused), found.fault)
    if not refused and "inferences" in error.facts and _runs(rig):
        refused = (f"{error.message}; its twin runs, and the firmware answers nothing any more",)
    if not refused and _overwritten(error, rig, answers=False):
        refused = (f"{error.message}; {_OVERWROTE}",)
    return Crash(refused)


def fault_since(earlier: FaultRecord | None, last: FaultRecord | None, *, powered_off: bool = False) -> str:
    """Return what came onto a device's fault record, or went from it; "" for nothing.

    Args:
        earlier, last: the records at two moments.
        powered_off: the power may have been off meanwhile, not by the firmware, which clears the record.
    """
    lost = earlier is not None and (last is None or last.count < earlier.count)
    if lost and not powered_off:
        now = "is empty" if last is None else f"counts {last.count}"
        return (
            f"its fault record counted {earlier.count if earlier else 0} and {now} now, which only power-off clears: "
            "it lost power while it was asked, or its record is not true"
        )
    return "" if last is None or last == earlier else f"it faulted: {last}"


def _crash_shown(rig: Rig, device: Device, image: Build | None, earlier: FaultRecord | None) -> Crash:
    if report := rig.report():
        return Crash((report,))
    if isinstance(image, ForeignFirmware) and Capability.FAULT not in device.capabilities:
        return Crash()
    last = device.last_fault()
    # An error may be a cable's, and the power may have been off with it.
    reason = fault_since(earlier, last, powered_off=True)
    return Crash((reason,), last) if reason else Crash()


def _overwritten(error: TinysineError, rig: Rig, *, answers: bool) -> bool:
    """Tell whether a twin that had answered went astray when its engine was given inputs.

    Args:
        answers: it answers again in a new session. Then its silence, or a late answer, may have been a busy computer's.
            Whatever else came is of the firmware, if the twin was started for this run, so that nobody knows its port.
    """
    facts = error.facts
    shown = facts.get("diagnosis")
    if facts.get("request") not in _GIVES_INPUTS or not facts.get("answered") or shown in (None, "late"):
        return False
    return (not answers if shown == "silence" else rig.fresh) and _runs(rig)


def _runs(rig: Rig) -> bool:
    """Tell whether a twin is there and well: silence is then the firmware's, for a twin has no cable."""
    try:
        return look(rig) is not None and not rig.report()
    except BenchError:
        return False
