"""`tinysine verify --layers`: each layer of the device against the reference's, and what it costs, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinysine.commands.screen import say, table

if TYPE_CHECKING:
    from tinysine.verdicts import LayerRow, LayersVerdict


def show_layers(layers: LayersVerdict) -> None:
    """Print the table: one row for each tensor that a layer writes."""
    headings = ["layer", "values", "differ", "by at most"]
    if layers.unit:
        headings += [layers.unit, "up to it"]
    if any(row.model_estimated_cycles is not None for row in layers.rows):
        headings += ["estimated cycles", "up to it"]
    rows = [[row.name, *(_figures(row)[: len(headings) - 1])] for row in layers.rows]
    against = f" against {layers.reference}" if layers.reference else ""
    table(f"Layers{against}", headings, rows, right=list(range(1, len(headings))))
    for row in layers.rows:
        if row.not_asked:
            say(f"{row.name} was not asked: {row.not_asked}")
    if layers.unit:
        noisy = any(row.model_noise for row in layers.rows)
        say(
            f"{layers.unit} of a layer: one inference of the model that ends with it, less that of the model that ends "
            f"before it{'; figures smaller than the noise are left out' if noisy else ''}"
        )


def _figures(row: LayerRow) -> list[str]:
    if row.not_asked:
        return ["not asked", *[""] * 6]
    differ = f"{row.differing:,}" if row.differing else "equal"
    most = f"{row.max_abs_diff:g}" if row.differing and row.max_abs_diff is not None else ""
    cost = "" if row.cost is None else f"{row.cost:,}"
    if row.cost_from is not None and row.cost_from != row.layer:
        cost += f" (from {row.cost_from})"
    up_to = "" if row.model_cost is None else f"{row.model_cost:,}"
    cycles = [
        "" if each is None else f"{each:,.0f}" for each in (row.estimated_cycles, row.model_estimated_cycles)
    ]
    return [f"{row.checked:,} x {row.values:,}", differ, most, cost, up_to, *cycles]
