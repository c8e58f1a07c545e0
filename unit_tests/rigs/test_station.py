"""The recovery ladder: no more is done to a board than it needs, and a board beyond help is left alone."""

from __future__ import annotations

import contextlib
import os
import termios
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from tinysine.boards import load_board
from tinysine.device import Device
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
from tinysine.quantization import Rounding
from tinysine.rigs import Checkup, Station
from tinysine.testing import FakeRig

RUNGS = ("connect", "reset", "flash", "power cycle")
NAMES = {"connect": "resync", "flash": "reflash"}  # as a station calls them
NANO = structs.replace(load_board("nano33ble-sense"), name="fake")
IMAGE: Any = SimpleNamespace(
    board=NANO, sha256="cd" * 32, model_sha256="ab" * 32, build_id=bytes(range(16)), rounding=Rounding.LITERT
)


def fake_rig(*, mended_by: str = "", faults: int = 0, **options: Any) -> FakeRig:
    """A rig whose board runs the image and is mended by one rung of the ladder."""
    rig = FakeRig(board=NANO, **options)
    rig.device.run_image(IMAGE)
    rig.mended_by = mended_by
    rig.device.record_fault(faults)
    return rig


def never_flashed(rig: FakeRig) -> None:
    """Let the board run another build, whatever is flashed."""
    rig.device.build_id = bytes(16)
    rig.device.run_image = lambda _image: None  # type: ignore[method-assign]


def station_of(rig: FakeRig) -> Station:
    """A started station on a fake board."""
    station = Station(rig, IMAGE, connect=rig.connect)
    station.start()
    rig.did.clear()
    return station


def test_station_leaves_a_healthy_board_alone() -> None:
    """A board that gives a sign of life is neither reset nor flashed."""
    rig = fake_rig()
    station = station_of(rig)
    assert station.check() == Checkup()
    assert rig.did == []


@pytest.mark.parametrize("rung", RUNGS)
def test_station_climbs_no_further_than_needed(rung: str) -> None:
    """The rungs are tried in order up to the one that helps; afterwards the device answers again."""
    rig = fake_rig(mended_by=rung)
    station = station_of(rig)
    rig.kill()
    checkup = station.check()
    assert checkup.rung == NAMES.get(rung, rung)
    assert "no answer" in checkup.cause
    actions = [done for done in rig.did if done != "connect"]
    assert actions == [step for step in RUNGS[1:] if RUNGS.index(step) <= RUNGS.index(rung)]
    assert station.check() == Checkup()


@pytest.mark.parametrize(
    ("kind", "unit", "clock_hz"),
    [
        ("emulated", "instructions", 64_000_000),
        ("hardware", "cycles", 64_000_000),
        ("unknown", "counts", None),
    ],
)
def test_station_times_in_the_unit_that_is_proved(kind: Any, unit: str, clock_hz: int | None) -> None:
    """A test gets the figure that `verify` has: an emulated core's counter counts instructions, not cycles."""
    rig = fake_rig()
    rig.kind, rig.device.counter_clock_hz = kind, 64_000_000
    timing = station_of(rig).device.time([0], repetitions=3)
    assert (timing.unit, timing.clock_hz) == (unit, clock_hz)
    again = rig.counted(timing)
    assert (again.unit, again.overhead, again.counts.tolist()) == (
        unit,
        timing.overhead,
        timing.counts.tolist(),
    )


def test_station_without_a_power_switch_ends_at_reflash() -> None:
    """Without a power switch that step is left out, and the board is quarantined."""
    rig = fake_rig(mended_by="power cycle", kind="hardware")
    station = station_of(rig)
    rig.kill()
    with pytest.raises(BenchError, match="quarantined"):
        station.check()
    assert "power cycle" not in rig.did


def test_station_quarantine_is_for_good_and_costs_nothing() -> None:
    """After the ladder's end every use raises the first cause at once, without touching the board."""
    rig = fake_rig()
    station = station_of(rig)
    rig.kill()
    with pytest.raises(
        BenchError, match="fake on fake://1 is quarantined since LinkTimeout: fake://1 gave no answer"
    ):
        station.check()
    touched = list(rig.did)
    rig.device.silent = ()
    for _ in range(3):
        with pytest.raises(BenchError, match="no answer"):
            station.check()
        with pytest.raises(BenchError, match="no answer"):
            _ = station.device
    assert rig.did == touched


def test_station_does_not_take_another_firmware_for_a_recovery() -> None:
    """A board that answers again but runs something else is not healthy."""
    rig = fake_rig()
    station = station_of(rig)
    never_flashed(rig)
    rig.kill()
    rig.mended_by = "reset"
    with pytest.raises(BenchError, match="quarantined"):
        station.check()


def test_station_flashes_a_board_that_runs_something_else() -> None:
    """Connecting anew and resetting cannot help there; that it was necessary is told."""
    rig = fake_rig()
    station = station_of(rig)
    rig.device.build_id = bytes(16)
    checkup = station.check()
    assert (checkup.rung, checkup.wrong_firmware) == ("reflash", True)
    assert checkup.cause.startswith("IdentityMismatch: the device at fake://1 reports build_id 0000")
    assert rig.did == ["flash", "connect"]
    assert station.check() == Checkup()


def test_station_starts_another_twin_where_the_process_is_gone() -> None:
    """Nothing else is tried on it, and the recovery has a name of its own."""
    rig = fake_rig(can_restart=True)
    station = station_of(rig)
    rig.kill()
    rig.said = BoardNotFound("the emulated board does not answer")
    checkup = station.check()
    assert (checkup.rung, checkup.wrong_firmware) == ("restart", False)
    assert "does not answer" in checkup.cause
    assert rig.did == ["close", "restart", "flash", "connect"]
    assert station.check() == Checkup()


def test_station_gives_a_twin_up_that_somebody_else_has_started() -> None:
    """It cannot be replaced, and asking it again would only take time."""
    rig = fake_rig()
    station = station_of(rig)
    gone = BoardNotFound("the emulated board does not answer", hint="start it again")
    rig.kill()
    rig.said = gone
    with pytest.raises(BenchError, match=r"quarantined since BoardNotFound.*start it again"):
        station.check()
    assert rig.did == []


def test_station_starts_another_twin_when_nothing_else_helps() -> None:
    """It is the last rung, after the power switch."""
    rig = fake_rig(can_restart=True)
    station = station_of(rig)
    rig.kill()
    assert station.check().rung == "restart"
    assert [done for done in rig.did if done != "connect"] == [*RUNGS[1:], "close", "restart", "flash"]


def test_station_quarantine_grows_no_traceback() -> None:
    """One object is raised for every test that is left; what it carries stays the same."""
    rig = fake_rig()
    station = station_of(rig)
    rig.kill()
    lengths = set()
    for _ in range(5):
        with pytest.raises(BenchError) as caught:
            station.check()
        lengths.add(len(caught.traceback))
    assert max(lengths) <= 3


def test_station_start_is_not_repaired() -> None:
    """A failure of the first flash is reported unchanged: the board never worked."""
    rig = fake_rig()
    never_flashed(rig)
    with pytest.raises(IdentityMismatch):
        Station(rig, IMAGE, connect=rig.connect).start()
    assert rig.did == ["flash", "connect"]


@pytest.mark.parametrize(
    ("mismatch", "done"), [(False, ["connect"]), (True, ["connect", "flash", "connect"])]
)
def test_station_flashes_a_real_board_only_if_need_be(mismatch: bool, done: list[str]) -> None:
    """Flash wears out and a person may have flashed by hand: a board that proves the image is left as it is."""
    rig = fake_rig(kind="hardware")
    if mismatch:
        never_flashed(rig)
    with contextlib.suppress(IdentityMismatch):
        Station(rig, IMAGE, connect=rig.connect).start()
    assert rig.did == done


def started(rig: FakeRig, error: Exception | None) -> TinysineError:
    """Return the error of starting a station on a real board that cannot be flashed, if its connection ends so."""

    def connect(url: str, *, timeout_s: float, baud: int, **_options: object) -> Device:
        if error is not None:
            raise error
        return rig.connect(url, timeout_s=timeout_s, baud=baud)

    rig.flash_error = FlashError("no tool is installed", hint="install one")
    with pytest.raises(TinysineError) as caught:
        Station(rig, IMAGE, connect=connect).start()
    return caught.value


@pytest.mark.parametrize("cause", ["missing", "busy", "permission", "failed"])
def test_station_says_at_once_that_a_port_cannot_be_opened(cause: str) -> None:
    """A board that nobody can talk to is not flashed, and no tool is asked for."""
    rig = fake_rig(kind="hardware")
    error = PortUnavailable("port fake:// cannot be opened", hint="see to it", port="fake://", cause=cause)
    assert started(rig, error) is error
    assert error.hint == "see to it"
    assert rig.did == []


@pytest.mark.parametrize(
    "error",
    [
        LinkTimeout("no handshake", hint="check the wiring"),
        ProtocolError("not an answer"),
        PortUnavailable("port fake:// vanished while in use", hint="replug it", cause="vanished"),
    ],
    ids=["silence", "noise", "vanished"],
)
def test_station_tells_what_a_board_was_like_that_cannot_be_flashed(error: TinysineError) -> None:
    """The silence is what went wrong; that it could not be mended is added, with what to do about that."""
    rig = fake_rig(kind="hardware")
    hint = error.hint
    caught = started(rig, error)
    assert caught is error
    assert rig.did == ["flash"]
    added = "and it could not be flashed: no tool is installed"
    assert caught.hint == (f"{hint}; {added}" if hint else added)
    assert isinstance(caught.__cause__, FlashError)


def test_station_tells_what_a_board_runs_that_cannot_be_flashed() -> None:
    """A board that answers, with another build, is told from one that is silent."""
    rig = fake_rig(kind="hardware")
    never_flashed(rig)
    caught = started(rig, None)
    assert isinstance(caught, IdentityMismatch)
    assert "could not be flashed" in caught.hint


def test_station_of_a_twin_that_cannot_be_flashed_says_so() -> None:
    """A twin is always flashed, so there is nothing else to tell."""
    assert isinstance(started(fake_rig(), None), FlashError)


@pytest.mark.parametrize("error", [FlashError("tool failed"), DeviceError("refused"), OSError("gone")])
def test_station_climbs_past_a_rung_that_fails(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rung that raises is one that did not help."""
    rig = fake_rig(mended_by="flash")
    station = station_of(rig)
    rig.kill()

    def failing_reset() -> None:
        raise error

    monkeypatch.setattr(rig, "reset", failing_reset)
    assert station.check().rung == "reflash"


def test_station_reports_each_fault_once() -> None:
    """A fault on record is new when its count has moved, and after a power-off counts from zero again."""
    rig = fake_rig()
    station = station_of(rig)
    assert station.fault() is None
    rig.device.record_fault(1)
    record: Any = station.fault()
    assert record.count == 1
    assert station.fault() is None
    rig.device.record_fault(3)
    assert station.fault() is not None
    rig.device.record_fault(1)
    assert station.fault() is not None
    rig.device.record_fault(0)
    assert station.fault() is None


@pytest.mark.parametrize("kind", ["hardware", "emulated"])
def test_station_has_its_image_again_after_the_rig_was_lent(kind: str) -> None:
    """Whatever was flashed meanwhile, and however it ended; its faults are not the image's."""
    rig = fake_rig(kind=kind)
    station = station_of(rig)
    other: Any = SimpleNamespace(**{**vars(IMAGE), "build_id": bytes(16)})

    def borrow() -> None:
        with station.lent() as lent:
            lent.flash(other)
            rig.device.record_fault(7)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        borrow()
    assert rig.did.count("flash") == 2
    assert station.check() == Checkup()
    assert station.device.identity.build_id == IMAGE.build_id
    assert station.fault() is None


@pytest.mark.parametrize("kind", ["hardware", "emulated"])
def test_station_does_not_blame_an_image_for_an_old_fault(kind: str) -> None:
    """A fault recorded before the session is not blamed on the image; a later one is."""
    rig = fake_rig(kind=kind, fresh=False, faults=2)
    station = station_of(rig)
    assert station.fault() is None
    rig.device.record_fault(3)
    assert station.fault() is not None


def test_station_blames_the_image_for_a_fresh_twins_fault() -> None:
    """It has no past, so a fault at its start is the image's."""
    assert station_of(fake_rig(faults=1)).fault() is not None


def test_station_counts_retries_over_all_connections() -> None:
    """Retries of a lost connection still count."""
    rig = fake_rig(mended_by="reset")
    station = station_of(rig)
    rig.line.lose_replies(2)
    station.device.counters()
    assert station.retries == 2
    rig.kill()
    station.check()
    repeated = station.retries
    assert repeated > 2  # the silence cost some, too
    rig.line.lose_replies(1)
    station.device.counters()
    assert station.retries == repeated + 1


def test_station_passes_on_what_stopped_the_emulator() -> None:
    """The emulator's report is text, and nothing where there is no emulator."""
    rig = fake_rig()
    station = station_of(rig)
    assert station.emulator_report() == ""
    rig.said = "access outside the memory map"
    assert station.emulator_report() == "access outside the memory map"
    assert station_of(fake_rig(kind="hardware")).emulator_report() == ""


def test_station_blames_no_firmware_for_an_emulator_that_was_ended() -> None:
    """It has nothing to report of the firmware then, and recovery names what it was that had to be mended."""
    rig = fake_rig(mended_by="reset")
    rig.said = BenchError("something ended QEMU")
    station = station_of(rig)
    rig.kill()
    assert station.emulator_report() == ""
    checkup = station.check()
    assert (checkup.rung, checkup.cause) == ("reset", "BenchError: something ended QEMU")


def test_station_opens_the_port_at_the_boards_rate() -> None:
    """A board file may have another rate than most; the terminal itself says at which one it was opened."""
    nano = load_board("nano33ble-sense")
    assert nano.uart is not None
    slow = structs.replace(nano, uart=structs.replace(nano.uart, baud=57600))
    near, far = os.openpty()
    try:
        rig = fake_rig(kind="hardware")
        rig.board = slow
        rig.port = os.ttyname(far)
        image: Any = SimpleNamespace(board=slow, build_id=bytes(16))
        with pytest.raises(LinkTimeout):
            Station(rig, image, timeout_s=0.2)._open()
        assert termios.tcgetattr(far)[4:6] == [termios.B57600, termios.B57600]
    finally:
        os.close(near)
        os.close(far)


def test_another_chip_than_the_bench_expects_is_neither_flashed_nor_reset() -> None:
    """Neither at the start nor when boards were swapped in between."""
    rig = fake_rig(kind="hardware", fresh=False)
    rig._unique_id = "5a" * 8
    station = Station(rig, IMAGE, connect=rig.connect)
    with pytest.raises(IdentityMismatch, match=r"the chip 5a5a\w* is expected"):
        station.start()
    assert rig.did == ["connect"]
    rig._unique_id = rig.device.unique_id.hex()
    station = station_of(rig)
    rig.device.unique_id = bytes(8)
    rig.kill()
    rig.mended_by = "connect"
    with pytest.raises(BenchError, match="quarantined"):
        station.check()
    assert rig.did == ["connect"]


@pytest.mark.parametrize("rung", RUNGS)
def test_each_rung_is_told_with_its_time(rung: str) -> None:
    """Those that failed say why; the last one helped."""
    rig = fake_rig(mended_by=rung)
    station = Station(rig, IMAGE, connect=rig.connect, clock=rig.clock)
    station.start()
    rig.kill()
    told = station.check().rungs
    assert [step.name for step in told] == [NAMES.get(one, one) for one in RUNGS[: RUNGS.index(rung) + 1]]
    assert [bool(step.failure) for step in told] == [True] * (len(told) - 1) + [False]
    for step in told[:-1]:
        assert step.failure.startswith("LinkTimeout: ")
        assert str(step) == f"{step.name} failed in {station.timeout_s:.1f} s"
    assert str(told[-1]).startswith(f"{told[-1].name} helped in 0.")


def test_a_quarantine_says_what_was_tried() -> None:
    """Each rung and how long it took."""
    rig = fake_rig(mended_by="prayer")
    station = Station(rig, IMAGE, connect=rig.connect, clock=rig.clock)
    station.start()
    rig.kill()
    with pytest.raises(BenchError, match="quarantined") as caught:
        station.check()
    assert caught.value.hint.startswith(
        "resync failed in 8.0 s, reset failed in 8.0 s, reflash failed in 8.0 s, "
    )
    assert [step.name for step in station.rungs] == ["resync", "reset", "reflash", "power cycle"]
