"""Faults made on purpose are reported: a disturbed wire never gives a wrong answer, a crash leaves a record.

Twins can be harmed; a real board is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tinysine.device import Device
from tinysine.emulation import EmulatedBoard
from tinysine.emulation.wire_faults import KINDS
from tinysine.errors import LinkTimeout, PortUnavailable, ProtocolError
from tinysine.image import Image
from tinysine.image.elf import read_symbols
from tinysine.link import FaultKind, Stage
from tinysine.rigs import Rig, Station
from tinysine.stimuli import Inputs
from tinysine.tensor_values import Values, rows_of
from tinysine.verdicts import OutputsVerdict

AssertEqual = Callable[[Values, Values], OutputsVerdict]

pytestmark = [pytest.mark.emulated, pytest.mark.disturbs]

UNDEFINED_INSTRUCTION = bytes.fromhex("00de")


@pytest.fixture
def twin(tinysine_rig: Rig, tinysine_station: Station) -> Iterator[EmulatedBoard]:
    """The twin's hands; afterwards it has its cable and its power again."""
    if tinysine_rig.emulator is None:
        pytest.skip(f"{tinysine_rig.kind} takes no faults from outside")
    yield tinysine_rig.emulator
    tinysine_rig.emulator.plug()
    tinysine_rig.emulator.power(True)
    tinysine_station.check()


@pytest.fixture
def chip(twin: EmulatedBoard, tinysine_rig: Rig, tinysine_station: Station) -> Iterator[EmulatedBoard]:
    """A twin that has a memory and a receiver of its own; afterwards the image is on it again, whole."""
    if tinysine_rig.kind != "emulated" or tinysine_rig.emulator is None:
        pytest.skip(f"{tinysine_rig.kind} has no memory that could be changed from outside")
    yield twin
    tinysine_station.close()
    tinysine_station.start()


FAULTS = [
    (direction, kind, after)
    for direction in ("to_device", "to_host")
    for kind in KINDS
    for after in (0, 5, 40)
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault)))
def test_disturbed_wire_gives_no_wrong_answer(
    twin: EmulatedBoard,
    tinysine_device: Device,
    tinysine_assert_equal: AssertEqual,
    inputs: Inputs,
    fault: tuple[str, str, int],
) -> None:
    """A byte lost, changed, doubled or added: the answer is right after a repetition, or there is none."""
    direction, kind, after = fault
    codes = rows_of(inputs.codes, slice(64))
    patience, tinysine_device.timeout_s = tinysine_device.timeout_s, 0.6
    before = _noticed(tinysine_device)
    twin.wire_fault(direction, kind, after=after)
    try:
        answers = tinysine_device.infer(codes)
    except (LinkTimeout, ProtocolError):
        tinysine_device.resync()
        answers = tinysine_device.infer(codes)
    finally:
        tinysine_device.timeout_s = patience
    tinysine_assert_equal(codes, answers)
    if kind in ("drop", "flip") and after:  # around a frame, a byte more or less may well go unnoticed
        assert _noticed(tinysine_device) > before


def _noticed(device: Device) -> int:
    """Return the number of errors that both ends have counted."""
    stats = device.stats
    return stats.retries + stats.stale + stats.corrupt + stats.noise_bytes + device.counters().corrupt


def test_crash_leaves_a_record_that_survives_the_reset(
    chip: EmulatedBoard, tinysine_device: Device, tinysine_image: Image, inputs: Inputs
) -> None:
    """An instruction that does not exist, met while inferring: the board resets itself and tells where."""
    invoke = read_symbols(tinysine_image.elf)["ts_engine_invoke"] & ~1
    chip.poke(invoke, UNDEFINED_INSTRUCTION)
    # No answer comes, however long one waits.
    patience, tinysine_device.timeout_s = tinysine_device.timeout_s, 0.6
    with pytest.raises((LinkTimeout, ProtocolError)):
        tinysine_device.infer(rows_of(inputs.codes, slice(1)))
    tinysine_device.timeout_s = patience
    tinysine_device.resync()
    record = tinysine_device.last_fault()
    assert record is not None
    assert record.kind in (FaultKind.USAGE, FaultKind.HARD)
    assert record.stage is Stage.INFERRING
    assert record.pc & ~1 == invoke
    assert record.count >= 1
    assert tinysine_device.last_fault() == record  # reading does not clear it
    chip.power(False)
    chip.power(True)
    tinysine_device.resync()
    assert tinysine_device.last_fault() is None


def test_lost_bytes_are_counted_by_the_device(
    chip: EmulatedBoard, tinysine_device: Device, tinysine_assert_equal: AssertEqual, inputs: Inputs
) -> None:
    """A receiver that overran loses the frame, says so in its counters, and the repetition is right."""
    codes = rows_of(inputs.codes, slice(32))
    before = tinysine_device.counters().overruns
    chip.overrun(2)
    tinysine_assert_equal(codes, tinysine_device.infer(codes))
    assert tinysine_device.counters().overruns > before


def test_pulled_cable_is_said_and_survived(
    twin: EmulatedBoard, tinysine_station: Station, tinysine_assert_equal: AssertEqual, inputs: Inputs
) -> None:
    """A port that vanishes is PortUnavailable at once; when it is back, the device connects anew by itself."""
    codes = rows_of(inputs.codes, slice(8))
    twin.unplug()
    with pytest.raises((PortUnavailable, LinkTimeout)):
        tinysine_station.device.infer(codes)
    twin.plug()
    tinysine_assert_equal(codes, tinysine_station.device.infer(codes))
    assert tinysine_station.check().rung in ("", "resync")


def test_board_without_power_is_silent_and_comes_back(
    twin: EmulatedBoard, tinysine_device: Device, tinysine_image: Image
) -> None:
    """Without power there is no answer within the deadline; with it, the image is still there."""
    twin.power(False)
    patience, tinysine_device.timeout_s = tinysine_device.timeout_s, 0.5
    with pytest.raises(LinkTimeout):
        tinysine_device.counters()
    tinysine_device.timeout_s = patience
    twin.power(True)
    tinysine_device.resync()
    tinysine_device.require(tinysine_image)
    assert tinysine_device.last_fault() is None
