"""Cost of an inference: on the wire, in Python, and in the device's own counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinysine.boards import Board
from tinysine.device import Device, Timing
from tinysine.errors import DeviceError
from tinysine.graph import Network
from tinysine.image import Image
from tinysine.link import Counter, Status
from tinysine.oracles import Oracle
from tinysine.rigs import Rig
from tinysine.stimuli import Inputs
from tinysine.tensor_values import Values, arrays_of, inferences_of, rows_of, values_of
from tinysine.verify.latency import measure_latency

Figure = Callable[[str, object], None]


def _picked(inputs: Inputs) -> Values:
    return rows_of(inputs.codes, slice(None, None, max(1, inferences_of(inputs.codes) // 8)))


def _timings(device: Device, rig: Rig, inputs: Inputs, *, repetitions: int) -> list[Timing]:
    """In instructions where the core counts them: calling those cycles would be a lie."""
    try:
        picked = _picked(inputs)
        return [
            rig.counted(device.time(rows_of(picked, number), repetitions=repetitions))
            for number in range(inferences_of(picked))
        ]
    except DeviceError as error:
        if error.status == Status.UNSUPPORTED:
            pytest.skip("this board has no counter")
        raise


@pytest.mark.benchmark(group="one inference")
def test_latency_of_a_round_trip(
    benchmark: Any, tinysine_device: Device, tinysine_rig: Rig, inputs: Inputs
) -> None:
    """One inference over the link; the device's own counts stand beside it."""
    one = rows_of(inputs.codes, slice(1))
    timing = _timings(tinysine_device, tinysine_rig, inputs, repetitions=5)[0]
    counts = timing.net
    benchmark.extra_info.update(
        unit=timing.unit,
        device_min=int(counts.min()),
        device_median=float(np.median(counts)),
        device_max=int(counts.max()),
        counts=[int(count) for count in timing.counts],
        overhead=timing.overhead,
    )
    answer = benchmark.pedantic(tinysine_device.infer, (one,), rounds=100, warmup_rounds=3)
    due = [(1, tensor.count) for tensor in tinysine_device.identity.outputs]
    assert [array.shape for array in arrays_of(answer)] == due


@pytest.mark.benchmark(group="one inference")
def test_latency_of_litert_in_python(
    benchmark: Any, tinysine_device: Device, tinysine_oracles: dict[str, Oracle], inputs: Inputs
) -> None:
    """The same inference by LiteRT on this computer; the same answer, where the firmware rounds as LiteRT does."""
    one = rows_of(inputs.codes, slice(1))
    answer = benchmark.pedantic(tinysine_oracles["litert"].run, (one,), rounds=100, warmup_rounds=3)
    if tinysine_device.identity.reference == "litert":
        for ours, theirs in zip(arrays_of(answer), arrays_of(tinysine_device.infer(one)), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_latency_counts_are_believable(
    tinysine_device: Device, tinysine_rig: Rig, tinysine_image: Image, inputs: Inputs, figure: Figure
) -> None:
    """Every repetition of every input counted something, and what an emulator counts for the same inference."""
    if tinysine_device.identity.counter is Counter.NONE:
        pytest.skip("this board has no counter")
    verdict = measure_latency(tinysine_device, tinysine_rig, _picked(inputs), image=tinysine_image)
    assert verdict.passed, verdict
    assert verdict.counts
    if verdict.median is not None:
        figure(f"latency of one inference, median, {verdict.unit}", f"{verdict.median:g}")


@pytest.mark.emulated
def test_latency_counts_repeat_exactly(tinysine_device: Device, tinysine_rig: Rig, inputs: Inputs) -> None:
    """On an emulated core the same inference takes the same number of instructions each time."""
    first = _timings(tinysine_device, tinysine_rig, inputs, repetitions=40)
    if first[0].unit != "instructions":
        pytest.skip(f"{tinysine_rig.kind} counts {first[0].unit}, which is not exact")
    tinysine_device.infer(inputs.codes)
    second = _timings(tinysine_device, tinysine_rig, inputs, repetitions=40)
    for one, other in zip(first, second, strict=True):
        assert len(set(one.counts.tolist()) | set(other.counts.tolist())) == 1
        assert one.overhead == other.overhead


def test_latency_repetitions_are_all_returned(
    tinysine_device: Device, tinysine_model: Network, tinysine_board: Board
) -> None:
    """As many counts come back as were asked for, beyond what one frame carries."""
    if tinysine_device.identity.counter == 0:
        pytest.skip(f"{tinysine_board.name} has no counter")
    codes = values_of([np.zeros(tensor.count, tensor.dtype) for tensor in tinysine_model.inputs])
    for repetitions in (1, 63, 64, 200):
        assert tinysine_device.time(codes, repetitions=repetitions).counts.shape == (repetitions,)
