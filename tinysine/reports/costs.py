"""Costs of one inference, and needs of the firmware: against limits and earlier runs, and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinysine.evidence import Document
from tinysine.reports.charts.bars import bar
from tinysine.reports.charts.scale import MINUS
from tinysine.reports.past import Past, trend_blocks
from tinysine.reports.view import Bar, Bars, Block, Cell, Fact, Facts, Key, Table
from tinysine.verdicts import Latency, LayerRow, Layers, Memory

_ROOM = 1.12  # of a bar beyond its limit
_NAMED = 4  # layers in a line


def cost_blocks(document: Document, past: Past) -> tuple[Block, ...]:
    """Return latency and memory."""
    blocks: list[Block] = []
    facts = (*_latency(document.latency), *_memory(document.memory))
    limited = (*_latency_bars(document.latency), *_memory_bars(document.memory))
    if facts:
        blocks.append(Facts(facts))
    blocks += _flash_bars(document.memory)
    if limited:
        blocks.append(Bars(limited, "Within what is allowed"))
    return (*blocks, *trend_blocks(past))


def _latency(latency: Latency | None) -> Iterator[Fact]:
    if latency is None:
        return
    if latency.median is None or latency.min is None or latency.max is None:
        yield Fact("One inference", Cell("not measured", "warn"), latency.note or "")
        return
    noise = f", give or take {latency.noise:,}" if latency.noise else ""
    span = "the same for every input" if latency.min == latency.max else f"{latency.min:,} to {latency.max:,}"
    yield Fact(
        "One inference", Cell(f"{latency.median:,.10g} {latency.unit}{noise}"), f"{span}; {latency.proof}"
    )
    if latency.estimated_cycles is not None:
        yield Fact("Estimated", Cell(f"{latency.estimated_cycles:,.0f} cycles"), "memory without wait states")
    if latency.note:
        yield Fact("Note", Cell(latency.note))


def _latency_bars(latency: Latency | None) -> Iterator[Bar]:
    if latency is None or latency.max is None or latency.budget is None:
        return
    yield _of_limit("Slowest inference", latency.max, latency.budget, latency.unit)


def _memory(memory: Memory | None) -> Iterator[Fact]:
    if memory is None:
        return
    if memory.flash_bytes is not None:
        parts = []
        if memory.engine_bytes is not None:
            parts.append(f"engine and model {memory.engine_bytes:,} B")
        if memory.model_bytes is not None:
            parts.append(f"model {memory.model_bytes:,} B")
        yield Fact("Flash", Cell(f"{memory.flash_bytes:,} B"), ", ".join(parts))
    if memory.static_ram_bytes is not None:
        yield Fact("Static RAM", Cell(f"{memory.static_ram_bytes:,} B"), "arena included")
    if memory.stack_bytes is not None:
        own = memory.engine_stack_bytes
        inference = "" if own is None else f"one inference {own:,} B"
        yield Fact("Stack", Cell(f"{memory.stack_bytes:,} B"), inference)
    if memory.arena_bytes:
        used = f"planned by the engine; {memory.arena_high_water_bytes:,} B of it were used"
        yield Fact("Arena", Cell(f"{memory.arena_bytes:,} B"), used)
    if memory.arena_least_bytes is not None:
        yield Fact(
            "Least arena", Cell(f"{memory.arena_least_bytes:,} B"), "that the engine starts and answers with"
        )


def _memory_bars(memory: Memory | None) -> Iterator[Bar]:
    if memory is None:
        return
    if memory.stack_bytes is not None and memory.stack_budget_bytes:
        yield _of_limit("Stack", memory.stack_bytes, memory.stack_budget_bytes, "B")


def _flash_bars(memory: Memory | None) -> list[Block]:
    """Uses of the flash."""
    if memory is None or not memory.flash_bytes or memory.engine_bytes is None or memory.model_bytes is None:
        return []
    whole, model = memory.flash_bytes, min(memory.model_bytes, memory.engine_bytes)
    parts = {"used": memory.engine_bytes - model, "kept": model, "rest": whole - memory.engine_bytes}
    names = {"used": "engine", "kept": "model", "rest": "start-up, link and drivers"}
    picture = bar(
        [(max(size, 0) / whole, kind) for kind, size in parts.items()], "What the flash is used for"
    )
    keys = tuple(Key(kind, f"{names[kind]} {size:,} B") for kind, size in parts.items())
    return [Bars((Bar("", f"{whole:,} B", picture),), "Flash", keys)]


def _of_limit(name: str, value: float, limit: float, unit: str) -> Bar:
    whole = max(value, limit) * _ROOM if value > limit else limit
    kind = "over" if value > limit else "used"
    picture = bar([(value / whole, kind)], name, limit=limit / whole if value > limit else None)
    return Bar(
        name, f"{value:,.10g} of {limit:,.10g} {unit}", picture, f"{value / limit:.0%} of what is allowed"
    )


def layer_blocks(document: Document) -> tuple[Block, ...]:
    """Return each layer: what it costs, and whether it answers as the reference's does."""
    layers = document.layers
    if layers is None:
        return ()
    most = max((abs(row.cost) for row in layers.rows if row.cost is not None), default=0)
    total = sum(row.cost for row in layers.rows if row.cost is not None and row.cost > 0)
    bars = tuple(
        Bar(
            row.name,
            f"{row.cost:,.10g} {layers.unit}".replace("-", MINUS),
            bar([(max(row.cost, 0) / most, "used")], row.name),
            _layer_note(row, total),
        )
        for row in layers.rows
        if row.cost is not None and most
    )
    differing = tuple(_layer(row) for row in layers.rows if row.differing or row.not_asked)
    blocks: list[Block] = [Facts(tuple(_layers_in_words(layers)))]
    if bars:
        blocks.append(Bars(bars, "What each layer costs, and its share of what is shown"))
    if differing:
        headings = (
            Cell("Layer"),
            Cell("values that differ", number=True),
            Cell("by at most", number=True),
            Cell(""),
        )
        blocks.append(Table(headings, differing, "Layers that are not equal, or were not asked"))
    return tuple(blocks)


def _layers_in_words(layers: Layers) -> Iterator[Fact]:
    """Tell whether the layers hold what the reference's do, and which of them have no bar."""
    asked = [row for row in layers.rows if row.checked]
    wrong = sum(bool(row.differing) for row in asked)
    against = layers.reference or "the reference"
    values = sum(row.checked * row.values for row in asked)
    if not asked:
        yield Fact("Values", Cell("not compared", "warn"), "no layer could be asked")
    elif wrong:
        yield Fact(
            "Values", Cell(f"{wrong:,} of {len(asked):,} layers differ", "bad"), f"from those of {against}"
        )
    else:
        told = f"{values:,} values compared with those of {against}, bit for bit"
        yield Fact("Values", Cell(f"all equal in {len(asked):,} layer{'s' * (len(asked) > 1)}", "good"), told)
    unshown = [row.name for row in asked if row.cost is None]
    if unshown and layers.unit:
        yield Fact(
            "Not shown", Cell(_some(unshown)), f"{layers.unit}: smaller than the noise, or not measured"
        )


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _layer_note(row: LayerRow, total: float) -> str:
    said = []
    if total and row.cost is not None and row.cost > 0:
        said.append(f"{row.cost / total:.0%}")
    if row.cost_from is not None and row.cost_from != row.layer:
        said.append(f"with the layers from {row.cost_from} on")
    if row.estimated_cycles is not None:
        said.append(f"{row.estimated_cycles:,.0f} estimated cycles".replace("-", MINUS))
    return ", ".join(said)


def _layer(row: LayerRow) -> tuple[Cell, ...]:
    if row.not_asked:
        return (Cell(row.name), Cell("", number=True), Cell("", number=True), Cell(row.not_asked, "quiet"))
    most = "" if row.max_abs_diff is None else f"{row.max_abs_diff:g}"
    return (
        Cell(row.name),
        Cell(f"{row.differing:,}", "bad", number=True),
        Cell(most, number=True),
        Cell("", "bad"),
    )
