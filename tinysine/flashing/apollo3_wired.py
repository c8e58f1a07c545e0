"""Ambiq's own scripts for the wired update of the Apollo3's secure boot loader, three of them in a row.

Board files may tell the baud rate: `apollo3-wired = "921600"`.
"""

from __future__ import annotations

from pathlib import Path

from tinysine.flashing.edge_button import HINT, STAGING, ask_for_the_button, baud
from tinysine.flashing.firmware_file import firmware_file, flash_origin
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import Target, UploadTool, installed, script_command
from tinysine.image import Image

UPDATE, WRAP_IMAGE, WRAP_UPDATE = (
    "uart_wired_update.py",
    "create_cust_image_blob.py",
    "create_cust_wireupdate_blob.py",
)
WRAP_TIMEOUT_S = 20.0
TIMEOUT_S = 120.0


class Apollo3Wired(UploadTool):
    """Wraps the image twice, then uploads it over the port of the link."""

    name = "apollo3-wired"
    install = (
        "put tools/apollo3_scripts of the AmbiqSuite SDK on PATH (its keys_info.py too), "
        "and: pip install pycryptodome"
    )
    programs = (UPDATE,)

    def program(self) -> str | None:
        """The path of the last script, if the other two lie beside it; None otherwise."""
        found = super().program()
        if found is None or not all(
            (Path(found).parent / name).is_file() for name in (WRAP_IMAGE, WRAP_UPDATE)
        ):
            return None
        return found

    def flash(self, image: Image, target: Target) -> None:
        """Wrap, wrap, upload.

        Raises:
            FlashError: see `FlashTool`.
        """
        scripts = Path(installed(self)).parent
        with firmware_file(image, ".bin") as path:
            ota, wire = path.with_name("main_nonsecure_ota"), path.with_name("main_nonsecure_wire")
            wrap_image = ["--bin", str(path), "--load-address", f"0x{flash_origin(image):X}"]
            wrap_image += ["--magic-num", "0xCB", "-o", str(ota), "--version", "0x0"]
            wrap_update = ["--load-address", f"0x{STAGING:X}", "--bin", f"{ota}.bin", "-i", "6"]
            wrap_update += ["-o", str(wire), "--options", "0x1"]
            upload = ["-b", baud(target, self.name), target.port, "-r", "1", "-f", f"{wire}.bin", "-i", "6"]
            self._run(scripts / WRAP_IMAGE, wrap_image, WRAP_TIMEOUT_S)
            self._run(scripts / WRAP_UPDATE, wrap_update, WRAP_TIMEOUT_S)
            ask_for_the_button(target, self.name)
            self._run(scripts / UPDATE, upload, TIMEOUT_S)

    def _run(self, script: Path, arguments: list[str], timeout_s: float) -> None:
        run_tool(self.name, [*script_command(str(script)), *arguments], timeout_s=timeout_s, hint=HINT)
