"""The protocol's page is enough: a device made of its tables is a device like any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.device import Device
from tinysine.errors import DeviceError, ProtocolError
from tinysine.link import Capability, Request, Session, Status
from tinysine.link.requests import DTYPES
from tinysine.testing import FakeClock, FakeLine
from unit_tests.link import page_device
from unit_tests.link.page_device import PageDevice


def connected(device: PageDevice, clock: FakeClock) -> Device:
    """The device over a line in memory."""
    line = FakeLine(device, clock)  # type: ignore[arg-type]  # it has feed(), and no more is needed
    return Device.connect("page", opener=lambda: Session(line, clock=clock), clock=clock, pause=clock.pause)


def doubled(values: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """The first input twice as large, and the sum of the others."""
    rest = [np.sum(array, dtype=array.dtype).reshape(1) for array in values[1:]]
    return [(values[0] * 2).astype(values[0].dtype), *rest]


def test_the_smallest_device_identifies_itself_and_infers(clock: FakeClock) -> None:
    """Identity, tensors and answers come as the page says, and nothing else is ever asked."""
    page = PageDevice([("int8", (1, 3))], [("int8", (1, 3))], doubled, can={"INFER"})
    device = connected(page, clock)
    identity = device.identity
    assert (identity.engine, identity.board, identity.reference) == ("page", "python", "litert")
    assert (identity.model_sha256, identity.capabilities) == (bytes(range(32)).hex(), Capability.INFER)
    assert (identity.inputs[0].shape, identity.inputs[0].dtype) == ((1, 3), np.int8)
    codes = np.arange(60, dtype=np.int8).reshape(-1, 3)
    np.testing.assert_array_equal(device.infer(codes), codes * 2)
    for ask in (device.memory, device.last_fault, device.counters, device.reset, lambda: device.demo(True)):
        with pytest.raises(DeviceError, match="does not announce") as caught:
            ask()
        assert caught.value.status == Status.UNSUPPORTED
    for times in (lambda: device.time(codes[0], repetitions=1), lambda: device.infer_f32(codes.astype("f4"))):
        with pytest.raises(DeviceError, match="does not announce"):
            times()
    with pytest.raises(DeviceError, match="does not announce TEXT"):
        device.text("1")
    assert set(page.asked) == {"IDENTIFY", "DESCRIBE", "INFER"}


@pytest.mark.parametrize("first_outputs", [0, 100, 124])
def test_an_image_of_96_by_96_goes_in_parts_of_128_bytes(clock: FakeClock, first_outputs: int) -> None:
    """Several inputs and outputs of several dtypes, written and read in parts."""
    tensors = [("int8", (1, 96, 96)), ("float32", (5,)), ("int16", ())]
    page = PageDevice(
        tensors, [tensors[0], ("float32", (1,)), ("int16", (1,))], doubled, can={"WRITE", "RUN", "READ"}
    )
    page.first_outputs = first_outputs
    device = connected(page, clock)
    assert device.identity.inputs[2].shape == ()
    rng = np.random.default_rng(0)
    image = rng.integers(-128, 128, (2, 9216)).astype(np.int8)
    reals = rng.normal(size=(2, 5)).astype(np.float32)
    one = np.array([[7], [-300]], np.int16)
    answers = device.infer((image, reals, one))
    np.testing.assert_array_equal(answers[0], image * 2)
    np.testing.assert_array_equal(answers[1][:, 0], [row.sum(dtype=np.float32) for row in reals])
    np.testing.assert_array_equal(answers[2], one)
    assert "INFER" not in page.asked


def test_the_page_and_the_host_have_the_same_numbers() -> None:
    """Requests, status codes, dtypes and capabilities: no name of either is missing in the other."""
    assert {request.value: request.name for request in Request} == page_device.REQUESTS
    assert {status.name: status.value for status in Status} == page_device.STATUS
    assert {name: code for name, (code, _) in page_device.DTYPES.items()} == {
        str(dtype): code for code, dtype in DTYPES.items()
    }
    assert all(dtype.itemsize == page_device.DTYPES[str(dtype)][1] for dtype in DTYPES.values())
    parts = {"WRITE": "PARTS", "RUN": "PARTS", "READ": "PARTS", "LAYER": "LAYERS", "READ_LAYER": "LAYERS"}
    bits = {parts.get(name, name): 1 << bit for name, bit in page_device.BITS.items()}
    assert bits == {bit.name: bit.value for bit in Capability if bit.name != "TEXT"}
    assert "Bit 8 announces *Text*." in page_device.PAGE.read_text(encoding="utf-8")
    assert (Capability.TEXT, Capability.LAYERS) == (1 << 8, 1 << 9)


def test_layers_are_described_and_read_in_parts(clock: FakeClock) -> None:
    """Each as the last inference left it, whatever its dtype and size, by the page's two tables."""
    layers: list[tuple[int, str, tuple[int, ...], bytes, page_device.Layer]] = [
        (0, "int8", (1, 200), b"hidden", lambda values: np.resize(values[0] + 1, 200).astype(np.int8)),
        (2, "float32", (), b"", lambda values: np.sum(values[0], dtype=np.float32).reshape(1)),
    ]
    can = {"INFER", "LAYER", "READ_LAYER"}
    device = connected(
        PageDevice([("int8", (1, 3))], [("int8", (1, 3))], doubled, can=can, layers=layers), clock
    )
    assert device.identity.capabilities == Capability.INFER | Capability.LAYERS
    found = device.layers()
    assert [(layer.operator, layer.output, layer.name) for layer in found] == [(0, 0, "hidden"), (2, 0, "")]
    assert [(layer.tensor.dtype, layer.tensor.shape) for layer in found] == [
        ("int8", (1, 200)),
        ("float32", ()),
    ]
    for codes in (np.array([[1, 2, 3]], np.int8), np.array([[-7, 0, 9]], np.int8)):
        for (*_, holds), got in zip(layers, device.infer_layers(codes, found), strict=True):
            np.testing.assert_array_equal(got, holds([codes]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({0: 0}, "it has no layers"),
        ({5: 1}, "dtype 1 is unknown"),
        ({6: 9}, "rank 9 is over 8"),
        ({6: 2}, "are not those of int8"),
        ({7: 1}, "byte 7 is 0x01, not zero"),
        ({8: 2}, "2 bytes are not those of"),
        ({16: 7}, "its name is not printable ASCII"),
    ],
)
def test_a_layer_that_makes_no_sense_is_refused(clock: FakeClock, change: dict[int, int], said: str) -> None:
    """One clear line, before anything is read of it."""
    layers: list[tuple[int, str, tuple[int, ...], bytes, page_device.Layer]] = [
        (0, "int8", (3,), b"name", lambda values: values[0])
    ]
    page = PageDevice(
        [("int8", (1, 3))], [("int8", (1, 3))], doubled, can={"INFER", "LAYER", "READ_LAYER"}, layers=layers
    )
    sound = page.layer(bytes(2))[1]
    wrong = bytes(change.get(at, byte) for at, byte in enumerate(sound))
    page.layer = lambda _: ("OK", wrong)  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match=said):
        connected(page, clock).layers()
