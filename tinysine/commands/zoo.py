"""zoo: networks of known shapes, to try engines and boards with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tinysine.commands import make, options
from tinysine.whole_files import write_files

Shape = Annotated[
    Literal["ad", "kws", "magic-wand", "micro-speech", "person", "resnet", "vww"],
    typer.Argument(help="Whose shape: MLPerf Tiny's (ad, kws, resnet, vww) or the TinyML book's."),
]


def zoo(shape: Shape, *, out: make.OutFolder = Path(), seed: options.TrainingSeed = 3) -> None:
    """Write a network of a known shape with seeded weights.

    Its answers mean nothing, for the weights are random. What an engine takes for it is what it takes for the real one.

    \b
    Example:
      tinysine zoo kws --out networks
    """
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.training import tflite_files  # noqa: PLC0415
    from tinysine.zoo.shapes import make_shape  # noqa: PLC0415

    converted = make_shape(shape, seed=seed)
    for file in write_files(out, tflite_files(converted, name=shape.replace("-", "_"))):
        say(f"wrote {file}")
