"""references: where do the references themselves differ on a model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tinysine.commands import options
from tinysine.settings import INPUTS, SEED

if TYPE_CHECKING:
    from tinysine.oracles import Disagreements


def references(
    model: options.ModelFile,
    *,
    seed: options.Seed = SEED.start,
    inputs: options.Samples = INPUTS.start,
) -> None:
    """Show how the references themselves differ on a model.

    LiteRT and TensorFlow Lite Micro round differently, and both are right. Each cell of the table shows how many
    inferences have different outputs, and the largest difference.

    \b
    Example:
      tinysine references sine.tflite
    """
    from tinysine.commands.screen import say, table  # noqa: PLC0415
    from tinysine.graph import read_judged  # noqa: PLC0415
    from tinysine.model import names_of  # noqa: PLC0415
    from tinysine.oracles import available_oracles, disagreements  # noqa: PLC0415
    from tinysine.stimuli import sample_inputs  # noqa: PLC0415

    judged = read_judged(model, own=False)
    asked = sample_inputs(judged, seed=seed, count=inputs)
    oracles = available_oracles(judged, on_refusal=lambda _name, refusal: say(str(refusal)))
    found = disagreements(oracles, asked.codes)

    how = "every input there is" if asked.exhaustive else f"seeded sample and corners, seed {seed}"
    several = bool(found.outputs)
    for name, one in zip(names_of(judged.outputs), found.outputs or (found,), strict=True):
        table(
            f"How many of {found.checked:,} outputs{f' {name!r}' if several else ''} differ ({how})",
            [name if several else "", *found.names],
            [[oracle, *_differences(one, i)] for i, oracle in enumerate(found.names)],
        )
    for oracle in oracles:
        details = "".join(f", {key} {value}" for key, value in oracle.detail.items())
        say(f"{oracle.name}: {oracle.version}{details}")


def _differences(found: Disagreements, row: int) -> Iterator[str]:
    """One oracle against each."""
    for count, most in zip(found.mismatches[row], found.max_abs_diff[row], strict=True):
        by = f" (by {most:g})" if math.isfinite(most) else ""
        yield f"{count}{by}" if count else "equal"
