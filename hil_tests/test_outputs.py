"""The device's answers are the reference's: equal, not close."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.device import Device
from tinysine.errors import DeviceError
from tinysine.graph import Network
from tinysine.link import Request, Status
from tinysine.link.inference import infer_in_parts, pack, unpack
from tinysine.link.requests import Capability
from tinysine.oracles import Oracle
from tinysine.quantization import quantize
from tinysine.rigs import Station
from tinysine.stimuli import Inputs
from tinysine.tasks import judge_sine
from tinysine.tensor_values import Values, inferences_of, rows_of
from tinysine.verdicts import OutputsVerdict
from tinysine.verify.reruns import ask_again
from tinysine.verify.soak import soak

AssertEqual = Callable[[Values, Values], OutputsVerdict]

# The link is real: how long an example takes says nothing about the example.
over_the_link = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

real_numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
PART_BYTES = 7  # of a frame, where inferences are cut in parts on purpose
SHORT_SOAK = 300  # inferences, where no soak was ordered

around_the_range = st.floats(min_value=-8, max_value=16, width=32)


def test_outputs_equal_the_reference(
    tinysine_device: Device, tinysine_assert_equal: AssertEqual, inputs: Inputs
) -> None:
    """Every input gives the answer of the oracle that the firmware's rounding is named for."""
    verdict = tinysine_assert_equal(inputs.codes, tinysine_device.infer(inputs.codes))
    assert verdict.checked == inferences_of(inputs.codes)
    assert verdict.exhaustive == inputs.exhaustive
    assert (verdict.mismatches, verdict.max_abs_diff) == (0, 0)


def test_outputs_stay_right_in_a_soak(
    tinysine_soak: int,
    tinysine_station: Station,
    tinysine_reference: Oracle,
    inputs: Inputs,
) -> None:
    """As many further inferences as `--tinysine-soak` says, or a few hundred, over resets of the board."""
    count = tinysine_soak or SHORT_SOAK
    station = tinysine_station
    done = soak(
        station.device,
        inputs.codes,
        tinysine_reference.run(inputs.codes),
        count=count,
        seed=0,
        reset=station.reset,
    )
    assert done.wrong is None, str(done.wrong)
    assert done.asked == count


def test_outputs_do_not_depend_on_their_neighbours(
    tinysine_device: Device, tinysine_assert_equal: AssertEqual, inputs: Inputs
) -> None:
    """Backwards, one by one, in batches of any size up to a frame: the same input, the same answer."""
    codes = rows_of(inputs.codes, slice(None, None, -1))
    most = tinysine_device.inferences_per_frame
    for per_frame in sorted({min(size, most) for size in (1, 2, 3, 7, 64, 255, 256, most)}):
        tinysine_assert_equal(codes, tinysine_device.infer(codes, per_frame=per_frame))


def test_parts_answer_as_frames_do(
    tinysine_device: Device, tinysine_assert_equal: AssertEqual, inputs: Inputs
) -> None:
    """Inputs written, run and read in parts, as where one does not fit a frame: the same answers."""
    identity = tinysine_device.identity
    codes = rows_of(inputs.codes, slice(None, None, max(inferences_of(inputs.codes) // 16, 1)))
    small = dataclasses.replace(identity, payload_max=PART_BYTES)

    def ask(
        request: Request, payload: bytes = b"", reply_bytes: int | None = None, *, inferences: int = 0
    ) -> bytes:
        assert inferences in (0, 1)
        reply = tinysine_device.session.request(request, payload)
        assert reply_bytes in (None, len(reply))
        return reply

    again: list[None] = []
    answers = [
        infer_in_parts(ask, small, row.tobytes(), repeated=lambda: again.append(None))
        for row in pack(codes, identity.inputs, "codes")
    ]
    assert again == []
    tinysine_assert_equal(codes, unpack(b"".join(answers), inferences_of(codes), identity.outputs))


def _need_real_inputs(device: Device) -> None:
    if Capability.INFER_F32 not in device.capabilities:
        pytest.skip("this device takes the model's own codes only")


@over_the_link
@given(data=st.data())
def test_floats_are_quantised_as_the_reference_does(
    data: st.DataObject, tinysine_device: Device, tinysine_model: Network, tinysine_assert_equal: AssertEqual
) -> None:
    """Any finite float32, however far beyond the range, is quantised, clamped and inferred exactly."""
    _need_real_inputs(tinysine_device)
    width = tinysine_model.input.count
    numbers = st.lists(
        st.lists(around_the_range | real_numbers, min_size=width, max_size=width), min_size=1, max_size=70
    )
    x = np.array(data.draw(numbers), np.float32)
    quantization = tinysine_model.input.quantization
    asked = x if quantization is None else quantize(x, quantization, tinysine_model.input.dtype)
    tinysine_assert_equal(asked, tinysine_device.infer_f32(x))


@over_the_link
@given(data=st.data())
def test_nothing_is_inferred_from_nan_or_infinity(
    data: st.DataObject, tinysine_device: Device, tinysine_model: Network
) -> None:
    """A batch with a NaN or an infinity is refused, its first one is named, and the device is well."""
    _need_real_inputs(tinysine_device)
    width = tinysine_model.input.count
    x = np.array(data.draw(st.lists(around_the_range, min_size=width, max_size=100 * width)), np.float32)
    x = x[: len(x) // width * width]
    bad = st.sampled_from([math.nan, -math.nan, math.inf, -math.inf])
    places = data.draw(st.dictionaries(st.integers(0, len(x) - 1), bad, min_size=1, max_size=3))
    for place, value in places.items():
        x[place] = value
    with pytest.raises(DeviceError) as refusal:
        tinysine_device.infer_f32(x.reshape(-1, width))
    assert refusal.value.status == Status.NOT_FINITE
    assert refusal.value.detail == min(places)
    x[~np.isfinite(x)] = 0
    assert len(tinysine_device.infer_f32(x.reshape(-1, width))) == len(x) // width


def test_the_device_does_not_remember(tinysine_device: Device, inputs: Inputs) -> None:
    """The same inputs in another order have the same answers."""
    answers = tinysine_device.infer(inputs.codes)
    assert ask_again(tinysine_device, inputs.codes, answers, seed=1) == ""


def test_error_against_the_sine_is_the_models_own(
    tinysine_device: Device, tinysine_model: Network, tinysine_reference: Oracle, inputs: Inputs
) -> None:
    """Against math.sin the device is as far off as the int8 model itself, and not one step more."""
    verdict = judge_sine(
        tinysine_model,
        inputs=inputs.codes,
        device=tinysine_device.infer(inputs.codes),
        reference=tinysine_reference.run(inputs.codes),
    )
    if verdict is None:
        pytest.skip("this model is no sine")
    assert verdict.passed, verdict
    assert verdict.max_error == verdict.model_max_error
    assert verdict.mae == verdict.model_mae
