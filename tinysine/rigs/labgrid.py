"""A board at a place of a labgrid farm: ours from the first request until the rig is closed."""

from __future__ import annotations

import time
from collections.abc import Callable

from tinysine.boards import Board
from tinysine.errors import BenchError, FlashError
from tinysine.farm.claim import Claim, Resources, wait_from
from tinysine.farm.helper import PROGRAM, helper_command, helper_environment
from tinysine.farm.remote_flashing import PROBE_TAG, REMOTE_TOOLS, TAG, OwnProgram, remote_tool
from tinysine.farm.serial_port import SerialLine, has_power, serial_line
from tinysine.farm.ssh import IMAGE, Forward, remote_folder, run_there
from tinysine.flashing.firmware_file import flash_origin, image_bytes
from tinysine.flashing.tool import ProbeCommand, Target, tell_on_stderr
from tinysine.image import Image
from tinysine.outside_text import one_line
from tinysine.place import AtLabgrid
from tinysine.processes import run_program
from tinysine.rigs.power import POWER_S, run_power
from tinysine.rigs.rig import Rig

FLASH_S, RESET_S = 120.0, 30.0
UNIQUE_ID_TAG = "unique_id"


class LabgridRig(Rig):
    """A board of a farm. What it is has to be proved by the device, or by the chip id that the place's tag names.

    Args:
        board: of the catalogue.
        place: that is asked for.
        tell: shows a person how it goes.
    Raises:
        as `Claim`; BenchError: the place has no serial line that is there; ConfigError: its flash tool is unknown.
    """

    def __init__(
        self, board: Board, place: AtLabgrid, *, tell: Callable[[str], None] = tell_on_stderr
    ) -> None:
        self._tell, self._wiring = tell, place.wiring
        self._forward: Forward | None = None
        self._is_open = False
        self._claim = Claim(place, board=board.name, wait_s=wait_from(), tell=tell, on_change=self._moved)
        try:
            tags = self._claim.tags
            self._line = serial_line(self._claim.resources, place=self._claim.name)
            wanted = place.wiring.tool or tags.get(TAG, "")
            self._tool: ProbeCommand | None = (
                remote_tool(wanted, where=f"the place {self._claim.name}") if wanted else None
            )
            self._probe = place.wiring.probe or tags.get(PROBE_TAG, "")
            self.can_power = bool(place.wiring.power) or has_power(self._claim.resources)
            super().__init__(
                board,
                self._url(self._line),
                kind="unknown",
                unique_id=place.wiring.unique_id or tags.get(UNIQUE_ID_TAG, "").lower(),
            )
            self._is_open = True
            self._moved(self._claim.resources)  # they may have changed while this was made
        except BaseException:
            self.close()
            raise

    def _flash(self, image: Image) -> str:
        tool, target, host = self._ready(), self._target(), self._line.exporter
        self._tell(
            f"{self.board.name} at {self._claim.name}: {tool.name} on {host} replaces the firmware on it"
        )
        folder = remote_folder()
        command = tool.load_command(
            tool.programs[0], f"{folder}/{IMAGE}", flash_origin(image), target, self._probe
        )
        self._run(tool, command, timeout_s=FLASH_S, image=image_bytes(image), folder=folder)
        return self.port

    def _reset(self) -> str:
        tool = self._ready()
        command = tool.reset_command(tool.programs[0], self._target(), self._probe)
        self._run(tool, command, timeout_s=RESET_S)
        return self.port

    def _power_cycle(self) -> None:
        if self._wiring.power:
            for own in self._wiring.power:
                run_power(own, f"the power of {self.name} at {self._claim.name}")
            return
        command = helper_command("power", self._claim.name, "cycle")
        done = run_program(
            command, timeout_s=POWER_S, env=helper_environment(self._claim.identity), stop=self._claim.ended
        )
        self._claim.require()
        if done.exit_code != 0:
            said = [one_line(line)[:200] for line in done.output.splitlines() if line.strip()]
            raise BenchError(
                f"labgrid could not switch the power of {self._claim.name}: {said[-1] if said else 'no word'}",
                hint=f"by hand, while the place is yours: {PROGRAM} -p {self._claim.name} power cycle",
                place=self._claim.name,
            )

    def close(self) -> None:
        """Give the place back."""
        if self._forward is not None:
            self._forward.close()
        self._claim.close()

    def require_ours(self) -> None:
        """Ask the coordinator whether the place was ours until now; see `Rig.require_ours`."""
        self._claim.confirm()

    def _deadline_clock(self) -> Callable[[], float]:
        def clock() -> float:
            # Read in every wait for the board: a place that is lost ends the run at once, and not at a deadline.
            self._claim.require()
            return time.monotonic()

        return clock

    def _refusal(self) -> FlashError | None:
        self._claim.require()
        name = self._claim.name
        if self._tool is None:
            return FlashError(
                f"nothing says how {self.board.name} at {name} is flashed: the place has no tag {TAG!r}",
                hint=f"{PROGRAM} -p {name} set-tags {TAG}={' or '.join(REMOTE_TOOLS)}",
            )
        if not self._probe and not isinstance(self._tool, OwnProgram):
            return FlashError(
                f"nothing says which probe is on {self.board.name} at {name}, and its computer may have several",
                hint=f"{PROGRAM} -p {name} set-tags {PROBE_TAG}=SERIAL",
            )
        return None

    def _ready(self) -> ProbeCommand:
        assert self._tool is not None  # `_refusal` was asked
        return self._tool

    def _target(self) -> Target:
        return Target(self.board, self.port, self._wiring, self._tell)

    def _run(
        self,
        tool: ProbeCommand,
        command: list[str],
        *,
        timeout_s: float,
        image: bytes = b"",
        folder: str = "",
    ) -> None:
        try:
            run_there(
                self._line.exporter,
                tool.name,
                command,
                timeout_s=timeout_s,
                image=image,
                folder=folder or remote_folder(),
                stop=self._claim.ended,
            )
        finally:
            self._claim.require()  # what ended the tool, if it is lost

    def _url(self, line: SerialLine) -> str:
        if self._forward is not None:
            self._forward.close()
        self._forward = None  # so that a new one that fails is tried again
        if not line.proxy:
            return line.url()
        self._forward = Forward(line)
        return line.url(host="127.0.0.1", port=self._forward.port)

    def _moved(self, resources: Resources) -> None:
        """The line may have another port now; a board that is about to come back has none for a while."""
        if not self._is_open:
            return
        try:
            line = serial_line(resources, place=self._claim.name)
            if line != self._line:
                self.port = self._url(line)
                self._line = line
        except BenchError:
            return
