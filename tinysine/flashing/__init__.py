"""Putting an image on a board: one small adapter a tool behind one interface, the emulated boards among them."""

from tinysine.flashing.lease import Lease, LeaseRecord, lease_on, take_lease
from tinysine.flashing.rig import UNPROVED_UNIT, Flasher, Rig, RigKind, open_rig
from tinysine.flashing.tool import FlashTool, Target, Wiring
from tinysine.flashing.tools import FLASH_TOOLS, choose_tool, tools_of
from tinysine.flashing.usb import own_serial, usb_port

__all__ = [
    "FLASH_TOOLS",
    "UNPROVED_UNIT",
    "FlashTool",
    "Flasher",
    "Lease",
    "LeaseRecord",
    "Rig",
    "RigKind",
    "Target",
    "Wiring",
    "choose_tool",
    "lease_on",
    "open_rig",
    "own_serial",
    "take_lease",
    "tools_of",
    "usb_port",
]
