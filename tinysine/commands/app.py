"""All commands as one program."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tinysine import __version__
from tinysine.commands.command_line import CommandLine, UsageError, read_command_line
from tinysine.commands.errors_shown import show
from tinysine.commands.help import HELP_OPTIONS, Group
from tinysine.commands.screen import set_quiet
from tinysine.commands.stale_evidence import evidence_put_aside
from tinysine.result_files import DEFAULT_OUT
from tinysine.settings import BOARDS as BOARDS_DIR
from tinysine.settings import PORT, SETTINGS
from tinysine.variables import check_variables, variable_kept

EXIT_UNHEARD = 128 + 13  # SIGPIPE, as a shell has it; 1 would say that the device is wrong

app = typer.Typer(
    name="tinysine",
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_OPTIONS, "max_content_width": 100},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"tinysine {__version__}")
        raise typer.Exit


def _use_boards(folders: str) -> str:
    if folders:
        # By the environment, so that the processes of emulated boards and of tests see them, too.
        os.environ[BOARDS_DIR.variable] = folders
    return folders


@app.callback()
def program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of any error.")] = False,
    boards_dir: Annotated[
        str,
        typer.Option(
            metavar=BOARDS_DIR.metavar,
            help=f"{BOARDS_DIR.help}.",
            envvar=BOARDS_DIR.variable,
            show_default=False,
            callback=_use_boards,
        ),
    ] = "",
) -> None:
    """Prove that TinyML on a device answers exactly as it should.

    \b
    Examples:
      tinysine run                                    from nothing to a verdict
      tinysine verify tinysine-out/sine_int8.tflite   is it right on the device?
      tinysine verify model.tflite --board nano33ble-usb --port auto

    \b
    Exit codes:
      0  pass
      1  the device is wrong
      2  usage or bad input
      3  the bench failed: port, flashing, link or computer
      130  interrupted
    """


@cache
def built() -> TyperGroup:
    """The program that typer makes, made once. Its commands are imported one by one, as they are asked for."""
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    return program


def run_app(arguments: list[str], *, on_ready: Callable[[], None] = lambda: None) -> int:
    """Run one command line.

    Args:
        arguments: without the program's name.
        on_ready: called when evidence of an earlier run is put aside, before anything else is done.
    Returns:
        The exit code. What went wrong has been said.
    """
    set_quiet(False)
    debug = "--debug" in arguments  # wherever it stands: nobody remembers which side of the command it goes
    arguments = [argument for argument in arguments if argument != "--debug"]
    asked = read_command_line(built(), arguments)
    try:
        with variable_kept(BOARDS_DIR.variable), evidence_put_aside(asked, default_out=DEFAULT_OUT) as code:
            on_ready()
            code.append(_run(arguments, asked, debug=debug))
    except Exception as error:
        # Before the command, or after it: a traceback's exit code would say that the device is wrong.
        return show(error, command=asked.command, debug=debug)
    return code[-1]


def _run(arguments: list[str], asked: CommandLine, *, debug: bool) -> int:
    try:
        if not asked.options.get("help"):
            _check_words(asked)
            _check_environment(asked)
        code: Any = built()(args=arguments or ["--help"], prog_name="tinysine", standalone_mode=False)
    except SystemExit as ended:
        # What typer makes of output that nobody reads to its end, such as into `head`.
        if isinstance(ended.__context__, BrokenPipeError):
            return EXIT_UNHEARD
        raise
    except Exception as error:
        return show(error, command=asked.command, debug=debug)
    return code if isinstance(code, int) else 0


def _check_words(asked: CommandLine) -> None:
    """Refuse an option whose value is left out, so that the next option is taken for it.

    Raises:
        UsageError: it is.
    """
    options = [param for param in _params(asked) if param.param_type_name == "option"]
    known = {*HELP_OPTIONS, *(name for param in options for name in param.opts)}
    for param in options:
        value = asked.options.get(param.name)
        if isinstance(value, str) and value in known:
            raise UsageError(f"Option {param.opts[0]!r} needs a value, but {value} is an option.")


def _check_environment(asked: CommandLine) -> None:
    """Check the variables that a command reads, as pytest checks them. One that an option outdoes is passed over.

    Raises:
        ConfigError: one that means nothing.
    """
    check_variables(os.environ)
    read: set[str] = set()
    for param in _params(asked):
        if param.envvar and asked.options.get(param.name) is None:
            read |= {param.envvar} if isinstance(param.envvar, str) else set(param.envvar)
    for setting in SETTINGS:
        for variable in setting.variables:
            value = os.environ.get(variable)
            if value and variable in read:
                setting.check(value, variable)
                if setting is PORT:
                    from tinysine.place import read_place  # noqa: PLC0415  # help does not need it

                    read_place(value, source=variable)


def _params(asked: CommandLine) -> list[Any]:
    command = built().commands.get(asked.command)
    return command.params if command is not None else []
