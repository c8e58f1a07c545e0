"""bossac: the boot loader of the Arduino Nano 33 BLE. Arduino's own fork of it is needed, which knows the nRF52840."""

from __future__ import annotations

from tinysine.flashing.firmware_file import firmware_file
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import Target, UploadTool, find_program, installed
from tinysine.flashing.upload_port import loader_port, short_name, upload_port
from tinysine.image import Image

TIMEOUT_S = 120.0
ARDUINOS = (
    ".arduino15/packages/arduino/tools/bossac/*arduino*/bossac",
    "Library/Arduino15/packages/arduino/tools/bossac/*arduino*/bossac",
    "AppData/Local/Arduino15/packages/arduino/tools/bossac/*arduino*/bossac.exe",
)


class Bossac(UploadTool):
    """Writes from the application's start on: to this loader, offsets count from there.

    Resetting takes the boot loader, which a running image has left.
    """

    name = "bossac"
    install = (
        "arduino-cli core install arduino:mbed_nano brings it; distributions have one that lacks the nRF52840"
    )
    programs = ("bossac",)

    def program(self) -> str | None:
        """Its path, Arduino's own first; None when it is not installed."""
        return find_program(elsewhere=ARDUINOS) or super().program()

    def flash(self, image: Image, target: Target) -> None:
        """Start the boot loader, if the application has to be asked, and upload.

        Raises:
            FlashError: see `FlashTool`.
        """
        program = installed(self)
        port = loader_port(target, upload_port(target, tool=self.name), tool=self.name)
        with firmware_file(image, ".bin") as path:
            run_tool(
                self.name,
                [program, "-d", f"--port={short_name(port)}", "-U", "-i", "-e", "-w", str(path), "-R"],
                timeout_s=TIMEOUT_S,
                hint=f"{self.install}; or press reset twice and try again",
            )
