"""Optional requests: a device with other firmware may lack them without fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tinysine.errors import DeviceError
from tinysine.link.requests import Status

T = TypeVar("T")


def is_not_offered(error: DeviceError) -> bool:
    """Tell whether a refusal says that the device does not have what was asked for."""
    return error.facts.get("status") in (Status.UNKNOWN_REQUEST, Status.UNSUPPORTED)


def if_offered(ask: Callable[[], T]) -> T | None:
    """Ask for what a device need not have; None where it has it not.

    Raises:
        DeviceError: any other refusal.
    """
    try:
        return ask()
    except DeviceError as error:
        if is_not_offered(error):
            return None
        raise
