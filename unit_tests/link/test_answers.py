"""Answers: every field at its offset, and nothing nonsensical believed. Identities: test_identity.py."""

import contextlib
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinysine.errors import ProtocolError
from tinysine.link import FaultKind, Stage
from tinysine.link.answers import parse_counters, parse_fault, parse_memory
from tinysine.link.identity import parse_tensor
from tinysine.link.requests import Status, status_detail, status_text
from unit_tests.link.test_identity import identity_of

# A busy machine is no bug.
unhurried = settings(suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(st.binary(max_size=140))
def test_any_payload_is_an_answer_or_a_protocol_error(payload: bytes) -> None:
    """Random payloads never raise anything else."""
    for parse in (parse_tensor, identity_of, parse_memory, parse_fault, parse_counters):
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
