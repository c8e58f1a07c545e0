"""avrdude, through the boot loader of AVR Arduinos.

Board files tell it part and programmer: `avrdude = "m328p arduino"`.
"""

from __future__ import annotations

from tinysine.flashing.firmware_file import firmware_file
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import FlashTool, Target, installed
from tinysine.image import Image

TIMEOUT_S = 90.0
BAUD = 115200  # of the Uno's boot loader


class Avrdude(FlashTool):
    """Uploads over the port of the link: opening it resets the board into its boot loader."""

    name = "avrdude"
    install = "apt install avrdude"
    programs = ("avrdude",)
    needs = "part and programmer"

    def flash(self, image: Image, target: Target) -> None:
        """Upload and verify.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        with firmware_file(image, ".hex") as path:
            self._run(target, "-D", "-U", f"flash:w:{path}:i")

    def reset(self, target: Target) -> None:
        """Talk to the boot loader and leave it, which starts the application anew.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        self._run(target)

    def _run(self, target: Target, *action: str) -> None:
        part, _, programmer = target.option(self).partition(" ")
        command = [installed(self), "-q", "-p", part, "-c", programmer or "arduino"]
        command += ["-P", target.port, "-b", str(BAUD), *action]
        run_tool(
            self.name,
            command,
            timeout_s=TIMEOUT_S,
            hint="close what else uses the port; unplug what is wired to pins 0 and 1",
        )
