"""Requests that foreign firmware announces: where it does not have one of them, that is a finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tinysine.device import Device
from tinysine.errors import (
    BenchError,
    DeviceError,
    IdentityMismatch,
    LinkTimeout,
    ProtocolError,
    TinysineError,
)
from tinysine.evidence import Run
from tinysine.link import Capability, Request, Status
from tinysine.link.expectation import ForeignFirmware
from tinysine.link.inference import OVERWRITTEN
from tinysine.link.session import TYPED
from tinysine.rigs import Build
from tinysine.verdicts import Finding, Stage

T = TypeVar("T")

ANNOUNCED_BY = {
    Request.INFER: Capability.INFER,
    Request.INFER_F32: Capability.INFER_F32,
    Request.DEMO: Capability.DEMO,
    Request.TIME: Capability.TIME,
    Request.MEMORY: Capability.MEMORY,
    Request.FAULT: Capability.FAULT,
    Request.COUNTERS: Capability.COUNTERS,
    Request.WRITE: Capability.PARTS,
    Request.RUN: Capability.PARTS,
    Request.READ: Capability.PARTS,
    Request.LAYER: Capability.LAYERS,
    Request.READ_LAYER: Capability.LAYERS,
}


class Announced:
    """Questions to a device that announces them; of foreign firmware each that it then has not is a finding.

    Our own firmware has everything, and what it refuses is raised.

    Args:
        run: where findings go.
        device: that is asked.
        image: that it runs.
    """

    def __init__(self, run: Run, device: Device, image: Build) -> None:
        self._run, self.device, self.image = run, device, image
        self._is_foreign = isinstance(image, ForeignFirmware)
        self._broken: set[Capability] = set()

    def ask(self, capability: Capability, ask: Callable[[], T]) -> T | None:
        """Ask for what a capability stands for; None where foreign firmware does not announce it, or has it not.

        Raises:
            BenchError, ProtocolError, DeviceError: what is not the foreign firmware's own contradiction.
        """
        if not self._is_foreign:
            return ask()
        if capability not in self.device.capabilities or capability in self._broken:
            return None
        try:
            return ask()
        except (LinkTimeout, ProtocolError, DeviceError) as error:
            broken, reason = unkept(self.device, error)
            if not reason:
                raise
            self._broken.add(broken)
            self._run.findings.append(Finding(Stage.FIRMWARE, reason))
            return None


def unkept(device: Device, error: TinysineError) -> tuple[Capability, str]:
    """Return the capability that a device announces and does not have, as an error shows it, and a reason in words.

    A device that gave no answer is asked who it is: one that answers that is not disconnected.

    Args:
        device: with foreign firmware.
        error: what asking it ended with.
    Returns:
        the capability and the reason; "" where the error does not show such a thing.
    Raises:
        IdentityMismatch: the device has become another one.
    """
    named = error.facts.get("request")
    request = named if isinstance(named, Request) else next((r for r in Request if r.name == named), None)
    capability = ANNOUNCED_BY.get(request, Capability(0)) if request is not None else Capability(0)
    if named == TYPED:
        capability = Capability.TEXT
    if capability not in device.capabilities or not capability:
        return capability, ""
    if isinstance(error, LinkTimeout):
        words = "does not answer it" if _still_answers(device) else ""
    elif isinstance(error, ProtocolError):
        words = "answers it with nonsense" if "payload" in error.facts else ""
        if error.facts.get("cause") == OVERWRITTEN:
            words = "does not keep what it is given"
    else:
        failed = isinstance(error, IdentityMismatch) or error.facts.get("status") in (
            Status.ENGINE,
            Status.NOT_FINITE,
        )
        words = "refuses it" if isinstance(error, DeviceError) and not failed else ""
    return capability, f"it announces {capability.name}, and {words}: {error.message}" if words else ""


def _still_answers(device: Device) -> bool:
    try:
        device.resync()
    except IdentityMismatch:
        raise
    except (BenchError, ProtocolError, DeviceError):
        return False
    return True
