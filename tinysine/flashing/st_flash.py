"""st-flash, of the open ST-LINK tools: boards with an ST-LINK on them.

It programs whatever STM32 is there, and many boards have the same probe. Board files may tell the chip's number, as
st-info prints it: `st-flash = "0x449"`.
"""

from __future__ import annotations

import re

from tinysine.errors import FlashError
from tinysine.flashing.firmware_file import firmware_file, flash_origin
from tinysine.flashing.probes import choose_probe
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import FlashTool, ProbeCommand, Target, find_program, installed
from tinysine.flashing.usb import usb_probes_of
from tinysine.image import Image

TIMEOUT_S, PROBE_TIMEOUT_S = 120.0, 20.0
_FACT = re.compile(r"^\s*(serial|chip-?id):\s*(?:0x)?([0-9a-f]+)\s*$", re.IGNORECASE | re.MULTILINE)
HINT = "unplug the board and plug it in again; on Linux `tinysine doctor` shows the udev rule it needs"


class StFlash(FlashTool, ProbeCommand):
    """Programs and resets an STM32."""

    name = "st-flash"
    probe_on_board = True
    install = "apt install stlink-tools"
    programs = ("st-flash",)

    def flash(self, image: Image, target: Target) -> None:
        """Program and reset, unless another chip is there.

        Raises:
            FlashError: see `FlashTool`.
        """
        program = installed(self)
        serial = self._probe(target)
        self._check_chip(target, serial)
        with firmware_file(image, ".bin") as path:
            command = self.load_command(program, str(path), flash_origin(image), target, serial)
            run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=HINT)

    def reset(self, target: Target) -> None:
        """Pull the reset line.

        Raises:
            FlashError: see `FlashTool`.
        """
        command = self.reset_command(installed(self), target, self._probe(target))
        run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=HINT)

    def load_command(self, program: str, file: str, origin: int, target: Target, serial: str) -> list[str]:  # noqa: ARG002
        """See `ProbeCommand`."""
        return [program, *_serial(serial), "--reset", "write", file, f"0x{origin:08x}"]

    def reset_command(self, program: str, target: Target, serial: str) -> list[str]:  # noqa: ARG002
        """See `ProbeCommand`."""
        return [program, *_serial(serial), "reset"]

    def _check_chip(self, target: Target, serial: str) -> None:
        """Refuse a chip that st-info calls by another number than the board file; where either is silent, take it."""
        wanted, program = target.board.flash_options.get(self.name), find_program("st-info")
        if not wanted or program is None:
            return
        command = [program, "--probe"]
        try:
            output = run_tool("st-info", command, timeout_s=PROBE_TIMEOUT_S)
        except FlashError:
            return  # st-flash says what is amiss with the probe
        found = _chips(output).get(serial.lower())
        if found and found != int(wanted, 16):
            raise FlashError(
                f"the chip behind the probe {serial or 'without serial number'} is {found:#x}, and that of "
                f"{target.board.name} is {wanted}; nothing was flashed",
                hint="another board is plugged in there; name the right probe: --probe SERIAL, or `probe` in the bench "
                "file",
                tool=self.name,
                command=" ".join(command),
                output=output,
            )

    def _probe(self, target: Target) -> str:
        return choose_probe(usb_probes_of(target.board), target, tool=self.name)


def _serial(serial: str) -> list[str]:
    return ["--serial", serial] if serial else []


def _chips(output: str) -> dict[str, int]:
    """The chip's number behind each probe, by its serial number in lower case; 0 where the probe reaches none."""
    chips: dict[str, int] = {}
    serial = ""
    for name, value in _FACT.findall(output):
        if name.lower() == "serial":
            serial = value.lower()
        else:
            chips[serial] = int(value, 16)
    return chips
