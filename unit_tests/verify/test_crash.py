"""Firmware or bench: one answer, wherever it is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from tinysine.errors import BenchError, DeviceError, IdentityMismatch, LinkTimeout, TinysineError
from tinysine.link import FaultRecord
from tinysine.model import REFERENCE_MODEL, read_model
from tinysine.rigs import Rig
from tinysine.testing import ALL_REQUESTS, FakeDevice, FakeRig
from tinysine.verify.crash import Crash, crash_behind, fault_since
from tinysine.verify.witness import look
from unit_tests.verify.test_foreign_firmware import judge, stranger

RECORD = FaultRecord(1, 7, 0x1234, 0, 0, 0, 0, 0, 0, 3)
HANGS = {"inferences": (0, 7)}


def rig(*, report: str = "", runs: bool = False, fresh: bool = False) -> Rig:
    """A rig that says this, with or without a twin that runs."""
    facts = {"inferences": 0, "image_sha256": None, "resets": 0, "faults": 0, "stack_bytes": 0}
    emulator = SimpleNamespace(status=lambda: facts) if runs else None
    return cast(Rig, SimpleNamespace(report=lambda: report, emulator=emulator, fresh=fresh))


@pytest.mark.parametrize("report", ["", "it read 0x0"])
def test_another_device_is_the_benchs(report: str) -> None:
    """Whatever the rig says: it speaks of another build."""
    error = IdentityMismatch("another build", field="build", expected="a", got="b")
    assert not crash_behind(error, rig(report=report))


@pytest.mark.parametrize(
    ("error", "report", "reasons"),
    [
        (LinkTimeout("silence"), "", ()),
        (LinkTimeout("silence"), "it read 0x0", ("it read 0x0",)),
        (BenchError("no port"), "", ()),
        (DeviceError("refused"), "", ("refused",)),
        (DeviceError("refused"), "it read 0x0", ("it read 0x0",)),
    ],
)
def test_before_anything_was_asked_a_report_or_a_refusal_tells(
    error: TinysineError, report: str, reasons: tuple[str, ...]
) -> None:
    """There is no device to ask."""
    assert crash_behind(error, rig(report=report)).reasons == reasons


@pytest.mark.parametrize(
    ("faults", "error", "reasons"),
    [
        (3, LinkTimeout("silence"), ()),  # the old ones
        (4, LinkTimeout("silence"), ("4 since power-on",)),
        (0, LinkTimeout("silence"), ()),  # power may have failed with the line
        (4, DeviceError("refused"), ("4 since power-on", "refused")),
        (3, DeviceError("refused"), ("refused",)),
    ],
)
def test_the_fault_record_tells_who_it_was(
    faults: int, error: TinysineError, reasons: tuple[str, ...]
) -> None:
    """A record that was there before is no reason."""
    device = FakeDevice()
    device.record_fault(3)
    connected = FakeRig(device).connect("fake://1")
    earlier = connected.last_fault()
    device.record_fault(faults)
    crash = crash_behind(error, rig(), device=connected, image=cast(Any, SimpleNamespace()), earlier=earlier)
    assert len(crash.reasons) == len(reasons)
    assert all(told in reason for told, reason in zip(reasons, crash.reasons, strict=True))
    assert (crash.fault is None) == (faults != 4)


@pytest.mark.parametrize("runs", [False, True])
def test_silence_is_the_firmwares_where_its_twin_runs(runs: bool) -> None:
    """A twin has no cable."""
    device = FakeDevice()
    connected = FakeRig(device).connect("fake://1")
    device.silent = ALL_REQUESTS
    error = LinkTimeout("inferences 0 to 7 did not end", **HANGS)
    crash = crash_behind(error, rig(runs=runs), device=connected, image=cast(Any, SimpleNamespace()))
    assert bool(crash) == runs


@pytest.mark.parametrize(
    ("facts", "twin", "answers", "blamed"),
    [
        ({"request": "WRITE", "diagnosis": "silence"}, {"runs": True}, False, True),
        ({"request": "WRITE", "diagnosis": "silence"}, {"runs": False}, False, False),  # a cable, perhaps
        (
            {"request": "WRITE", "diagnosis": "silence"},
            {"runs": True, "fresh": True},
            True,
            False,
        ),  # it was late
        ({"request": "WRITE", "diagnosis": "foreign"}, {"runs": True, "fresh": True}, True, True),
        ({"request": "WRITE", "diagnosis": "late"}, {"runs": True, "fresh": True}, False, False),
        ({"request": "WRITE", "diagnosis": "frames"}, {"runs": True, "fresh": True}, False, True),
        ({"request": "INFER", "diagnosis": "foreign"}, {"runs": True, "fresh": True}, True, True),
        (
            {"request": "WRITE", "diagnosis": "foreign"},
            {"runs": True},
            True,
            False,
        ),  # others may know its port
        ({"request": "MEMORY", "diagnosis": "foreign"}, {"runs": True, "fresh": True}, True, False),
        ({"request": "WRITE", "diagnosis": "silence", "answered": 0}, {"runs": True}, False, False),
    ],
)
def test_inputs_that_overwrite_the_firmware_are_told(
    facts: dict[str, Any], twin: dict[str, bool], answers: bool, blamed: bool
) -> None:
    """An engine whose buffer is smaller than the input: its twin is silent, or talks nonsense."""
    device = FakeDevice()
    connected = FakeRig(device).connect("fake://1")
    device.silent = frozenset() if answers else ALL_REQUESTS
    error = LinkTimeout("no answer", **{"answered": 4, **facts})
    crash = crash_behind(error, rig(**twin), device=connected, image=cast(Any, SimpleNamespace()))
    assert bool(crash) == blamed
    assert all("the buffer that ts_engine_input points to" in reason for reason in crash.reasons)


@pytest.mark.parametrize(("resets", "fresh", "blamed"), [(0, True, 0), (2, True, 1), (2, False, 0)])
def test_a_start_that_nobody_ordered_is_the_firmwares(resets: int, fresh: bool, blamed: int) -> None:
    """The engine ended its program, or reset its board: it answers again, and nothing is on record. Of a twin that was
    there before, somebody else may have pressed the button.
    """
    connected = FakeRig(FakeDevice()).connect("fake://1")
    twin = rig(runs=True, fresh=fresh)
    assert twin.emulator is not None
    before = look(twin)
    twin.emulator.status()["resets"] = resets
    error = LinkTimeout("inferences 0 to 7 did not end", **HANGS)
    image = cast(Any, SimpleNamespace())
    assert not crash_behind(error, twin, device=connected, image=image)
    crash = crash_behind(error, twin, device=connected, image=image, before=before)
    assert (
        crash.reasons
        == (f"{error.message}; the board started anew while it was asked (2), as its twin saw",) * blamed
    )


@pytest.mark.parametrize(
    ("earlier", "last", "said"),
    [
        (None, None, ""),
        (RECORD, RECORD, ""),
        (None, RECORD, "it faulted: "),
        (RECORD, replace(RECORD, count=4), "it faulted: "),
        (RECORD, replace(RECORD, pc=2), "it faulted: "),
        (RECORD, None, "its fault record counted 3 and is empty now"),
        (RECORD, replace(RECORD, count=1), "its fault record counted 3 and counts 1 now"),
    ],
)
def test_a_record_that_grows_or_shrinks_is_told(
    earlier: FaultRecord | None, last: FaultRecord | None, said: str
) -> None:
    """Only power-off clears it."""
    assert fault_since(earlier, last).startswith(said)
    assert bool(fault_since(earlier, last)) == bool(said)
    assert bool(fault_since(earlier, last, powered_off=True)) == (last is not None and last != earlier)


def test_a_record_that_vanishes_while_the_device_is_asked_fails() -> None:
    """Three faults before, none afterwards, and right answers."""
    device = stranger(read_model(REFERENCE_MODEL), has={6})
    device.record_fault(3)
    device.on_request = lambda request: device.record_fault(0) if request == 2 else None
    evidence = judge(REFERENCE_MODEL, device)
    assert evidence.exit_code == 1
    assert "its fault record counted 3 and is empty now" in str(evidence.findings[0])


def test_a_crash_without_a_reason_is_none() -> None:
    """A record alone blames nobody."""
    assert not Crash((), RECORD)
