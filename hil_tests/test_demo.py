"""With nobody talking, the LED follows the inferred sine. Twins record it; on hardware a person looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.boards import Board
from tinysine.device import Device
from tinysine.emulation import EmulatedBoard, start_emulator
from tinysine.graph import Network
from tinysine.image import Image
from tinysine.oracles import Oracle
from tinysine.quantization import dequantize, quantize
from tinysine.rigs import Rig

pytestmark = pytest.mark.emulated

SWEEP_S = 256 * 0.016
STEPS = 256
QUIET_S = 2.0  # so long the device waits before it takes up the demo
PATIENCE_S = 240.0  # until it is given up: a busy computer runs a board slowly

Trace = list[tuple[float, float]]


class Lit:
    """A twin that records its LED, and the device that it is."""

    def __init__(self, kind: str, emulator: EmulatedBoard, device: Device) -> None:
        self.kind, self.emulator, self.device = kind, emulator, device


@pytest.fixture
def lit(
    tinysine_device: Device, tinysine_rig: Rig, tinysine_model: Network, tinysine_board: Board
) -> Iterator[Lit]:
    """A twin that records its LED, with the demo on."""
    if tinysine_rig.emulator is None or not tinysine_rig.emulator.status()["records_led"]:
        pytest.skip(f"{tinysine_rig.kind} does not record a LED of {tinysine_board.name}")
    if tinysine_model.input.count != 1 or tinysine_model.output.count != 1:
        pytest.skip("the demo is for models of one number")
    before = tinysine_device.demo(True)
    yield Lit(tinysine_rig.kind, tinysine_rig.emulator, tinysine_device)
    tinysine_device.demo(before)


@pytest.fixture(scope="module")
def free(tinysine_board: Board, tinysine_image: Image, tinysine_rig: Rig) -> Iterator[Lit | None]:
    """Another twin, whose time is its own: no busy computer disturbs it, and a sweep takes no seconds.

    None in QEMU, which has that anyway, and where the firmware itself makes the LED's pulses: its clock moves in even
    steps while it is watched.
    """
    if tinysine_rig.kind != "emulated" or tinysine_board.led is None:
        yield None
        return
    assert tinysine_rig.emulator is not None
    if tinysine_rig.emulator.pins()[tinysine_board.led.pin]["function"] == "GPIO":
        yield None
        return
    with start_emulator(tinysine_board, clock="free") as emulator:
        emulator.flash(tinysine_image.elf)
        with Device.connect(emulator.port, baud=tinysine_board.baud, timeout_s=20) as device:
            device.require(tinysine_image)
            yield Lit("emulated", emulator, device)


@pytest.fixture
def sweeping(lit: Lit, free: Lit | None) -> Iterator[Lit]:
    """The twin whose sweeps are looked at: the one with a time of its own where there is one."""
    if free is None:
        yield lit
        return
    free.emulator.power(True)
    free.device.resync()
    free.device.demo(True)
    yield free
    free.emulator.power(False)  # it would take all of a core


def _watch(lit: Lit, seconds: float) -> tuple[float, Trace]:
    """Have the sweep start anew, and leave the board alone until its record covers so many of its own seconds.

    Returns:
        (the duty that the LED rested at before the sweep, the changes from then on).
    """
    lit.emulator.led_trace()  # a board may record only what it was asked for
    lit.device.counters()
    start = len(lit.emulator.led_trace())
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        whole: Trace = lit.emulator.led_trace()
        trace = whole[start:]
        # What the LED still did while the host was talking is not the demo's: it rests before it begins.
        pauses = [i for i in range(1, len(trace)) if trace[i][0] - trace[i - 1][0] > 0.9 * QUIET_S]
        began = pauses[-1] if pauses else 0
        trace = trace[began:]
        if trace and trace[-1][0] - trace[0][0] >= seconds:
            rested = whole[start + began - 1][1] if start + began else 0.0
            return rested, [change for change in trace if change[0] - trace[0][0] <= seconds + 1]
        time.sleep(0.05)
    raise AssertionError(f"the LED did not move for {seconds} s of the board's time within {PATIENCE_S} s")


@pytest.fixture(scope="module")
def swept() -> Callable[[Lit], tuple[float, Trace]]:
    """Return a function that watches the LED for a sweep and two thirds, once, for the test that asks first."""
    traces: list[tuple[float, Trace]] = []

    def watched(lit: Lit) -> tuple[float, Trace]:
        if not traces:
            traces.append(_watch(lit, 1.65 * SWEEP_S))
        return traces[0]

    return watched


def _brightness(model: Network, reference: Oracle) -> NDArray[np.float64]:
    """float64 [256]: 0..1, what the reference infers from each step of the sweep, from -1..1."""
    x = (np.arange(STEPS) * np.float32(2 * np.pi / STEPS)).astype(np.float32).reshape(-1, 1)
    quantization = model.input.quantization
    answers = reference.run(x if quantization is None else quantize(x, quantization, model.input.dtype))
    out = model.output.quantization
    y = answers if out is None else dequantize(answers, out)
    return np.clip((y[:, 0].astype(np.float64) + 1) / 2, 0, 1)


def test_led_follows_the_inferred_sine(
    sweeping: Lit,
    swept: Callable[[Lit], tuple[float, Trace]],
    tinysine_model: Network,
    tinysine_reference: Oracle,
) -> None:
    """Each recorded brightness is the one of its moment in the sweep, to one of 255 levels."""
    rested, changes = swept(sweeping)
    trace = np.array(changes)
    seconds, duty = trace[:, 0], trace[:, 1]
    expected = _brightness(tinysine_model, tinysine_reference)
    # The first change is the sweep's first step, unless an earlier sweep ended at its brightness: then it shows nothing
    # new until the first step that differs. The sweep's own clock has milliseconds, and a step lasts sixteen.
    levels = np.floor(expected * 255 + 0.5)
    first = int(np.argmax(levels != round(rested * 255))) if sweeping.kind != "qemu" else 0
    step = ((seconds - seconds[0]) / 0.016).astype(int) + first
    near = np.array([expected[(step + late) % STEPS] for late in (-1, 0, 1)])
    assert len(np.unique(duty)) > 50
    if sweeping.kind == "qemu":
        # The first average began while the LED still showed what an earlier sweep had left.
        step, duty, near = step[1:], duty[1:], near[:, 1:]
        # A record of pulses is an average over about a step, and a pulse may end as late as one inference takes: what
        # that adds to one average is missing in the next.
        duty = np.convolve(duty, np.ones(8) / 8, "valid")
        near = np.array([np.convolve(row, np.ones(8) / 8, "valid") for row in near])
        step = step[4 : 4 + len(duty)]
        assert np.all(near.min(axis=0) - 1.5 / 255 <= duty)
        assert np.all(duty <= near.max(axis=0) + 1.5 / 255)
    else:
        wrong = np.min(np.abs(duty - near), axis=0) > 1.5 / 255
        at = int(np.argmax(wrong))
        shown = [
            (round(when - seconds[0], 4), round(255 * level))
            for when, level in trace[max(at - 3, 0) : at + 4]
        ]
        assert not wrong.any(), f"change {at}, step {step[at]}, rested at {rested:.3f}: {shown}"
    model_error = np.max(np.abs(2 * expected - 1 - np.sin(np.arange(STEPS) * 2 * np.pi / STEPS)))
    assert np.max(np.abs(2 * duty - 1 - np.sin(step * 2 * np.pi / STEPS))) <= model_error + 4 / 255 + 0.05


def test_led_sweeps_in_the_promised_time(sweeping: Lit, swept: Callable[[Lit], tuple[float, Trace]]) -> None:
    """From one falling pass through half brightness to the next it takes one sweep."""
    _rested, changes = swept(sweeping)
    trace = np.array(changes)
    above = trace[:, 1] > 0.5
    falling = trace[1:, 0][above[:-1] & ~above[1:]]
    falling = falling[np.append(True, np.diff(falling) > 0.2)]  # a plateau at one half may be passed twice
    assert len(falling) >= 2
    assert np.diff(falling) == pytest.approx(SWEEP_S, abs=0.1)


def test_led_rests_while_the_host_talks(lit: Lit) -> None:
    """As long as requests keep coming, the demo waits."""
    _watch(lit, 0.1)
    for _ in range(10):  # until the host has kept talking: a busy computer may leave it out for seconds
        before, after, longest_pause_s = _talk(lit)
        if longest_pause_s < QUIET_S / 2:
            break
    else:
        raise AssertionError("this computer let nobody talk for half a second")
    if lit.kind == "qemu":
        # Talking disturbs its pulses a little; the sweep would have passed a tenth of its range.
        assert all(abs(duty - before[-1][1]) < 0.05 for _, duty in after[len(before) :])
    else:
        assert after == before


def _talk(lit: Lit) -> tuple[Trace, Trace, float]:
    """Ask 25 times within half a second: the record after the first five, the record then, and the longest pause."""
    before: Trace = []
    asked_at = []
    for i in range(25):
        lit.device.counters()
        asked_at.append(time.monotonic())
        if i == 4:  # a LED without a timer has ended its period
            before = lit.emulator.led_trace()
        time.sleep(0.02)
    return before, lit.emulator.led_trace(), float(np.max(np.diff([*asked_at, time.monotonic()])))


def test_led_stays_dark_when_the_demo_is_off(lit: Lit) -> None:
    """Switched off, the demo leaves the LED dark, and says that it was on."""
    assert lit.device.demo(False) is True
    assert lit.device.demo(True) is False
    assert lit.device.demo(False) is True
    deadline = time.monotonic() + PATIENCE_S
    while lit.emulator.led_trace()[-1][1] != 0:  # only time tells darkness from the pause between two pulses
        assert time.monotonic() < deadline, "the LED is not dark"
        time.sleep(0.02)
