"""The `tinysine` command."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any, NoReturn

import typer

from tinysine import __version__
from tinysine.commands import boards, check, make, rigs, run
from tinysine.commands.errors_shown import show
from tinysine.commands.help import Command, Group

MAIN, STEPS, BOARDS = "The main job", "Its steps, one by one", "Boards"

EXIT_TERMINATED = 128 + signal.SIGTERM

app = typer.Typer(
    name="tinysine",
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)

COMMANDS = (
    ("run", MAIN, run.run),
    ("verify", MAIN, check.verify),
    ("train", STEPS, make.train),
    ("convert", STEPS, make.convert),
    ("compare", STEPS, check.compare),
    ("c-array", STEPS, make.c_array),
    ("build", STEPS, make.build),
    ("flash", STEPS, rigs.flash),
    ("emulate", BOARDS, rigs.emulate),
    ("boards", BOARDS, boards.boards),
    ("doctor", BOARDS, boards.doctor),
)
NAMES = {name for name, _, _ in COMMANDS}
for name, panel, function in COMMANDS:
    app.command(name, cls=Command, rich_help_panel=panel)(function)


@app.callback()
def program(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of any error.")] = False,
) -> None:
    """Prove that TinyML on a device answers exactly as it should.

    \b
    Examples:
      tinysine run                     from nothing to a verdict, on an emulated board
      tinysine verify model.tflite     is this model right on the device?
      tinysine verify model.tflite --board nano33ble-sense --port /dev/ttyACM0

    \b
    Exit codes: 0 pass; 1 the device is wrong; 2 usage or bad input; 3 the bench failed; 130 interrupted.
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    debug = "--debug" in arguments  # wherever it stands: nobody remembers which side of the command it goes
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments == ["--version"]:
        print(f"tinysine {__version__}")
        return 0
    # A cancelled CI job sends SIGTERM: an emulator that was started has to go then, too.
    signal.signal(signal.SIGTERM, _terminated)
    command = next((argument for argument in arguments if argument in NAMES), "")
    try:
        code: Any = app(args=arguments or ["--help"], prog_name="tinysine", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        return show(error, command=command, debug=debug)
    return code if isinstance(code, int) else 0


def _terminated(_number: int, _frame: object) -> None:
    raise SystemExit(EXIT_TERMINATED)
