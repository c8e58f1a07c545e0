"""Options that several commands share, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinysine.commands.completion import complete_board, complete_engine, complete_port
from tinysine.commands.screen import is_quiet, say_aside
from tinysine.place import ANY_PORT, read_place
from tinysine.settings import (
    BENCH,
    BOARD,
    DATA,
    ENGINE,
    FIRMWARE,
    HISTORY,
    INPUTS,
    MODEL,
    OPTIMIZE,
    PLACE,
    PORT,
    PROBE,
    PRUNE,
    REFERENCE,
    SEED,
    SOAK,
    TIMEOUT,
    TOLERANCE,
    TOLERANCE_ABS,
    TOOLCHAIN,
    Setting,
)
from tinysine.settings import Firmware as FirmwareName
from tinysine.settings import Optimize as OptimizeName
from tinysine.settings import Reference as ReferenceName
from tinysine.settings import Toolchain as ToolchainName

if TYPE_CHECKING:
    from tinysine.image import BuildOptions

DEFAULT_BOARD = BOARD.default
ANOTHER_OUT = "name a folder that you may write to with --out"

_BOARD, _BUILD, _CHECKS, _OUTPUT = "Board", "Build", "Checks", "Output"


def declared(setting: Setting[Any], *short: str, panel: str, **more: Any) -> Any:
    """An option of the command line, as the table of settings declares it.

    Args:
        short: other names of it, such as -p.
        panel: heading in the help.
        more: for typer.Option; wins over the table.
    """
    told = {"metavar": setting.metavar or None, "help": f"{setting.help}.", "envvar": [*setting.variables]}
    name = f"--{setting.name}"
    if setting.kind == "switch":
        name += f"/--no-{setting.name}"
    former = (f"--{setting.former}",) if setting.former else ()
    return typer.Option(name, *former, *short, rich_help_panel=panel, **{**told, **more})


ModelFile = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="An int8 TensorFlow Lite file (.tflite), or C source with its bytes.",
        envvar=MODEL.variable,
        show_default=False,
    ),
]


def whole_board_name(ctx: typer.Context, text: str | None) -> str | None:
    """Find the board that is meant; where only a part of its name was typed, say which it is."""
    if text is None or text == DEFAULT_BOARD:
        return text
    from tinysine.boards import find_board  # noqa: PLC0415

    by_usb = ctx.params.get("port") == ANY_PORT
    name = find_board(text, preferred=DEFAULT_BOARD, by_usb=by_usb).name
    if name != text and not (ctx.params.get("quiet") or is_quiet()):
        say_aside(f"board: {name}")
    return name


def _checked_port(port: str | None) -> str | None:
    if port is not None:
        read_place(port, source="--port")
    return port


def _checked_seconds(seconds: float) -> float:
    TIMEOUT.check(seconds, "--timeout")
    return seconds


_NAMES_A_BOARD: dict[str, Any] = {"callback": whole_board_name, "autocompletion": complete_board}
_NAMES_A_PORT: dict[str, Any] = {
    "callback": _checked_port,
    "autocompletion": complete_port,
    "show_default": False,
    "is_eager": True,  # the board's name is looked up by it
}
BoardName = Annotated[str, declared(BOARD, "-b", panel=_BOARD, **_NAMES_A_BOARD)]
OptionalBoard = Annotated[
    str | None,
    declared(
        BOARD,
        "-b",
        panel=_BOARD,
        help=f"{BOARD.help}; an image has the name of its board.  [default: {DEFAULT_BOARD}]",
        show_default=False,
        **_NAMES_A_BOARD,
    ),
]
PortName = Annotated[str | None, declared(PORT, "-p", panel=_BOARD, **_NAMES_A_PORT)]
FlashPort = Annotated[
    str | None,
    declared(
        PORT,
        "-p",
        panel=_BOARD,
        help="Serial port or pyserial URL of the board, or auto for the one that is attached.",
        **_NAMES_A_PORT,
    ),
]
Probe = Annotated[str, declared(PROBE, panel=_BOARD, show_default=False)]
Timeout = Annotated[float, declared(TIMEOUT, panel=_BOARD, callback=_checked_seconds)]
PlaceId = Annotated[str, declared(PLACE, panel=_BOARD, show_default=False)]
BenchPath = Annotated[str, declared(BENCH, panel=_BOARD, show_default=False)]
Firmware = Annotated[FirmwareName, declared(FIRMWARE, panel=_BOARD)]
Engine = Annotated[str, declared(ENGINE, panel=_BUILD, autocompletion=complete_engine)]
Engines = Annotated[
    list[Path] | None,
    declared(
        ENGINE,
        panel=_BUILD,
        metavar="FOLDER",
        autocompletion=complete_engine,
        help=f"{ENGINE.help}; it is added to the engines that are installed, and the option may be repeated.",
        show_default=False,
    ),
]
Rounding = Annotated[ReferenceName, declared(REFERENCE, panel=_BUILD)]
Optimize = Annotated[OptimizeName, declared(OPTIMIZE, panel=_BUILD)]
Prune = Annotated[bool, declared(PRUNE, panel=_BUILD)]
Toolchain = Annotated[ToolchainName, declared(TOOLCHAIN, panel=_BUILD)]
Seed = Annotated[int, declared(SEED, panel=_CHECKS, min=SEED.least)]
Samples = Annotated[int, declared(INPUTS, panel=_CHECKS, min=INPUTS.least)]
DataFile = Annotated[Path | None, declared(DATA, panel=_CHECKS, show_default=False)]
FloatModel = Annotated[
    Path | None,
    typer.Option(
        "--float",
        metavar="MODEL",
        help="The float32 .tflite file that the model was quantised from; its accuracy on labelled data is shown, too.",
        rich_help_panel=_CHECKS,
        show_default=False,
    ),
]
Tolerance = Annotated[int, declared(TOLERANCE, panel=_CHECKS, min=0, show_default=False)]
ToleranceAbs = Annotated[float, declared(TOLERANCE_ABS, panel=_CHECKS, min=0.0, show_default=False)]
Soak = Annotated[int, declared(SOAK, panel=_CHECKS, min=0, show_default=False)]
Layers = Annotated[
    bool,
    typer.Option(
        "--layers",
        help="Compare every layer with the reference, and show its cost. The model is cut off behind each layer, built "
        "and flashed. Firmware that announces its layers is asked for them instead.",
        rich_help_panel=_CHECKS,
    ),
]
LatencyBudget = Annotated[
    int | None,
    typer.Option(
        "--max-latency",
        metavar="N",
        min=1,
        help="Fail if one inference costs more than N, in the unit in which the board counts.",
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
        help="Write all results, with their sources, as JSON; - for standard output.",
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write a report: one HTML file that any browser shows.",
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
Gates = Annotated[
    list[str] | None,
    typer.Option(
        "--gate",
        metavar="RULE",
        help="Fail if a figure breaks a rule: a limit, such as 'flash_bytes <= 8192', or growth since the last pass in "
        "--history, such as 'instructions +0 %'. A file of rules, gate.toml, is possible, too. The option may be "
        "repeated.",
        rich_help_panel=_CHECKS,
        show_default=False,
    ),
]
HistoryToWrite = Annotated[
    Path | None,
    typer.Option(
        "--history",
        metavar="FILE",
        help="Add the run to a history; see `tinysine history`.",
        envvar=HISTORY.variable,
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print one line: the verdict.",
        is_eager=True,  # other options ask for it
        rich_help_panel=_OUTPUT,
    ),
]


def build_options(
    *,
    engine: str = ENGINE.default,
    rounding: ReferenceName = REFERENCE.start,
    optimize: OptimizeName = OPTIMIZE.start,
    prune: bool = PRUNE.start,
    toolchain: ToolchainName = TOOLCHAIN.start,
) -> BuildOptions:
    """Make one value of the options of a build, as they were typed.

    Raises:
        ConfigError: there is no such engine, or the choices do not go together.
    """
    from tinysine.image import BuildOptions, choose_engine  # noqa: PLC0415
    from tinysine.quantization import Rounding as Reference  # noqa: PLC0415

    return BuildOptions(
        rounding=Reference(rounding),
        optimize=optimize,
        prune=prune,
        toolchain=toolchain,
        engine=choose_engine(engine),
    )


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
    typer.Option(
        metavar="SIGMA",
        help="Standard deviation of the noise that is added to them.",
        rich_help_panel=_TRAINING,
    ),
]
Split = Annotated[
    tuple[float, float, float],
    typer.Option(
        metavar="A B C", help="Fractions to train, validate and test on.", rich_help_panel=_TRAINING
    ),
]
TrainingSeed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Seed of all random numbers.", rich_help_panel=_TRAINING)
]
