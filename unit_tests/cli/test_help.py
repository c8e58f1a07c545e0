"""Help: instant, complete, and with examples that could be typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tinysine.commands.app import built
from tinysine.commands.table import COMMANDS
from tinysine.settings import BOARDS, ENGINE, PORT, SEED, SETTINGS

OF_TRAINING = ("run", "train", "zoo")  # whose --seed decides what training draws

_NAMES = {name for name, row in COMMANDS.items() if not row.hidden}

HEAVY = {
    "ai_edge_litert",
    "elftools",
    "filelock",
    "jinja2",
    "junitparser",
    "matplotlib",
    "msgspec",
    "numpy",
    "platformdirs",
    "psutil",
    "rich",
    "serial",
    "tensorflow",
    "tflite_micro",
    "unicorn",
}


def imported_by(*arguments: str, **variables: str) -> set[str]:
    """The modules that a command line has imported when it ends."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\nIMPORTED', *sorted(sys.modules)))\n"
        f"sys.argv = ['tinysine', *{list(arguments)!r}]\n"
        "from tinysine.cli import main\n"
        "main()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    last = run.stdout.strip().splitlines()[-1]
    assert last.startswith("IMPORTED"), run.stderr
    return set(last.split()[1:])


def test_help_names_every_engine_that_has_a_recipe() -> None:
    """No other ones either, and in order: the option's help is read before anything that could look for them."""
    from tinysine.image import recipes

    named = re.search(r"own; (.+); or a folder", ENGINE.help)
    assert named is not None
    assert tuple(named[1].split(", ")) == recipes()


@pytest.mark.parametrize(
    "arguments", [["--help"], [], ["--version"], ["verify", "--help"], ["run", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Neither numpy nor rich nor any other package is loaded to show help, and no command but the one asked for."""
    imported = imported_by(*arguments)
    assert "typer" in imported
    assert not HEAVY & imported
    of_commands = {f"tinysine.commands.{row.function.partition('.')[0]}" for row in COMMANDS.values()}
    if arguments[:1] in (["--help"], [], ["--version"]):
        assert not (of_commands | {"importlib.metadata", "pydantic"}) & imported
    assert "tinysine.commands.nightly" not in imported


def test_completion_of_a_command_imports_none() -> None:
    """A shell that asks for the names of commands is answered from the table."""
    asked = {"_TINYSINE_COMPLETE": "complete_bash", "COMP_WORDS": "tinysine ver", "COMP_CWORD": "1"}
    imported = imported_by(**asked)
    assert "tinysine.commands.table" in imported
    assert not (HEAVY | {"tinysine.commands.verify", "tinysine.commands.nightly"}) & imported


def test_the_check_for_heavy_imports_can_fail() -> None:
    """A command that works with models is seen to import numpy."""
    assert "numpy" in imported_by("references", "nothing.tflite")


def test_help_lists_every_command(cli: Callable) -> None:
    """The program's help has every command with a sentence, none cut short, under its group."""
    shown = cli("--help")
    assert shown.code == 0
    for name in _NAMES:
        assert re.search(rf"^  {name}  +[A-Z].*\.$", shown.out, re.MULTILINE), name
    assert [line for line in shown.out.splitlines() if line.endswith(":") and line[0].isalpha()] == [
        "The main job:",
        "Its steps, one by one:",
        "Boards:",
        "From run to run:",
        "Options:",
    ]
    assert "Exit codes" in shown.out


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_each_command_has_an_example_that_could_be_typed(cli: Callable, name: str) -> None:
    """Each help page has examples, which use that command and only options that it has."""
    shown = cli(name, "--help")
    assert shown.code == 0
    examples = re.findall(rf"^    (tinysine {name}\b.*)$", shown.out, re.MULTILINE)
    assert examples
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", shown.out.split("Options:")[-1])) | set(
        re.findall(r"^  (?:-\w, )?(--[a-z][a-z-]*)", shown.out, re.MULTILINE)
    )
    for example in examples:
        assert set(re.findall(r"--[a-z-]+", example.split("  ")[0])) <= known


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_every_command_can_be_quiet(name: str) -> None:
    """`-q` and `--quiet` are taken everywhere, once."""
    assert [param.opts for param in built().commands[name].params if "-q" in param.opts] == [
        ["--quiet", "-q"]
    ]


def test_a_quiet_command_prints_no_remark(cli: Callable) -> None:
    """The error is shown, the name that a part of a name was taken for is not; the next command is not quiet."""
    line = ("flash", "nothing.elf", "--board", "edge-svl")
    loud = cli(*line)
    assert loud.err.startswith("board: sparkfun-edge-svl\nerror: ")
    quiet = cli(*line, "-q")
    assert (quiet.code, f"board: sparkfun-edge-svl\n{quiet.err}") == (loud.code, loud.err)
    assert cli(*line).err == loud.err


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Text that is green on a terminal is plain if NO_COLOR is set."""
    from tinysine.commands.screen import _progress_console

    monkeypatch.setenv("TERM", "xterm-256color")
    for value, colours in (("1", 0), ("", 1)):
        monkeypatch.setenv("NO_COLOR", value)
        shown = _progress_console()
        shown.print("[green]done[/green]")
        shown.file.close()
        assert capfd.readouterr().err.count("\x1b[32m") == colours


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_table_says_what_a_command_says_of_itself(name: str) -> None:
    """The line in the program's help is the first one of the command's own, and the old name of a command is hidden."""
    command = built().commands[name]
    assert command.help.splitlines()[0] == COMMANDS[name].summary
    assert command.hidden == (name == "compare")
    assert command.rich_help_panel == COMMANDS[name].panel


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_options_are_those_of_the_table(name: str) -> None:
    """An option shared with pytest has the table's variable, default and help; `flash --port` is not shared."""
    shared = {setting.name: setting for setting in SETTINGS}
    for param in built().commands[name].params:
        setting = shared.get(param.opts[0].removeprefix("--"))
        if setting in (None, BOARDS):  # `nightly --boards` chooses among them
            continue
        if setting is SEED and name in OF_TRAINING:
            continue
        names = [param.envvar] if isinstance(param.envvar, str) else param.envvar
        assert names == list(setting.variables)
        if (name, setting) != ("flash", PORT) and param.opts[0].startswith("--"):
            assert param.help.startswith(setting.help)
        typed = {"no": "False", "yes": "True"}.get(setting.default, setting.default)
        if param.default is None:  # the file that is given says which board; engines are a list
            assert not typed or param.opts[0] in ("--board", "--engine")
        else:
            assert str(param.default).removesuffix(".0") == typed, param.name
