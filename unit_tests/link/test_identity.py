"""Identities and tensors: every field at its offset, and nothing nonsensical believed."""

import struct

import numpy as np
import pytest

from tinysine.errors import ProtocolError, VersionMismatch
from tinysine.link import Capability, Counter, DeviceTensor, Identity, Request
from tinysine.link.identity import parse_tensor, read_identity
from tinysine.quantization import Quantization
from tinysine.testing import FLOAT32, INT16, UINT8, FakeDevice, FakeTensor
from tinysine.testing.fake_device import BUILD_ID, MODEL_SHA256


def asking(device: FakeDevice, request: Request, payload: bytes = b"") -> bytes:
    """Return the device's answer, without a line between."""
    status, answer = device._answer(request, payload)
    assert status == 0
    return answer


def identity_of(payload: bytes, device: FakeDevice | None = None) -> Identity:
    """The identity in a payload, whose tensors are those of a device."""
    fake = device or FakeDevice()
    return read_identity(payload, lambda request, payload: asking(fake, request, payload))


def test_identity_fields_stand_where_the_specification_puts_them() -> None:
    """An identity packed by offset is read field by field, and its tensors are asked for one by one."""
    device = FakeDevice(
        inputs=[FakeTensor((1, 3), UINT8, 0.5, -128), FakeTensor((2, 2), INT16, 0.25, 0)],
        outputs=[FakeTensor((), FLOAT32, 0.0, 0)],
        payload_max=512,
    )
    device.reference, device.flags, device.lacks = 2, 3, (8, 9)
    assert identity_of(device.identity(), device) == Identity(
        protocol=(2, 0),
        reference="tflm-float32",
        pruned=True,
        size_profile=True,
        capabilities=Capability.INFER
        | Capability.TIME
        | Capability.MEMORY
        | Capability.FAULT
        | Capability.RESET
        | Capability.TEXT
        | Capability.PARTS,
        payload_max=512,
        counter=Counter.DWT,
        clock_hz=64_000_000,
        counter_clock_hz=None,
        build_id=BUILD_ID,
        model_sha256=MODEL_SHA256.hex(),
        unique_id="0102030405060708",
        engine="fake",
        board="host",
        inputs=(
            DeviceTensor(np.dtype(np.uint8), (1, 3), Quantization(0.5, -128)),
            DeviceTensor(np.dtype(np.int16), (2, 2), Quantization(0.25, 0)),
        ),
        outputs=(DeviceTensor(np.dtype(np.float32), (), None),),
    )


def test_tensors_know_their_size() -> None:
    """A tensor without dimensions is one value."""
    one = DeviceTensor(np.dtype(np.float32), (), None)
    many = DeviceTensor(np.dtype(np.int16), (1, 96, 96), None)
    assert (one.count, one.nbytes, many.count, many.nbytes) == (1, 4, 9216, 18432)


def test_a_reference_that_is_not_told_is_none() -> None:
    """255 stands for an engine that does not say whose arithmetic it has."""
    device = FakeDevice()
    device.reference = 255
    assert identity_of(device.identity()).reference is None


def test_tensors_are_asked_for_again_only_if_the_identity_has_changed() -> None:
    """The check before every test costs one request."""
    device = FakeDevice()
    first = identity_of(device.identity())
    asked: list[Request] = []

    def ask(request: Request, payload: bytes) -> bytes:
        asked.append(request)
        return asking(device, request, payload)

    assert read_identity(device.identity(), ask, known=first) is first
    assert asked == []
    device.build_id = bytes(16)
    assert read_identity(device.identity(), ask, known=first).build_id == bytes(16)
    assert asked == [Request.DESCRIBE] * 2


def test_identity_of_a_newer_minor_may_say_more() -> None:
    """Bytes that a later minor version adds behind the names are ignored."""
    device = FakeDevice()
    device.minor = 7
    assert identity_of(device.identity() + b"later").protocol == (2, 7)


@pytest.mark.parametrize(
    ("head", "version", "cure"),
    [(b"\x01\x05", "1.5", "flash firmware built by this"), (b"\x03\x00", "3.0", "install a newer tinysine")],
)
def test_identity_of_another_major_is_a_version_mismatch_however_short(
    head: bytes, version: str, cure: str
) -> None:
    """Another protocol need not look like ours beyond its version; an older one is cured otherwise than a newer."""
    with pytest.raises(VersionMismatch) as caught:
        identity_of(head)
    assert (caught.value.device, caught.value.host) == (version, "2.0")
    assert f"protocol {version}, this tinysine 2.0" in caught.value.message
    assert cure in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("offset", "value", "named"),
    [
        (2, 3, "reference"),
        (8, 0, "0 inputs"),
        (9, 0, "0 outputs"),
        (10, 9, "counter"),
        (10, 0, "no counter"),
        (7, 0, "payload_max"),
    ],
)
def test_identity_with_an_impossible_field_is_refused(offset: int, value: int, named: str) -> None:
    """The message names the field that makes no sense."""
    payload = bytearray(FakeDevice(payload_max=0x0101).identity())
    payload[offset] = value
    with pytest.raises(ProtocolError, match=named):
        identity_of(bytes(payload))


def test_a_device_that_cannot_infer_is_refused() -> None:
    """One of the two ways of an inference must be there."""
    device = FakeDevice()
    device.lacks = (2, 11, 12, 13)
    with pytest.raises(ProtocolError, match="neither INFER nor"):
        identity_of(device.identity())


@pytest.mark.parametrize("end", range(2, 86))
def test_identity_cut_anywhere_is_refused(end: int) -> None:
    """No shortened identity is believed."""
    whole = FakeDevice().identity()
    assert len(whole) == 86
    with pytest.raises(ProtocolError):
        identity_of(whole[:end])


def described(**changes: int) -> bytes:
    """A DESCRIBE reply of an int8 [2, 3], changed."""
    facts = {"dtype": 9, "rank": 2, "zero": 0, "size": 6, "first": 2, **changes}
    head = struct.pack("<BBHIfi", facts["dtype"], facts["rank"], facts["zero"], facts["size"], 0.5, 3)
    return head + struct.pack("<2I", facts["first"], 3)


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (described(dtype=7), "6 bytes are not those of int16"),
        (described(dtype=1), "dtype 1 is unknown"),
        (described(rank=3), "28 bytes were expected for rank 3"),
        (described(rank=9), "rank 9 is over 8"),
        (described(zero=1), "not zero"),
        (described(size=7), "7 bytes are not those of int8"),
        (described(size=0, first=0), "0 bytes are none"),
        (described(size=3 << 24, first=1 << 24), "or over 16777216"),
        (described()[:-1], "24 bytes were expected"),
        (described() + b"x", "24 bytes were expected"),
        (b"", "at least 16 bytes"),
    ],
)
def test_a_tensor_that_makes_no_sense_is_refused(payload: bytes, named: str) -> None:
    """The message says what does not fit."""
    assert parse_tensor(described()).shape == (2, 3)
    with pytest.raises(ProtocolError, match=named):
        parse_tensor(payload)
