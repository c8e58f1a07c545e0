"""`tinysine engines`: the table, one row for each engine and reference, and why an engine is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinysine.commands.screen import say, table

if TYPE_CHECKING:
    from tinysine.evidence import Evidence
    from tinysine.verdicts import OutputsVerdict
    from tinysine.verify.engines import EngineRow

WORDS = {"fail": "wrong", "refused": "refused", "error": "bench failed"}


def show_engines(rows: Sequence[EngineRow], *, title: str, as_table: EngineRow | None = None) -> None:
    """Print the engines that were judged with their figures, and below them, one line each, what is wrong.

    Args:
        rows: in order.
        title: of the table.
        as_table: the generated engine as a table of all answers, which is no row.
    """
    from tinysine.verify.engines import baseline, ratio  # noqa: PLC0415

    judged = [
        (row, row.evidence, row.evidence.outputs)
        for row in rows
        if row.evidence is not None and row.evidence.outputs is not None and row.evidence.outputs.checked
    ]
    units = {evidence.latency.unit for _, evidence, _ in judged if evidence.latency is not None}
    unit = units.pop() if len(units) == 1 else "latency"
    base = baseline(rows)
    ratios = [ratio(row, base) for row, _, _ in judged]
    estimated = any(_cycles(evidence) for _, evidence, _ in judged)
    headings = [
        "engine",
        unit,
        *(["estimated cycles"] if estimated else []),
        "ratio",
        "flash",
        "RAM",
        "arena",
        "stack",
        "outputs",
    ]
    cells = [
        [
            row.engine,
            "" if row.latency is None else f"{row.latency:,.10g}",
            *([_cycles(evidence)] if estimated else []),
            "" if times is None else f"{times:.2f}",
            *_memory(evidence),
            _outputs(evidence, outputs),
        ]
        for (row, evidence, outputs), times in zip(judged, ratios, strict=True)
    ]
    if cells:
        table(title, headings, cells, right=list(range(1, len(headings) - 1)))
    width = max((len(row.engine) for row in rows), default=0)
    for row in rows:
        if row.state != "pass":
            asked = "" if len(row.references) != 1 else f" with --reference {row.references[0]}"
            say(f"{row.engine.ljust(width)}  {WORDS[row.state]}{asked}: {_why(row)}")
    if as_table is not None:
        say(_table_in_words(as_table))
    if all(row.evidence is None for row in rows):
        say(f"no engine that is at hand can be judged on {title}")


def _table_in_words(row: EngineRow) -> str:
    if row.state != "pass":
        return f"table of all 256 answers: {WORDS[row.state]}: {_why(row)}"
    assert row.evidence is not None
    facts = []
    if row.evidence.latency is not None and row.latency is not None:
        unit = row.evidence.latency.unit or ""
        facts.append(f"{row.latency:,.10g} {unit}".rstrip())
    if cycles := _cycles(row.evidence):
        facts.append(f"{cycles} estimated cycles")
    if row.evidence.memory is not None and row.evidence.memory.flash_bytes is not None:
        facts.append(f"flash {row.evidence.memory.flash_bytes:,}")
    return f"beside them, a table of all 256 answers (--optimize table): {', '.join(facts)}"


def _why(row: EngineRow) -> str:
    if row.evidence is None:
        return "" if row.error is None else row.error.message
    return str(row.evidence.findings[0])  # the likeliest cause; the rest mostly follows from it


def _cycles(evidence: Evidence) -> str:
    cycles = None if evidence.latency is None else evidence.latency.estimated_cycles
    return "" if cycles is None else f"{cycles:,.0f}"


def _memory(evidence: Evidence) -> list[str]:
    memory = evidence.memory
    if memory is None:
        return ["", "", "", ""]
    arena = f"{memory.arena_bytes:,}"
    if memory.arena_high_water_bytes != memory.arena_bytes:
        arena = f"{memory.arena_high_water_bytes:,} of {arena}"
    sizes = (memory.flash_bytes, memory.static_ram_bytes)
    stack = "" if memory.stack_bytes is None else f"{memory.stack_bytes:,}"
    return [*("" if size is None else f"{size:,}" for size in sizes), arena, stack]


def _outputs(evidence: Evidence, outputs: OutputsVerdict) -> str:
    counted = _counted(outputs)
    return counted if evidence.verdict == "pass" or outputs.mismatches else f"wrong, although {counted}"


def _counted(outputs: OutputsVerdict) -> str:
    from tinysine.verdicts.wording import how_in_words  # noqa: PLC0415

    differ, agree = how_in_words(outputs)
    sampled = "" if outputs.exhaustive or outputs.data else " (sampled)"
    if outputs.mismatches:
        return f"{outputs.mismatches:,} of {outputs.checked:,} {differ}{sampled}"
    return f"all {outputs.checked:,} {agree}{sampled}"
