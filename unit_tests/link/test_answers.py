"""Answers: every field at its offset, and nothing nonsensical believed."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.errors import ProtocolError, VersionMismatch
from tinysine.link import Counter, FaultKind, Identity, Stage
from tinysine.link.answers import parse_counters, parse_fault, parse_identity, parse_memory
from tinysine.link.requests import Status, status_detail, status_text
from tinysine.quantization import Quantization, Rounding
from tinysine.testing import FLOAT32, UINT8, FakeDevice
from tinysine.testing.fake_device import BUILD_ID, MODEL_SHA256

# A busy machine is no bug.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_identity_fields_stand_where_the_specification_puts_them() -> None:
    """An identity packed by offset is read field by field."""
    device = FakeDevice(inputs=3, outputs=2, dtype=UINT8, payload_max=512)
    device.rounding, device.flags = 1, 3
    assert parse_identity(device.identity()) == Identity(
        protocol=(1, 0),
        rounding=Rounding.TFLM,
        pruned=True,
        size_profile=True,
        input_dtype=np.dtype(np.uint8),
        output_dtype=np.dtype(np.uint8),
        input_count=3,
        output_count=2,
        payload_max=512,
        counter=Counter.DWT,
        clock_hz=64_000_000,
        counter_clock_hz=None,
        input_quantization=Quantization(0.5, -128),
        output_quantization=Quantization(0.5, 3),
        build_id=BUILD_ID,
        model_sha256=MODEL_SHA256.hex(),
        unique_id="0102030405060708",
        engine="fake",
        board="host",
    )


def test_identity_of_a_float_model_has_no_quantization() -> None:
    """A float32 end has no scale and no zero point."""
    identity = parse_identity(FakeDevice(dtype=FLOAT32).identity())
    assert identity.input_quantization is None
    assert identity.input_dtype == np.float32


def test_identity_of_a_newer_minor_may_say_more() -> None:
    """What a later minor version adds behind the names is ignored."""
    device = FakeDevice()
    device.minor = 7
    assert parse_identity(device.identity() + b"later").protocol == (1, 7)


def test_identity_of_another_major_is_a_version_mismatch_however_short() -> None:
    """Another protocol need not look like ours beyond its version."""
    with pytest.raises(VersionMismatch) as caught:
        parse_identity(b"\x02\x05")
    assert (caught.value.device, caught.value.host) == ("2.5", "1.0")


@pytest.mark.parametrize(
    ("offset", "value", "named"),
    [(2, 2, "rounding"), (4, 7, "dtype"), (5, 1, "dtype"), (12, 9, "counter"), (11, 0, "payload_max")],
)
def test_identity_with_an_impossible_field_is_refused(offset: int, value: int, named: str) -> None:
    """The message names the field that makes no sense."""
    payload = bytearray(FakeDevice(payload_max=0x0101).identity())
    payload[offset] = value
    with pytest.raises(ProtocolError, match=named):
        parse_identity(bytes(payload))


@pytest.mark.parametrize("end", range(2, 106))
def test_identity_cut_anywhere_is_refused(end: int) -> None:
    """No shortened identity is believed."""
    whole = FakeDevice().identity()
    assert len(whole) == 106
    with pytest.raises(ProtocolError):
        parse_identity(whole[:end])


@unhurried
@given(st.binary(max_size=140))
def test_any_payload_is_an_answer_or_a_protocol_error(payload: bytes) -> None:
    """Random payloads never raise anything else."""
    for parse in (parse_identity, parse_memory, parse_fault, parse_counters):
        with contextlib.suppress(ProtocolError):
            parse(payload)


def test_memory_figures_are_read_in_order_and_the_unmeasured_one_is_absent() -> None:
    """0xFFFFFFFF means not measured, never four gigabytes."""
    memory = parse_memory(struct.pack("<6I", 1, 2, 3, 4, 5, 6))
    assert (memory.arena_planned_bytes, memory.arena_used_bytes, memory.stack_reserved_bytes) == (1, 2, 3)
    assert (memory.stack_used_bytes, memory.static_ram_bytes, memory.invoke_stack_bytes) == (4, 5, 6)
    unknown = parse_memory(struct.pack("<6I", 1, 2, *[0xFFFFFFFF] * 4))
    assert (unknown.stack_reserved_bytes, unknown.stack_used_bytes) == (None, None)
    assert (unknown.static_ram_bytes, unknown.invoke_stack_bytes) == (None, None)


def test_fault_record_is_read_and_told_in_words() -> None:
    """A record names kind and stage; an unknown one keeps its number; no payload is no fault."""
    record = parse_fault(struct.pack("<10I", 1, 7, 0x1234, 2, 3, 0x8200, 5, 6, 7, 2))
    assert record is not None
    assert (record.kind, record.stage, record.cfsr, record.count) == (
        FaultKind.HARD,
        Stage.INFERRING,
        0x8200,
        2,
    )
    assert "HARD fault while INFERRING, pc 0x00001234" in str(record)
    unknown = parse_fault(struct.pack("<10I", 99, 98, *range(8)))
    assert unknown is not None
    assert "kind 99" in str(unknown)
    assert parse_fault(b"") is None
    with pytest.raises(ProtocolError, match="none was counted"):
        parse_fault(bytes(40))


def test_counters_are_read_in_order() -> None:
    """Answered, corrupt, overruns, text."""
    counters = parse_counters(struct.pack("<4I", 1, 2, 3, 4))
    assert (counters.answered, counters.corrupt, counters.overruns, counters.text_lines) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("status", "payload", "detail", "words"),
    [
        (Status.NOT_FINITE, b"\x05\x01", 261, "element 261"),
        (Status.ENGINE, b"\x04", 4, "engine status -4"),
        (Status.BAD_LENGTH, b"", None, "BAD_LENGTH"),
        (77, b"", None, "status 77"),
    ],
)
def test_refusals_are_told_in_words(status: int, payload: bytes, detail: int | None, words: str) -> None:
    """A status and its detail make a readable sentence."""
    assert status_detail(status, payload) == detail
    assert words in status_text(status, detail)
