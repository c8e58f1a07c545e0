"""Firmware that lies about itself; `python -m trust lies` tries all of it."""

from __future__ import annotations

import pytest

from trust.lies import lying_sources, tell
from trust.lies.catalogue import LIES, NANO, Lie

SLICE = ("latency halved", "stack painted again before it is measured", "proves another image's build")


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_each_lie_is_still_one(lie: Lie) -> None:
    """The texts that a lie replaces are in the firmware, and each says who finds it."""
    with lying_sources(lie):
        pass
    assert lie.found_by
    assert lie.impostor or all(before != after for _, before, after in lie.changes)


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie.name in SLICE], ids=lambda lie: lie.name)
def test_a_lie_that_the_twin_sees_fails(lie: Lie) -> None:
    """The finding names what the device said and what was seen."""
    told = tell(lie, NANO)
    assert told.verdict == "fail"
    assert "the device " in told.reason
    assert (
        "the emulator saw" in told.reason
        or "the emulator counted" in told.reason
        or "the twin" in told.reason
    )
