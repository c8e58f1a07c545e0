"""The campaign of mutants: what is changed, what is chosen, and that survivors and false explanations fail it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from trust.mutants import EXPLANATIONS, judged
from trust.mutants.campaign import KNOWN, MUTANTS, SHARES, Verdict, rotated, share_of
from trust.mutants.engines import CORES
from trust.mutants.firmware import TESTS
from trust.mutants.places import Mutant, mutants, shuffled

FIRMWARE = Path(__file__).parents[2] / "firmware"
MUTANT = Mutant("engine/rows.h", "return a < b;", 0, "<", "<=", 9)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("return a < b ? 1 : x;", ["return a <= b ? 1 : x;", "return a < b ? 2 : x;"]),
        ("p->x += 0x7F; /* + 1 */", ["p->x -= 0x7F; /* + 1 */", "p->x += 0x80; /* + 1 */"]),
        ("x *= 127.5f;", ["x *= 128.5f;"]),
        ('#include "engine/rows.h"', []),
        ("_Static_assert(sizeof x == 4);", []),
        (
            "#define TS_LOW(value) ((value) >> 8)",
            ["#define TS_LOW(value) ((value) << 8)", "#define TS_LOW(value) ((value) >> 9)"],
        ),
        ('say("1 + 1");', []),
    ],
)
def test_places_of_a_line(line: str, after: list[str]) -> None:
    """Operators and numbers of code are changed; comments, strings, directives and assertions are not."""
    text = line + "\n"
    assert [mutant.of(text) for mutant in mutants("x.c", text, assembly=False)] == [
        each + "\n" for each in after
    ]


def test_instructions_are_changed_where_strings_are_assembly() -> None:
    """Mnemonics, registers and shifts."""
    text = '__asm__("smlad r0, r1, %0, r0, asr #31");\n'
    found = {mutant.of(text) for mutant in mutants("x.h", text, assembly=True)}
    assert '__asm__("smladx r0, r1, %0, r0, asr #31");\n' in found
    assert '__asm__("smlad r0, r2, %0, r0, asr #31");\n' in found
    assert '__asm__("smlad r0, r1, %0, r0, asr #30");\n' in found


def test_names_do_not_depend_on_other_lines() -> None:
    """A line put in front changes neither the names nor the choice."""
    text = "x = a + b;\ny = a - 1;\nz = c << 3;\n"
    before = [mutant.name for mutant in shuffled(mutants("x.c", text, assembly=False))[:3]]
    after = [mutant.name for mutant in shuffled(mutants("x.c", "int q(void);\n" + text, assembly=False))[:3]]
    assert before == after


def test_a_survivor_fails_unless_it_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Noticed: good. Survived: not. Survived and explained: good. Noticed although explained as equal: not."""
    assert judged([Verdict(MUTANT, "a test")], {}).passed
    assert not judged([Verdict(MUTANT, "")], {}).passed
    assert "survived: engine/rows.h: return a < b; [0] < -> <=" in capsys.readouterr().out
    assert judged([Verdict(MUTANT, "")], {MUTANT.name: "why"}).passed
    assert not judged([Verdict(MUTANT, "a test")], {MUTANT.name: "why"}).passed
    assert "explained as equal, but noticed by a test" in capsys.readouterr().out


def test_every_file_of_the_campaign_has_a_judge() -> None:
    """The files are there, every header of the engine among them, and have places to change."""
    files = {group for group in SHARES if "/" in group}
    engine = {f"engine/{path.name}" for path in (FIRMWARE / "engine").iterdir()}
    assert {*TESTS, *CORES, *engine} == files
    assert all(mutants(file, (FIRMWARE / file).read_text(), assembly=file in engine) for file in files)
    assert EXPLANATIONS.is_file()


def test_another_seed_is_another_choice() -> None:
    """The same places in another order."""
    found = mutants("x.c", (FIRMWARE / "link" / "frame.c").read_text(), assembly=False)
    first, second = shuffled(found), shuffled(found, seed=1)
    assert first != second
    assert {mutant.name for mutant in first} == {mutant.name for mutant in second}


def test_a_run_takes_a_part_of_each_file() -> None:
    """At least 200 in all, of no file more than are known, and all of them if all are asked for."""
    parts = {group: share_of(group, MUTANTS) for group in SHARES}
    assert 200 <= sum(parts.values()) <= 220
    assert all(1 <= parts[group] <= SHARES[group] for group in SHARES)
    assert {group: share_of(group, KNOWN) for group in SHARES} == SHARES
    assert f"\n{KNOWN} mutants" in (FIRMWARE.parent / "docs" / "trust.md").read_text(encoding="utf-8")


def test_turns_take_each_of_the_known_ones_and_no_other() -> None:
    """A part of five of seven: seven turns take each five times; what follows comes only after all seven."""
    found = shuffled(mutants("x.c", (FIRMWARE / "link" / "frame.c").read_text(), assembly=False))
    turns = [rotated(found, 7, turn) for turn in range(100, 107)]
    assert all(len(turn) == len(found) and turn[7:] == found[7:] for turn in turns)
    taken = Counter(mutant.name for turn in turns for mutant in turn[:5])
    assert taken == {mutant.name: 5 for mutant in found[:7]}
