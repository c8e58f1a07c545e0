"""Putting an image on a board: one small adapter a tool behind one interface."""

from tinysine.flashing.tool import FlashTool, Target
from tinysine.flashing.tools import FLASH_TOOLS, choose_tool, tools_of
from tinysine.flashing.usb import own_serial, usb_port

__all__ = [
    "FLASH_TOOLS",
    "FlashTool",
    "Target",
    "choose_tool",
    "own_serial",
    "tools_of",
    "usb_port",
]
