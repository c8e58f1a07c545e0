"""zoo: networks of known shapes, to try engines and boards with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tinysine.commands import make, options
from tinysine.whole_files import write_files

Shape = Annotated[
    Literal["ad", "kws", "magic-wand", "micro-speech", "person", "resnet", "vww"],
    typer.Argument(help="Network to write, of MLPerf Tiny (ad, kws, resnet, vww) or of the TinyML book."),
]


def zoo(shape: Shape, *, out: make.OutFolder = Path(), seed: options.TrainingSeed = 3) -> None:
    """Write a network of a known shape with random weights.

    Its answers mean nothing, because it is not trained. Use it to measure engines: flash, memory and time are about
    those of the trained network of the same shape. The same seed gives the same weights.

    \b
    Example:
      tinysine zoo kws --out networks
    """
    from tinysine.commands.screen import Progress, say  # noqa: PLC0415
    from tinysine.training import require_tensorflow, tflite_files  # noqa: PLC0415
    from tinysine.zoo.shapes import make_shape  # noqa: PLC0415

    require_tensorflow()
    with Progress(lines=True) as progress, progress.stage("convert"):
        converted = make_shape(shape, seed=seed)
    # A name that no file of somebody's own has: weights that mean nothing must not take its place.
    for file in write_files(out, tflite_files(converted, name=f"zoo_{shape.replace('-', '_')}")):
        say(f"wrote {file}")
