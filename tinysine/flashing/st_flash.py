"""st-flash, of the open ST-LINK tools. It takes boards with an ST-LINK on them, and has to be told nothing."""

from __future__ import annotations

from tinysine.flashing.firmware_file import firmware_file, flash_origin
from tinysine.flashing.probes import choose_probe
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import FlashTool, Target, installed
from tinysine.flashing.usb import usb_probes_of
from tinysine.image import Image

TIMEOUT_S = 120.0
HINT = "unplug the board and plug it in again; on Linux `tinysine doctor` shows the udev rule it needs"


class StFlash(FlashTool):
    """Programs and resets an STM32."""

    name = "st-flash"
    install = "apt install stlink-tools"
    programs = ("st-flash",)

    def flash(self, image: Image, target: Target) -> None:
        """Program and reset.

        Raises:
            FlashError: see `FlashTool`.
        """
        program = installed(self)
        with firmware_file(image, ".bin") as path:
            command = [
                program,
                *self._probe(target),
                "--reset",
                "write",
                str(path),
                f"0x{flash_origin(image):08x}",
            ]
            run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=HINT)

    def reset(self, target: Target) -> None:
        """Pull the reset line.

        Raises:
            FlashError: see `FlashTool`.
        """
        run_tool(self.name, [installed(self), *self._probe(target), "reset"], timeout_s=TIMEOUT_S, hint=HINT)

    def _probe(self, target: Target) -> list[str]:
        serial = choose_probe(usb_probes_of(target.board), target, tool=self.name)
        return ["--serial", serial] if serial else []
