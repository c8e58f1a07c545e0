"""All flash tools, and which one a board gets."""

from __future__ import annotations

from tinysine.boards import Board
from tinysine.errors import unknown_name
from tinysine.flashing.apollo3_wired import Apollo3Wired
from tinysine.flashing.arduino_cli import ArduinoCli
from tinysine.flashing.asb import Asb
from tinysine.flashing.avrdude import Avrdude
from tinysine.flashing.bossac import Bossac
from tinysine.flashing.drag_and_drop import DragAndDrop
from tinysine.flashing.openocd import Openocd
from tinysine.flashing.pyocd import Pyocd
from tinysine.flashing.st_flash import StFlash
from tinysine.flashing.svl import Svl
from tinysine.flashing.tool import FlashTool

FLASH_TOOLS: dict[str, FlashTool] = {
    tool.name: tool
    for tool in (
        ArduinoCli(),
        Bossac(),
        Pyocd(),
        Openocd(),
        StFlash(),
        DragAndDrop(),
        Apollo3Wired(),
        Svl(),
        Asb(),
        Avrdude(),
    )
}


def tools_of(board: Board) -> tuple[FlashTool, ...]:
    """The tools of a board file, in its order.

    Raises:
        ConfigError: it names one that does not exist, with the nearest.
    """
    return tuple(_tool(name, where=f"the board file of {board.name}") for name in board.flash_tools)


def choose_tool(board: Board, *, wanted: str = "") -> FlashTool | None:
    """The tool that flashes a board here.

    Args:
        board: its file lists tools in order of preference.
        wanted: one named by the bench, whether installed or not.
    Returns:
        The one that is wanted, else the first that is installed; None when none of them is.
    Raises:
        ConfigError: no such tool.
    """
    if wanted:
        return _tool(wanted, where="the bench")
    return next((tool for tool in tools_of(board) if tool.program() is not None), None)


def _tool(name: str, *, where: str) -> FlashTool:
    if name in FLASH_TOOLS:
        return FLASH_TOOLS[name]
    message = f"{where} names a flash tool {name!r}, which does not exist"
    raise unknown_name(message, name, FLASH_TOOLS, key="flash_tools")
