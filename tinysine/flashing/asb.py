"""SparkFun's uploader for Ambiq's secure boot loader (asb.py).

Board files may tell it the baud rate: `asb = "921600"`.
"""

from __future__ import annotations

from tinysine.flashing.edge_button import HINT, STAGING, ask_for_the_button, baud
from tinysine.flashing.firmware_file import firmware_file, flash_origin
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import Target, UploadTool, installed, script_command
from tinysine.image import Image

TIMEOUT_S = 120.0


class Asb(UploadTool):
    """Wraps the image as the loader wants it and uploads it over the port of the link, in one program."""

    name = "asb"
    install = "put asb.py of SparkFun's Apollo3 uploaders on PATH, and: pip install pycryptodome"
    programs = ("asb", "asb.py", "artemis_asb", "artemis_asb.py")

    def flash(self, image: Image, target: Target) -> None:
        """Upload.

        Raises:
            FlashError: see `FlashTool`.
        """
        program = installed(self)
        ask_for_the_button(target, self.name)
        with firmware_file(image, ".bin") as path:
            # The program has its two address options the wrong way round: the staging area is "blob" here.
            command = [*script_command(program), "--bin", str(path), "--load-address-blob", f"0x{STAGING:X}"]
            command += ["--magic-num", "0xCB", "-o", str(path.with_suffix("")), "--version", "0x0"]
            command += ["--load-address-wired", f"0x{flash_origin(image):X}", "-i", "6", "--options", "0x1"]
            command += ["-b", baud(target, self.name), "-port", target.port, "-r", "2"]
            run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=HINT)
