"""pyOCD: any CMSIS-DAP, ST-LINK or J-Link probe. Board files tell it the target type: `pyocd = "nrf52840"`."""

from __future__ import annotations

from tinysine.errors import FlashError
from tinysine.flashing.firmware_file import firmware_file, flash_origin
from tinysine.flashing.probes import choose_probe
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import FlashTool, ProbeCommand, Target, installed
from tinysine.flashing.usb import Probe
from tinysine.image import Image
from tinysine.outside_json import read_json_object

LIST_TIMEOUT_S = 20.0
TIMEOUT_S = 120.0
GENERIC = ("cortex_m", "", None)  # what pyOCD says of a probe that does not know its board


class Pyocd(FlashTool, ProbeCommand):
    """Programs and resets by SWD."""

    name = "pyocd"
    install = "pip install pyocd"
    programs = ("pyocd",)
    needs = "its pyOCD target type"

    def flash(self, image: Image, target: Target) -> None:
        """Program the sectors that the image touches, and reset.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        program = installed(self)
        kind = target.option(self)
        serial = self._probe(program, kind, target)
        with firmware_file(image, ".bin") as path:
            command = self.load_command(program, str(path), flash_origin(image), target, serial)
            run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=_hint(kind))

    def reset(self, target: Target) -> None:
        """Pull the reset line.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        program = installed(self)
        kind = target.option(self)
        command = self.reset_command(program, target, self._probe(program, kind, target))
        run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=_hint(kind))

    def load_command(self, program: str, file: str, origin: int, target: Target, serial: str) -> list[str]:
        """See `ProbeCommand`."""
        options = ["--no-wait", "--target", target.option(self), *(("--uid", serial) if serial else ())]
        return [program, "load", *options, "--format", "bin", "--base-address", f"0x{origin:08x}", file]

    def reset_command(self, program: str, target: Target, serial: str) -> list[str]:
        """See `ProbeCommand`."""
        options = ["--no-wait", "--target", target.option(self), *(("--uid", serial) if serial else ())]
        return [program, "reset", *options]

    def _probe(self, program: str, kind: str, target: Target) -> str:
        command = [program, "json", "--probes"]
        output = run_tool(self.name, command, timeout_s=LIST_TIMEOUT_S)
        try:
            # Warnings may come before the document.
            boards = read_json_object(output[output.index("{") :])["boards"]
            named = [(board.get("target"), Probe(str(board["unique_id"]), _what(board))) for board in boards]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FlashError(
                "pyocd did not say which probes there are",
                hint="run the command by hand; pyOCD 0.31 or later is needed",
                tool=self.name,
                command=" ".join(command),
                output=output,
            ) from error
        # A probe that sits on a board of another kind is never meant.
        own = [probe for found, probe in named if found == kind]
        probes = own or [probe for found, probe in named if found in GENERIC]
        return choose_probe(probes, target, tool=self.name)


def _what(board: dict[str, str]) -> str:
    words = [board.get("vendor_name"), board.get("product_name"), board.get("board_name")]
    return " ".join(word for word in words if word) or str(board.get("info", "probe"))


def _hint(kind: str) -> str:
    return (
        f"if pyOCD does not know the target: pyocd pack install {kind}; check the wiring of SWDIO and SWCLK"
    )
