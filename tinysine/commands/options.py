"""Options that several commands share, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tinysine.commands.completion import complete_board, complete_port
from tinysine.commands.screen import say_aside
from tinysine.errors import ConfigError
from tinysine.variables import TIMEOUT, connect_seconds

DEFAULT_BOARD = "nano33ble-sense"
ANOTHER_OUT = "name a folder that you may write to with --out"
DEFAULT_INPUTS = 1000  # the conductor's, which brings numpy; a test holds them equal

RoundingName = Literal["litert", "tflm"]
OptimizeName = Literal["speed", "size"]
ToolchainChoice = Literal["auto", "gcc", "zig"]

_BOARD, _BUILD, _CHECKS, _OUTPUT = "Board", "Build", "Checks", "Output"

ModelFile = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="An int8 TensorFlow Lite file (.tflite), or C source with its bytes.",
        show_default=False,
    ),
]


def whole_board_name(text: str | None) -> str | None:
    """Find the board that is meant; where only a part of its name was typed, say which it is."""
    if text is None or text == DEFAULT_BOARD:
        return text
    from tinysine.boards import find_board  # noqa: PLC0415

    name = find_board(text, preferred=DEFAULT_BOARD).name
    if name != text:
        say_aside(f"board: {name}")
    return name


BoardName = Annotated[
    str,
    typer.Option(
        "--board",
        "-b",
        metavar="NAME",
        help="Board of the catalogue, or a part of its name; `tinysine boards` lists them.",
        rich_help_panel=_BOARD,
        envvar="TINYSINE_BOARD",
        callback=whole_board_name,
        autocompletion=complete_board,
    ),
]


def _refuse_nonsense(port: str | None) -> str | None:
    if port == "":
        # A variable of a script that is not set, most likely: not the same as asking for the twin.
        raise ConfigError(
            "--port is empty", hint="name a port, or leave the option away for the board's twin", key="--port"
        )
    if port is not None and "://" in port:
        from tinysine.link import checked_url  # noqa: PLC0415  # brings numpy

        checked_url(port)  # before anything is built
    return port


PortName = Annotated[
    str | None,
    typer.Option(
        "--port",
        "-p",
        metavar="PORT",
        help="Serial port or pyserial URL of a board that is there, or auto for the one that is attached. "
        "Without it, an emulated one is started.",
        rich_help_panel=_BOARD,
        envvar="TINYSINE_PORT",
        show_default=False,
        callback=_refuse_nonsense,
        autocompletion=complete_port,
    ),
]
FlashPort = Annotated[
    str | None,
    typer.Option(
        "--port",
        "-p",
        metavar="PORT",
        help="Serial port or pyserial URL of the board, or auto for the one that is attached.",
        rich_help_panel=_BOARD,
        envvar="TINYSINE_PORT",
        show_default=False,
        callback=_refuse_nonsense,
        autocompletion=complete_port,
    ),
]
Probe = Annotated[
    str,
    typer.Option(
        "--probe",
        metavar="SERIAL",
        help="Serial number of the debug probe on the board; needed where several are attached.",
        rich_help_panel=_BOARD,
        envvar="TINYSINE_PROBE",
        show_default=False,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="S",
        help="Seconds that connecting to the board may take; a board that resets when its port is opened boots first.",
        rich_help_panel=_BOARD,
        envvar=TIMEOUT,
        callback=lambda seconds: connect_seconds(seconds, "--timeout"),
    ),
]
BenchPath = Annotated[
    str,
    typer.Option(
        "--bench",
        metavar="FILE",
        help="Which boards hang on this computer, and how.  [default: tinysine-bench.toml, if it is there]",
        rich_help_panel=_BOARD,
        envvar="TINYSINE_BENCH",
        show_default=False,
    ),
]
Rounding = Annotated[
    RoundingName,
    typer.Option(
        help="Whose answers the firmware must give, bit for bit: LiteRT's or TensorFlow Lite Micro's.",
        rich_help_panel=_BUILD,
    ),
]
Optimize = Annotated[
    OptimizeName, typer.Option(help="Profile of the generated engine.", rich_help_panel=_BUILD)
]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Fold neurons that are proved constant.", rich_help_panel=_BUILD),
]
Toolchain = Annotated[
    ToolchainChoice,
    typer.Option(help="Compiler; auto takes GCC where it is installed.", rich_help_panel=_BUILD),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Chooses the inputs where not all can be checked, and those that are timed.",
        rich_help_panel=_CHECKS,
    ),
]
Samples = Annotated[
    int,
    typer.Option(
        "--inputs",
        metavar="N",
        min=1,
        help="How many random inputs are checked where not all can be; verify asks for 64 at least.",
        rich_help_panel=_CHECKS,
    ),
]
Soak = Annotated[
    int,
    typer.Option(
        "--soak",
        metavar="N",
        min=0,
        help="Ask for so many further inferences of known answer, over resets of the board.",
        rich_help_panel=_CHECKS,
        envvar="TINYSINE_SOAK",
        show_default=False,
    ),
]
LatencyBudget = Annotated[
    int | None,
    typer.Option(
        "--max-latency",
        metavar="N",
        min=1,
        help="Fail when one inference costs more, in the unit that the board counts in.",
        rich_help_panel=_CHECKS,
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=_OUTPUT)]
EvidenceFile = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write everything that was found, and where it came from, as JSON; - for standard output.",
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print one line: the verdict.", rich_help_panel=_OUTPUT)
]


_TRAINING = "Training"

Network = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="model_1 (16), model_2 (16-16), or widths such as 32-16.",
        rich_help_panel=_TRAINING,
    ),
]
Epochs = Annotated[
    int, typer.Option(metavar="N", help="Passes over the training data.", rich_help_panel=_TRAINING)
]
BatchSize = Annotated[
    int, typer.Option(metavar="N", help="Samples per optimiser step.", rich_help_panel=_TRAINING)
]
TrainingSamples = Annotated[
    int, typer.Option("--samples", metavar="N", help="Points on the sine.", rich_help_panel=_TRAINING)
]
Noise = Annotated[
    float,
    typer.Option(metavar="SIGMA", help="Standard deviation of the noise on them.", rich_help_panel=_TRAINING),
]
Split = Annotated[
    tuple[float, float, float],
    typer.Option(
        metavar="A B C", help="Fractions to train, validate and test on.", rich_help_panel=_TRAINING
    ),
]
TrainingSeed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Decides everything random.", rich_help_panel=_TRAINING)
]
