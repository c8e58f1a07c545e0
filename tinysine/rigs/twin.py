"""Twins of boards: flashed, reset and ended through their control socket."""

from __future__ import annotations

from tinysine.boards import FOREIGN, Board, load_board
from tinysine.emulation import EmulatedBoard, attach_emulator, find_emulator, require_stand_in, start_emulator
from tinysine.errors import ConfigError
from tinysine.image import Image
from tinysine.link import Identity
from tinysine.rigs.lease import Lease, take_lease
from tinysine.rigs.rig import Rig, twin_kind
from tinysine.settings import CONNECT_TIMEOUT_S


class TwinRig(Rig):
    """A running twin. Closing it ends a twin that this process has started.

    Args:
        board: of the catalogue.
        emulator: the twin.
        lease: on it, if it has one; given back when this is closed.
        started: it was started for this rig.
        shared: another one that takes its place is for others to use, too.
        timeout_s: for its process to start, as for `start_emulator`.
    """

    emulator: EmulatedBoard
    can_power = True

    def __init__(
        self,
        board: Board,
        emulator: EmulatedBoard,
        *,
        lease: Lease | None,
        started: bool = False,
        shared: bool = False,
        timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        super().__init__(board, emulator.port, kind=twin_kind(board), proof="its control socket answers")
        self.emulator = emulator
        self.fresh = self.can_restart = started
        self._lease = lease
        self._shared = shared
        self._timeout_s = timeout_s
        self._rate: tuple[EmulatedBoard, int | None] | None = None

    @classmethod
    def start(cls, board: Board, *, shared: bool = False, timeout_s: float = CONNECT_TIMEOUT_S) -> TwinRig:
        """A new twin of the board, leased, so that nobody else flashes it meanwhile.

        Args:
            shared: it is for others to use, and not leased.
            timeout_s: as for the class.
        Raises:
            ConfigError: this board has no twin that can be started here.
            BenchError: its process did not start.
        """
        emulator, lease = _started(board, shared=shared, timeout_s=timeout_s)
        return cls(board, emulator, lease=lease, started=True, shared=shared, timeout_s=timeout_s)

    @classmethod
    def attach(cls, board: Board, port: str) -> TwinRig | None:
        """The running twin at `port`, leased; None if no twin is there.

        Args:
            board: what it has to be; `FOREIGN` takes a twin of any board, which then is the rig's.
        Raises:
            ConfigError: it is a twin of another board.
            LeaseHeld: somebody else uses it.
        """
        record = find_emulator(port)
        if record is None:
            return None
        if board.name == FOREIGN.name:
            board = load_board(record.board)
        if record.board != board.name:
            raise ConfigError(
                f"the emulated board at {port} is {record.board}, not {board.name}",
                hint=f"--board {record.board}",
                expected=board.name,
                got=record.board,
            )
        emulator = attach_emulator(record.control)
        return cls(board, emulator, lease=take_lease(emulator.port, board=board.name))

    def _flash(self, image: Image) -> str:
        self.emulator.flash(image.elf)
        return self.port

    def _reset(self) -> str:
        self.emulator.reset()
        return self.port

    def _power_cycle(self) -> None:
        self.emulator.power(False)
        self.emulator.power(True)

    def _restart(self) -> str:
        self.close()
        self.emulator, self._lease = _started(self.board, shared=self._shared, timeout_s=self._timeout_s)
        return self.emulator.port

    def recognise(self, identity: Identity) -> None:
        """Know already what stands behind the port: its control socket has proved it."""

    def report(self) -> str:
        """Act of the firmware that stopped the emulator; see `Rig.report`."""
        return self.emulator.report() or ""

    def instruction_hz(self, unit: str, counter_hz: int | None) -> int | None:
        """As `Rig.instruction_hz`; some twins tell their rate."""
        if self.kind == "emulated":
            return super().instruction_hz(unit, counter_hz)
        # A twin's rate is one for its life, and each timing of an inference asks for it.
        if self._rate is None or self._rate[0] is not self.emulator:
            self._rate = (self.emulator, self.emulator.status()["instruction_hz"])
        return self._rate[1]

    def close(self) -> None:
        """End what was started, give back what was leased."""
        self.emulator.close()
        if self._lease is not None:
            self._lease.release()


def _started(board: Board, *, shared: bool, timeout_s: float) -> tuple[EmulatedBoard, Lease | None]:
    require_stand_in(board)
    emulator = start_emulator(board, timeout_s=timeout_s)
    if shared:
        return emulator, None
    try:
        return emulator, take_lease(emulator.port, board=board.name)
    except BaseException:
        emulator.close()
        raise
