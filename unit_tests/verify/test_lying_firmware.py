"""Firmware that lies about itself; `python -m trust lies` tries all of it."""

from __future__ import annotations

import pytest

from trust.lies import Told, changed_files, table_of, tell
from trust.lies.catalogue import LIES, NANO, Lie

SLICE = ("latency halved", "stack painted again before it is measured", "proves another image's build")


def test_each_lie_is_still_one() -> None:
    """The texts that a lie replaces are in the firmware, and each says who finds it."""
    assert len(LIES) >= 28
    assert len({lie.name for lie in LIES}) == len(LIES)
    for lie in LIES:
        assert lie.found_by
        assert lie.impostor != bool(changed_files(lie))


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lie, id=lie.name, marks=[pytest.mark.long] if lie.name != SLICE[0] else [])
        for lie in LIES
        if lie.name in SLICE
    ],
)
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


def test_the_table_says_what_was_tried() -> None:
    """A lie that was not tried has no row, and one that nobody found is not said to be found."""
    found, missed = (lie for lie in LIES if lie.name in SLICE[:2])
    table = table_of({(found.name, NANO): Told("fail", "a | b"), (missed.name, NANO): Told("pass", "")})
    assert table.splitlines()[0].startswith("2 lying firmwares")
    assert table.splitlines()[4:] == [
        f"| {found.name} | **found** |  |  | a \\| b |",
        f"| {missed.name} | not as expected: pass |  |  |  |",
    ]
