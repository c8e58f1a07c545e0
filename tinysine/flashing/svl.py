"""SparkFun's variable loader (svl.py). No Edge leaves the factory with it, and it starts images at 0x10000 only.

Board files may tell it the baud rate: `svl = "921600"`.
"""

from __future__ import annotations

from tinysine.errors import ConfigError
from tinysine.flashing.edge_button import HINT, ask_for_the_button, baud
from tinysine.flashing.firmware_file import firmware_file, flash_origin
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import Target, UploadTool, installed, script_command
from tinysine.image import Image

TIMEOUT_S = 90.0
APPLICATION = 0x10000


class Svl(UploadTool):
    """Uploads over the port of the link."""

    name = "svl"
    install = "put svl.py of SparkFun's Apollo3 uploaders on PATH"
    programs = ("svl", "svl.py", "artemis_svl", "artemis_svl.py")

    def flash(self, image: Image, target: Target) -> None:
        """Upload.

        Raises:
            FlashError: see `FlashTool`.
            ConfigError: an image that this loader would not start.
        """
        program = installed(self)
        if flash_origin(image) != APPLICATION:
            raise ConfigError(
                f"svl starts images at 0x{APPLICATION:x}, and this one is linked at 0x{flash_origin(image):x}",
                hint="use asb or apollo3-wired, or a board file whose flash begins there",
                key="flash.origin",
            )
        ask_for_the_button(target, self.name)
        with firmware_file(image, ".bin") as path:
            command = [*script_command(program), target.port, "-f", str(path), "-b", baud(target, self.name)]
            run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=HINT)
