"""OpenOCD. Board files tell it its configuration: `openocd = "board/stm32f746g-disco.cfg"`, several with spaces."""

from __future__ import annotations

from tinysine.flashing.firmware_file import firmware_file, flash_origin
from tinysine.flashing.probes import choose_probe
from tinysine.flashing.process import run_tool
from tinysine.flashing.tool import FlashTool, ProbeCommand, Target, installed
from tinysine.flashing.usb import usb_probes_of
from tinysine.image import Image
from tinysine.outside_text import tcl_word

TIMEOUT_S = 120.0
HINT = "`adapter serial` needs OpenOCD 0.12; on Linux `tinysine doctor` shows the udev rule"


class Openocd(FlashTool, ProbeCommand):
    """Programs and resets through a board's own probe.

    The image is started by a plain reset: some boards' `reset init` changes the clocks, which the image would
    then find other than at power-up.
    """

    name = "openocd"
    probe_on_board = True
    install = "apt install openocd"
    programs = ("openocd",)
    needs = "its OpenOCD configuration"

    def flash(self, image: Image, target: Target) -> None:
        """Program, verify, and reset.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        with firmware_file(image, ".bin") as path:
            self._run(
                self.load_command(
                    installed(self), path.as_posix(), flash_origin(image), target, self._probe(target)
                )
            )

    def reset(self, target: Target) -> None:
        """Pull the reset line.

        Raises:
            FlashError, ConfigError: see `FlashTool`.
        """
        self._run(self.reset_command(installed(self), target, self._probe(target)))

    def load_command(self, program: str, file: str, origin: int, target: Target, serial: str) -> list[str]:
        """See `ProbeCommand`."""
        return self._command(program, f"program {tcl_word(file)} 0x{origin:08x} verify", target, serial)

    def reset_command(self, program: str, target: Target, serial: str) -> list[str]:
        """See `ProbeCommand`."""
        return self._command(program, "init", target, serial)

    def _command(self, program: str, action: str, target: Target, serial: str) -> list[str]:
        command = [program]
        for file in target.option(self).split():
            command += ["-f", file]
        if serial:
            command += ["-c", f"adapter serial {tcl_word(serial)}"]
        return [*command, "-c", action, "-c", "reset run", "-c", "shutdown"]

    def _probe(self, target: Target) -> str:
        target.option(self)  # before a probe is looked for
        return choose_probe(usb_probes_of(target.board), target, tool=self.name)

    def _run(self, command: list[str]) -> None:
        run_tool(self.name, command, timeout_s=TIMEOUT_S, hint=HINT)
