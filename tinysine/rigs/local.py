"""A real board: leased, flashed by the tool that fits, and found again under whatever name its port comes back."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.boards import Board
from tinysine.errors import FlashError
from tinysine.flashing.firmware_file import flash_origin
from tinysine.flashing.tool import FlashTool, Target, tell_on_stderr
from tinysine.flashing.tools import choose_tool, tools_of
from tinysine.flashing.upload_port import port_after
from tinysine.flashing.usb import usb_port
from tinysine.image import Image
from tinysine.place import Wiring
from tinysine.rigs.lease import Lease


class HardwareFlasher:
    """Flashes one real board. Closing it gives its lease back.

    Args:
        board: of the catalogue.
        wiring: what the bench says about it.
        lease: held for as long as this is open; None leases nothing.
        tell: shows a person what to do.
    """

    def __init__(
        self,
        board: Board,
        *,
        wiring: Wiring,
        lease: Lease | None = None,
        tell: Callable[[str], None] = tell_on_stderr,
    ) -> None:
        self._board = board
        self._wiring = wiring
        self._lease = lease
        self._tell = tell
        # Now, not when it is needed: a board file that names no such tool is refused before anything is built.
        self._tool = choose_tool(board, wanted=wiring.tool)

    def flash(self, image: Image, port: str) -> str:
        """Program and start an image. Success proves nothing: only the device's own identity does.

        Returns:
            The port where the board is now.
        Raises:
            ConfigError: the board file leaves out what the tool must know.
            FlashError: the tool failed, or none is installed.
            PortUnavailable: the board did not come back.
        """
        tool = self._require_tool(f"flash {image.binary or image.elf} at {flash_origin(image):#x}")
        self._tell(f"{self._board.name} at {port}: {tool.name} replaces the firmware on it")
        return self._with(lambda target: tool.flash(image, target), port)

    def reset(self, port: str) -> str:
        """Start the image anew.

        Returns:
            The port where the board is now.
        Raises:
            FlashError: the tool failed, cannot reset, or none is installed.
            PortUnavailable: as `flash`.
        """
        return self._with(self._require_tool("reset it").reset, port)

    def close(self) -> None:
        """Give the lease back."""
        if self._lease is not None:
            self._lease.release()

    def _with(self, action: Callable[[Target], None], port: str) -> str:
        target = Target(self._board, port, self._wiring, self._tell)
        before = usb_port(port)
        action(target)
        return port_after(before, target)

    def _require_tool(self, by_hand: str) -> FlashTool:
        if self._tool is not None:
            return self._tool
        ways = [f"{tool.name} ({tool.install})" for tool in tools_of(self._board)]
        raise FlashError(
            f"no tool that flashes {self._board.name} is installed",
            hint=f"install one of {', '.join(ways)}; or {by_hand} by hand, and run this again"
            if ways
            else f"{by_hand} by hand, and run this again",
        )
