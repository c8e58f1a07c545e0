"""Every assembly statement of the kernels says what it overwrites, whatever a compiler makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trust.conformance.assembly import faults, statements

FIRMWARE = Path(__file__).parents[2] / "firmware"


def test_every_statement_says_what_it_does() -> None:
    """Clobbers, early clobbers and memory are right in each form of each macro."""
    found = statements(FIRMWARE)
    # Six ways to scale and clamp: rows and folded rows of 1 to 8 pairs, X, PAIR, FINISH.
    assert len(found) >= 6 * (8 + 8 + 3)
    names = {
        "ts_high_rounded",
        "ts_smlad",
        "ts_even_signed",
        "ts_odd_signed",
        "ts_lanes_short",
        "ts_lanes_exact",
        "ts_lanes_planes",
        "ts_dense_lanes_single",
        "ts_dense_lanes_double",
        "ts_halves_added",
        "ts_halves_less",
        "ts_winograd_4x4_eights",
        "ts_winograd_4x4_twos",
        "ts_winograd_2x2_eights",
        "ts_winograd_2x2_twos",
        "ts_winograd_4x4_quad",
        "ts_winograd_4x4_short",
        "ts_add_tables_fours",
        "ts_add_words_s8",
        "ts_depthwise_planes_by_1",
        "ts_depthwise_planes_by_2",
        "ts_depthwise_planes_1",
        "ts_depthwise_planes_2",
        "ts_depthwise_planes_pairs_1",
        "ts_depthwise_planes_pairs_2",
        "ts_lanes_alone",
        "ts_rgb_widen",
        "ts_planes_fill",
        "ts_pointwise_8_planes",
        "ts_rgb_planes",
        "ts_depthwise_spread_columns",
        "ts_greater_bytes",
        "ts_pack_high",
        "ts_pointwise_8_pairs",
        "ts_taps_sum",
        "ts_winograd_4x4_signed",
    }
    assert names <= {each.where for each in found}
    assert all(each.instructions for each in found)
    assert faults(FIRMWARE) == []
    # A jump within a statement is none of these: the bound of the stack takes them for calls of anything.
    assert [
        each.where for each in found for line in each.instructions if line.startswith(("bx ", "blx "))
    ] == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "fault"),
    [
        ("rows.h", '"=&r"(ts_code)', '"=r"(ts_code)', "TS_ROW_1: 1 is written before the last input is read"),
        (
            "rows.h",
            '[p] "+&r"(p), [sum]',
            '[p] "+r"(p), [sum]',
            "TS_ROW_FOLD_1: p is written before the last input",
        ),
        ("rows.h", '"r0", "r1", "r2", "r3", "memory"', '"r0", "r1", "r3", "memory"', "overwrites r2"),
        (
            "wide.h",
            '"r0", "r1", "r2", "r3", "memory"',
            '"r0", "r1", "r2", "r3"',
            "reads memory, and does not say so",
        ),
        ("wide.h", '[even] "=&r"(even)', '[even] "r"(even)', "overwrites even"),
        (
            "bytes.h",
            '"=r"(parted) : "r"(word)',
            '"r"(parted) : "r"(word)',
            "ts_even_signed: `sxtb16 %0, %1` overwrites",
        ),
        ("depthwise.h", '"r12", "lr", "cc"', '"r12", "cc"', "ts_depthwise_planes_by_2: `ldmia r12, {"),
        (
            "depthwise.h",
            '"=r"(packed) : "r"(b)',
            '"r"(packed) : "r"(b)',
            "ts_pack_high: `pkhtb %0, %1, %2, asr #16`",
        ),
        ("pointwise_8.h", '"r2", "r3", "r4"', '"r2", "r4"', "overwrites r3, and does not say so"),
        (
            "pool_wide.h",
            '"=&r"(greater)',
            '"=r"(greater)',
            "0 is written before the last input is read, without &",
        ),
        ("taps.h", '"cc", "memory"', '"cc"', "ts_taps_sum: `ldmia r0, {r0, r1, r2}` reads memory"),
        ("add.h", '[out] "+&r"(output)', '[out] "r"(output)', "overwrites out, and does not say so"),
        ("lanes.h", '"r12", "lr",', '"r12",', "overwrites lr, and does not say so"),
        ("lanes.h", '"cc", "memory"', '"memory"', "sets flags, and there is no cc"),
        ("winograd_products.h", '"r12", "lr", "cc"', '"r12", "cc"', "overwrites lr, and does not say so"),
        ("winograd_4x4.h", '"+r"(ts_row), "+r"(ts_planes)', '"+r"(ts_row), "r"(ts_planes)', "overwrites r3"),
        ("rows.h", "add r0, r0, r0, asr #31", "adds r0, r0, r0, asr #31", "sets flags, and there is no cc"),
    ],
)
def test_a_wrong_constraint_is_found(file: str, right: str, wrong: str, fault: str, tmp_path: Path) -> None:
    """One constraint less is named with its statement."""
    root = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, root)
    text = (root / "engine" / file).read_text()
    assert right in text
    (root / "engine" / file).write_text(text.replace(right, wrong))
    assert any(fault in line for line in faults(root)), faults(root)
