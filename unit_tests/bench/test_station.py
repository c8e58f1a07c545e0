"""The recovery ladder: no more is done to a board than it needs, and a board beyond help is left alone."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import termios
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tinysine.bench import Checkup, Station
from tinysine.boards import load_board
from tinysine.errors import (
    BenchError,
    BoardNotFound,
    DeviceError,
    FlashError,
    IdentityMismatch,
    LinkTimeout,
    PortUnavailable,
    ProtocolError,
    TinysineError,
)
from tinysine.flashing import Rig

RUNGS = ("resync", "reset", "reflash", "power cycle")


@dataclass
class FakeBoard:
    """A board that is mended by one rung of the ladder, and a rig to do it with."""

    mended_by: str = ""
    kind: str = "emulated"
    port: str = "fake://"
    done: list[str] = field(default_factory=list)
    broken: bool = False
    faults: int = 0
    has_power: bool = True
    mismatch: bool = False
    emulator: Any = None
    said: str | Exception = ""
    fresh: bool = True
    can_restart: bool = False

    def __post_init__(self) -> None:
        if self.has_power:
            self.emulator = SimpleNamespace(power=self.power)

    def flash(self, _image: object, **_why: object) -> None:
        """One rung."""
        self.did("reflash")

    def reset(self) -> None:
        """One rung."""
        self.did("reset")

    def restart(self) -> None:
        """Put another twin in its place."""
        self.did("restart")
        self.said, self.broken, self.port = "", False, "fake://2"

    def report(self) -> str:
        """What stopped the emulator."""
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def power(self, on: bool) -> None:
        """The last rung."""
        if on:
            self.did("power cycle")

    def did(self, rung: str) -> None:
        """Mend the board if this is what it needed."""
        self.done.append(rung)
        if rung == self.mended_by:
            self.broken = False

    def connect(self, url: str, *, timeout_s: float, baud: int) -> FakeDevice:
        """Open the board."""
        assert url == self.port, "the port of before"
        assert baud == 9600
        assert timeout_s > 0
        self.did("resync")
        if self.broken:
            raise LinkTimeout("no handshake")
        return FakeDevice(self)


class FakeDevice:
    """A connection that dies with its board."""

    def __init__(self, board: FakeBoard) -> None:
        self.board = board
        self.closed = False
        self.stats = SimpleNamespace(retries=0)

    def require(self, _image: object) -> None:
        """The handshake's proof."""
        if self.board.mismatch:
            raise IdentityMismatch("another build runs")

    def identify(self) -> object:
        """A sign of life, and the proof."""
        assert not self.closed
        if self.board.broken:
            raise LinkTimeout("no answer")
        self.require(None)
        return object()

    def last_fault(self) -> object:
        """What the firmware recorded."""
        return SimpleNamespace(count=self.board.faults) if self.board.faults else None

    def close(self) -> None:
        """End of the connection."""
        self.closed = True


def station_of(board: FakeBoard) -> Station:
    """A started station on a fake board."""
    image: Any = SimpleNamespace(board=SimpleNamespace(name="fake", baud=9600))
    rig: Any = board
    station = Station(rig, image, connect=board.connect)  # type: ignore[arg-type]
    station.start()
    board.done.clear()
    return station


def test_station_leaves_a_healthy_board_alone() -> None:
    """A board that gives a sign of life is neither reset nor flashed."""
    board = FakeBoard()
    station = station_of(board)
    assert station.check() == Checkup()
    assert board.done == []


@pytest.mark.parametrize("rung", RUNGS)
def test_station_climbs_no_further_than_needed(rung: str) -> None:
    """The rungs are tried in order up to the one that helps; afterwards the device answers again."""
    board = FakeBoard(mended_by=rung)
    station = station_of(board)
    board.broken = True
    checkup = station.check()
    assert checkup.rung == rung
    assert "no answer" in checkup.cause
    actions = [done for done in board.done if done != "resync"]
    assert actions == [step for step in RUNGS[1:] if RUNGS.index(step) <= RUNGS.index(rung)]
    assert station.check() == Checkup()


def test_station_without_a_power_switch_ends_at_reflash() -> None:
    """Where nobody can switch the power, that rung is not there, and the board is quarantined."""
    board = FakeBoard(mended_by="power cycle", has_power=False)
    station = station_of(board)
    board.broken = True
    with pytest.raises(BenchError, match="quarantined"):
        station.check()
    assert "power cycle" not in board.done


def test_station_quarantine_is_for_good_and_costs_nothing() -> None:
    """After the ladder's end every use raises the first cause at once, without touching the board."""
    board = FakeBoard()
    station = station_of(board)
    board.broken = True
    with pytest.raises(BenchError, match="fake on fake:// is quarantined since LinkTimeout: no answer"):
        station.check()
    touched = list(board.done)
    board.broken = False
    for _ in range(3):
        with pytest.raises(BenchError, match="no answer"):
            station.check()
        with pytest.raises(BenchError, match="no answer"):
            _ = station.device
    assert board.done == touched


def test_station_does_not_take_another_firmware_for_a_recovery() -> None:
    """A board that answers again but runs something else is not healthy."""
    board = FakeBoard()
    station = station_of(board)
    board.mismatch = True
    board.broken, board.mended_by = True, "reset"
    with pytest.raises(BenchError, match="quarantined"):
        station.check()


def test_station_flashes_a_board_that_runs_something_else() -> None:
    """Connecting anew and resetting cannot help there; that it was necessary is told."""
    board = FakeBoard()
    station = station_of(board)
    board.mismatch = True
    flash = board.flash

    def mend(image: object) -> None:
        flash(image)
        board.mismatch = False

    board.flash = mend  # type: ignore[method-assign]
    checkup = station.check()
    assert (checkup.rung, checkup.wrong_firmware) == ("reflash", True)
    assert checkup.cause == "IdentityMismatch: another build runs"
    assert board.done == ["reflash", "resync"]
    assert station.check() == Checkup()


def test_station_starts_another_twin_where_the_process_is_gone() -> None:
    """Nothing else is tried on it, and the recovery has a name of its own."""
    board = FakeBoard(can_restart=True)
    station = station_of(board)
    board.broken, board.said = True, BoardNotFound("the emulated board does not answer")
    checkup = station.check()
    assert (checkup.rung, checkup.wrong_firmware) == ("restart", False)
    assert "does not answer" in checkup.cause
    assert board.done == ["restart", "reflash", "resync"]
    assert station.check() == Checkup()


def test_station_gives_a_twin_up_that_somebody_else_has_started() -> None:
    """It cannot be replaced, and asking it again would only take time."""
    board = FakeBoard()
    station = station_of(board)
    gone = BoardNotFound("the emulated board does not answer", hint="start it again")
    board.broken, board.said = True, gone
    with pytest.raises(BenchError, match=r"quarantined since BoardNotFound.*start it again"):
        station.check()
    assert board.done == []


def test_station_starts_another_twin_when_nothing_else_helps() -> None:
    """It is the last rung, after the power switch."""
    board = FakeBoard(can_restart=True)
    station = station_of(board)
    board.broken = True
    assert station.check().rung == "restart"
    assert [done for done in board.done if done != "resync"] == [*RUNGS[1:], "restart", "reflash"]


def test_station_quarantine_grows_no_traceback() -> None:
    """One object is raised for every test that is left; what it carries stays the same."""
    board = FakeBoard()
    station = station_of(board)
    board.broken = True
    lengths = set()
    for _ in range(5):
        with pytest.raises(BenchError) as caught:
            station.check()
        lengths.add(len(caught.traceback))
    assert max(lengths) <= 3


def test_station_start_is_not_repaired() -> None:
    """What fails at the first flash is reported as it is: it never worked."""
    board = FakeBoard(mismatch=True)
    image: Any = SimpleNamespace(board=SimpleNamespace(name="fake", baud=9600))
    rig: Any = board
    with pytest.raises(IdentityMismatch):
        Station(rig, image, connect=board.connect).start()  # type: ignore[arg-type]
    assert board.done == ["reflash", "resync"]


@pytest.mark.parametrize(("mismatch", "done"), [(False, ["resync"]), (True, ["resync", "reflash", "resync"])])
def test_station_flashes_a_real_board_only_if_need_be(mismatch: bool, done: list[str]) -> None:
    """Flash wears out and a person may have flashed by hand: a board that proves the image is left as it is."""
    board = FakeBoard(kind="hardware", mismatch=mismatch)
    rig: Any = board
    image: Any = SimpleNamespace(board=SimpleNamespace(name="fake", baud=9600))
    with contextlib.suppress(IdentityMismatch):
        Station(rig, image, connect=board.connect).start()  # type: ignore[arg-type]
    assert board.done == done


def started(board: FakeBoard, error: Exception | None, monkeypatch: pytest.MonkeyPatch) -> TinysineError:
    """What starting a station says of a real board that cannot be flashed, and whose connection ends so."""

    def connect(_url: str, *, timeout_s: float, baud: int) -> FakeDevice:
        if error is not None:
            raise error
        return board.connect(board.port, timeout_s=timeout_s, baud=baud)

    def flash(_image: object, _port: str) -> str:
        board.did("reflash")
        raise FlashError("no tool is installed", hint="install one")

    image: Any = SimpleNamespace(board=SimpleNamespace(name="fake", baud=9600))
    flasher: Any = SimpleNamespace(flash=flash)
    kind: Any = board.kind
    monkeypatch.setattr(board, "flash", Rig(image.board, kind, board.port, flasher).flash)
    rig: Any = board
    with pytest.raises(TinysineError) as caught:
        Station(rig, image, connect=connect).start()  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize("cause", ["missing", "busy", "permission", "failed"])
def test_station_says_at_once_that_a_port_cannot_be_opened(
    cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board that nobody can talk to is not flashed, and no tool is asked for."""
    board = FakeBoard(kind="hardware")
    error = PortUnavailable("port fake:// cannot be opened", hint="see to it", port="fake://", cause=cause)
    assert started(board, error, monkeypatch) is error
    assert error.hint == "see to it"
    assert board.done == []


@pytest.mark.parametrize(
    "error",
    [
        LinkTimeout("no handshake", hint="check the wiring"),
        ProtocolError("not an answer"),
        PortUnavailable("port fake:// vanished while in use", hint="replug it", cause="vanished"),
    ],
    ids=["silence", "noise", "vanished"],
)
def test_station_tells_what_a_board_was_like_that_cannot_be_flashed(
    error: TinysineError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The silence is what went wrong; that it could not be mended is added, with what to do about that."""
    board = FakeBoard(kind="hardware")
    hint = error.hint
    caught = started(board, error, monkeypatch)
    assert caught is error
    assert board.done == ["reflash"]
    added = "it could not be flashed: no tool is installed (install one)"
    assert caught.hint == (f"{added}; {hint}" if hint else added)
    assert isinstance(caught.__cause__, FlashError)


def test_station_tells_what_a_board_runs_that_cannot_be_flashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that answers, with another build, is told from one that is silent."""
    board = FakeBoard(kind="hardware", mismatch=True)
    caught = started(board, None, monkeypatch)
    assert isinstance(caught, IdentityMismatch)
    assert "could not be flashed" in caught.hint


def test_station_of_a_twin_that_cannot_be_flashed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin is always flashed, so there is nothing else to tell."""
    assert isinstance(started(FakeBoard(), None, monkeypatch), FlashError)


@pytest.mark.parametrize("error", [FlashError("tool failed"), DeviceError("refused"), OSError("gone")])
def test_station_climbs_past_a_rung_that_fails(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rung that raises is one that did not help."""
    board = FakeBoard(mended_by="reflash")
    station = station_of(board)
    board.broken = True

    def failing_reset() -> None:
        raise error

    monkeypatch.setattr(board, "reset", failing_reset)
    assert station.check().rung == "reflash"


def test_station_reports_each_fault_once() -> None:
    """A fault on record is new when its count has moved, and after a power-off counts from zero again."""
    board = FakeBoard()
    station = station_of(board)
    assert station.fault() is None
    board.faults = 1
    record: Any = station.fault()
    assert record.count == 1
    assert station.fault() is None
    board.faults = 3
    assert station.fault() is not None
    board.faults = 1
    assert station.fault() is not None
    board.faults = 0
    assert station.fault() is None


@pytest.mark.parametrize("kind", ["hardware", "emulated"])
def test_station_does_not_blame_an_image_for_an_old_fault(kind: str) -> None:
    """What is on the record of a board that was there before is the past; what comes on top is not."""
    board = FakeBoard(kind=kind, fresh=False, faults=2)
    station = station_of(board)
    assert station.fault() is None
    board.faults = 3
    assert station.fault() is not None


def test_station_blames_the_image_for_a_fresh_twins_fault() -> None:
    """It has no past, so a fault at its start is the image's."""
    assert station_of(FakeBoard(faults=1)).fault() is not None


def test_station_counts_retries_over_all_connections() -> None:
    """What a lost connection had to repeat is not forgotten with it."""
    board = FakeBoard(mended_by="reset")
    station = station_of(board)
    device: Any = station.device
    device.stats.retries = 2
    assert station.retries == 2
    board.broken = True
    station.check()
    device = station.device
    device.stats.retries = 1
    assert station.retries == 3


def test_station_passes_on_what_stopped_the_emulator() -> None:
    """The emulator's report is text, and nothing where there is no emulator."""
    assert station_of(FakeBoard(said="access outside the memory map")).emulator_report() == (
        "access outside the memory map"
    )
    assert station_of(FakeBoard()).emulator_report() == ""
    assert station_of(FakeBoard(has_power=False)).emulator_report() == ""


def test_station_blames_no_firmware_for_an_emulator_that_was_ended() -> None:
    """It has nothing to report of the firmware then, and recovery names what it was that had to be mended."""
    board = FakeBoard(said=BenchError("something ended QEMU"), mended_by="reset")
    station = station_of(board)
    board.broken = True
    assert station.emulator_report() == ""
    checkup = station.check()
    assert (checkup.rung, checkup.cause) == ("reset", "BenchError: something ended QEMU")


def test_station_opens_the_port_at_the_boards_rate() -> None:
    """A board file may have another rate than most; the terminal itself says at which one it was opened."""
    nano = load_board("nano33ble-sense")
    assert nano.uart is not None
    slow = dataclasses.replace(nano, uart=dataclasses.replace(nano.uart, baud=57600))
    near, far = os.openpty()
    try:
        rig: Any = FakeBoard(kind="hardware", port=os.ttyname(far))
        image: Any = SimpleNamespace(board=slow)
        with pytest.raises(LinkTimeout):
            Station(rig, image, timeout_s=0.2)._open()
        assert termios.tcgetattr(far)[4:6] == [termios.B57600, termios.B57600]
    finally:
        os.close(near)
        os.close(far)
