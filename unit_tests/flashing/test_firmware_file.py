"""Intel HEX, held against objcopy and read back by the rules of the format."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinysine.flashing.firmware_file import intel_hex


def read_hex(text: str) -> dict[int, int]:
    """Bytes by address, every checksum proved."""
    memory: dict[int, int] = {}
    upper = 0
    *records, last = text.splitlines()
    assert last == ":00000001FF"
    for record in records:
        assert record.startswith(":")
        raw = bytes.fromhex(record[1:])
        assert sum(raw) & 0xFF == 0
        count, address, kind, data = raw[0], int.from_bytes(raw[1:3], "big"), raw[3], raw[4:-1]
        assert count == len(data)
        if kind == 4:
            upper = int.from_bytes(data, "big") << 16
        else:
            assert kind == 0
            assert address + count <= 0x10000
            memory |= {upper + address + i: byte for i, byte in enumerate(data)}
    return memory


@given(st.binary(max_size=600), st.sampled_from([0, 0xC000, 0x10000, 0xFF00, 0x08000000, 0xFFFF0000]))
def test_every_byte_is_at_its_address(data: bytes, origin: int) -> None:
    """Read back, the text holds the bytes that went in, and no others."""
    assert read_hex(intel_hex(data, origin)) == {origin + i: byte for i, byte in enumerate(data)}


@pytest.mark.needs("objcopy")
@pytest.mark.parametrize("origin", [0, 0xC000, 0x08000000])
def test_objcopy_reads_it(tmp_path: Path, origin: int) -> None:
    """Another reader of the format finds the same bytes."""
    data = bytes(i * 7 & 0xFF for i in range(100_000))
    (tmp_path / "a.hex").write_text(intel_hex(data, origin))
    subprocess.run(
        ["objcopy", "-I", "ihex", "-O", "binary", tmp_path / "a.hex", tmp_path / "a.bin"], check=True
    )
    assert (tmp_path / "a.bin").read_bytes() == data
