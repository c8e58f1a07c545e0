"""export-arduino: a model as a sketch for the Arduino IDE."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from tinysine.commands import options
from tinysine.settings import (
    OPTIMIZE,
    PRUNE,
    REFERENCE,
)


def export_arduino(
    model: options.ModelFile,
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder to create; the sketch has its name.", show_default=False),
    ],
    *,
    rounding: options.Rounding = REFERENCE.start,
    optimize: options.Optimize = OPTIMIZE.start,
    prune: options.Prune = PRUNE.start,
) -> None:
    """Write a model as an Arduino sketch.

    The folder is ready for the Arduino IDE and arduino-cli. The sketch needs no library and runs on any Arduino board,
    because it uses only Arduino's own functions. An earlier export is replaced, unless you edited it.

    \b
    Examples:
      tinysine export-arduino sine.tflite sine
      arduino-cli compile --profile uno --upload --port /dev/ttyACM0 sine
    """
    from tinysine.boards import load_board  # noqa: PLC0415
    from tinysine.commands.screen import say  # noqa: PLC0415
    from tinysine.graph import read_network  # noqa: PLC0415
    from tinysine.image import export_sketch, shortage  # noqa: PLC0415
    from tinysine.quantization import Rounding  # noqa: PLC0415

    network = read_network(model)
    settings: dict[str, Any] = {"rounding": Rounding(rounding), "optimize": optimize, "prune": prune}
    sketch = export_sketch(network, folder, **settings)
    say(f"wrote {len(sketch.files)} files in {sketch.folder}")
    say(f"open {sketch.main} in the Arduino IDE; README.md beside it says more")
    say(f"uploaded: tinysine verify {shlex.quote(str(model))} --board arduino --port PORT --flash never")
    # The smallest of the boards that the sketch knows.
    if short := shortage(network, load_board("arduino-uno"), **settings):
        say(f"not for an Arduino Uno: {short.message}")
