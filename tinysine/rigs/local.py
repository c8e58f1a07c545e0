"""A real board: leased, flashed by the tool that fits, and found again under whatever name its port comes back."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.boards import AttachedBoard, Board, list_boards
from tinysine.errors import ConfigError, FlashError
from tinysine.flashing import FlashTool, Target, choose_tool, own_serial, tools_of, usb_port
from tinysine.flashing.firmware_file import flash_origin
from tinysine.flashing.tool import tell_on_stderr
from tinysine.flashing.upload_port import port_after
from tinysine.image import Image
from tinysine.place import AtPort
from tinysine.rigs.lease import take_lease
from tinysine.rigs.power import run_power
from tinysine.rigs.rig import Rig


class LocalRig(Rig):
    """A board at a port of this computer, or behind a URL; leased until it is closed.

    It is hardware if a USB device is behind its port; else unknown, until the device proves what it is.

    Args:
        board: of the catalogue.
        place: its port, and what flashing has to know of its connection.
        tell: shows a person what to do.
    Raises:
        ConfigError: the port is one where the board takes uploads only, or no such flash tool exists.
        LeaseHeld: somebody else uses the board.
    """

    def __init__(self, board: Board, place: AtPort, *, tell: Callable[[str], None] = tell_on_stderr) -> None:
        usb = usb_port(place.port)
        super().__init__(
            board,
            place.port,
            kind="unknown" if usb is None else "hardware",
            proof="" if usb is None else _usb_proof(usb),
            unique_id=place.wiring.unique_id,
        )
        _refuse_upload_port(board, place.port, usb)
        self._wiring = place.wiring
        self.can_power = bool(place.wiring.power)
        self._tell = tell
        self._lease = take_lease(place.port, board=board.name, usb_serial=own_serial(place.port))
        try:
            # Now, not when it is needed: a board file that names no such tool is refused before anything is built.
            self._tool = choose_tool(board, wanted=place.wiring.tool)
        except BaseException:
            self._lease.release()
            raise

    def _flash(self, image: Image) -> str:
        tool = self._require_tool(f"flash {image.binary or image.elf} at {flash_origin(image):#x}")
        self._tell(f"{self.board.name} at {self.port}: {tool.name} replaces the firmware on it")
        return self._with(lambda target: tool.flash(image, target))

    def _reset(self) -> str:
        return self._with(self._require_tool("reset it").reset)

    def _power_cycle(self) -> None:
        def switch(_target: Target) -> None:
            for command in self._wiring.power:
                run_power(command, f"the power of {self.name} at {self.port}")

        self.port = self._with(switch)

    def close(self) -> None:
        """Give the lease back."""
        self._lease.release()

    def _with(self, action: Callable[[Target], None]) -> str:
        target = Target(self.board, self.port, self._wiring, self._tell)
        before = usb_port(self.port)
        action(target)
        return port_after(before, target)

    def _require_tool(self, by_hand: str) -> FlashTool:
        if self._tool is not None:
            return self._tool
        ways = [f"{tool.name} ({tool.install})" for tool in tools_of(self.board)]
        raise FlashError(
            f"no tool that flashes {self.board.name} is installed",
            hint=f"install one of {', '.join(ways)}; or {by_hand} by hand, and run this again"
            if ways
            else f"{by_hand} by hand, and run this again",
        )

    def _refusal(self) -> FlashError | None:
        if not self.is_twin:
            return None
        # A tool would look for a real board of this name, and program that one.
        return FlashError(
            f"{self.port} leads to a twin of {self.board.name} that cannot be controlled from here",
            hint="use the port that `tinysine emulate` printed, as the user who started it",
        )


def _usb_proof(usb: AttachedBoard) -> str:
    serial = f", serial number {usb.serial_number}" if usb.serial_number else ""
    return f"USB device {usb.vendor_id:04x}:{usb.product_id:04x}{serial} is behind its port"


def _refuse_upload_port(board: Board, port: str, usb: AttachedBoard | None) -> None:
    if usb is None or (usb.vendor_id, usb.product_id) not in board.upload_usb_ids:
        return
    others = [other.name for other in list_boards() if (usb.vendor_id, usb.product_id) in other.usb_ids]
    raise ConfigError(
        f"{port} is the board's own USB, and {board.name} does not speak there: its link is on pins",
        hint=" ".join(f"--board {name};" for name in others)
        + " or the port of the adapter on its pins, and this one as `upload_port` in the bench file",
        key="port",
    )
