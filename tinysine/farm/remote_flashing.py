"""Choice of the tool that flashes a board of a farm, on the computer to which it is connected."""

from __future__ import annotations

from tinysine.errors import unknown_name
from tinysine.flashing import FLASH_TOOLS
from tinysine.flashing.tool import ProbeCommand, Target

TAG = "flash"
PROBE_TAG = "probe"


class OwnProgram(ProbeCommand):
    """A program of the farm's owner, for boards that none of the known tools flashes."""

    name = "program"
    programs = ("tinysine-flash",)

    def load_command(self, program: str, file: str, origin: int, target: Target, serial: str) -> list[str]:
        """`tinysine-flash flash BOARD PROBE FILE ORIGIN`."""
        return [program, "flash", target.board.name, serial, file, f"0x{origin:08x}"]

    def reset_command(self, program: str, target: Target, serial: str) -> list[str]:
        """`tinysine-flash reset BOARD PROBE`."""
        return [program, "reset", target.board.name, serial]


REMOTE_TOOLS: dict[str, ProbeCommand] = {
    tool.name: tool for tool in (*FLASH_TOOLS.values(), OwnProgram()) if isinstance(tool, ProbeCommand)
}


def remote_tool(name: str, *, where: str) -> ProbeCommand:
    """A tool that works on another computer.

    Args:
        where: what names it, for people.
    Raises:
        ConfigError: there is none of this name; the hint is the nearest.
    """
    if name in REMOTE_TOOLS:
        return REMOTE_TOOLS[name]
    raise unknown_name(
        f"{where} names the flash tool {name!r}, which is none that works on another computer",
        name,
        REMOTE_TOOLS,
        key=TAG,
    )
