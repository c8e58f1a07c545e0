"""arduino-cli: uploads through Arduino's own boot loaders, of which it knows each one's ways.

Board files tell it the board's full name: `arduino-cli = "arduino:mbed_nano:nano33ble"`.
"""

from __future__ import annotations

from tinysine.boards import AVR
from tinysine.flashing.firmware_file import firmware_file
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import Target, UploadTool, installed
from tinysine.flashing.upload_port import upload_port
from tinysine.image import Image

TIMEOUT_S = 120.0


class ArduinoCli(UploadTool):
    """Uploads a file that was not built by Arduino. It touches the port and finds the loader by itself."""

    name = "arduino-cli"
    install = "install arduino-cli, then: arduino-cli core install arduino:mbed_nano (Nano 33 BLE) or arduino:avr (Uno)"
    programs = ("arduino-cli",)
    needs = "Arduino's full name of the board"

    def flash(self, image: Image, target: Target) -> None:
        """Upload.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        program = installed(self)
        full_name = target.option(self)
        # Boards with USB of their own (their loader is bossac's) are uploaded to there, whatever port the link
        # has; others through the chip behind the link's port.
        own_usb = "bossac" in target.board.flash_tools
        port = upload_port(target, tool=self.name) if own_usb else target.port
        suffix = ".hex" if target.board.core == AVR else ".bin"  # what the platforms' upload recipes name
        core = ":".join(full_name.split(":")[:2])
        with firmware_file(image, suffix) as path:
            run_tool(
                self.name,
                [program, "upload", "--fqbn", full_name, "--port", port, "--input-file", str(path)],
                timeout_s=TIMEOUT_S,
                hint=f"arduino-cli core install {core}; press reset twice if the board does not take uploads",
            )
