"""Costs of an inference in parts on the wire."""

import pytest

from benchmarks.link_parts import measure


@pytest.mark.long
def test_an_image_costs_little_more_than_its_bytes() -> None:
    """9,216 bytes in, both ways together: at most 1.15 times the tensors with frames of 256 bytes, 1.07 with 512."""
    figures = measure(quick=True)
    assert 1 < figures["512-byte frames"]["wire_bytes_per_byte"] <= 1.07
    assert figures["256-byte frames"]["wire_bytes_per_byte"] <= 1.15
