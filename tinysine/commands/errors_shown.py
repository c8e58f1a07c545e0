"""Every way a command can end, turned into an exit code and at most one line on standard error."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tinysine.commands.command_line import UsageError
from tinysine.errors import (
    EXIT_USAGE,
    ConfigError,
    FlashError,
    TinysineError,
    cause_of,
    missing_package,
)
from tinysine.extras import is_installed, package_of
from tinysine.outside_text import lines, one_line
from tinysine.whole_files import FREE_SOME, is_full

# What the parser says of an option's variable, which the user need not have set.
_VARIABLE = re.compile(r" \(env var: '[^)]*'\)")


def show(error: Exception, *, command: str, debug: bool) -> int:
    """Print what went wrong, where, and what to try.

    Args:
        error: what ended the command.
        command: the command's name, for the hint; "" where there is none.
        debug: print the traceback, too.
    Returns:
        The exit code.
    """
    if debug:
        traceback.print_exception(error)
    if isinstance(error, TinysineError):
        say_error(error)
        return cause_of(error).exit_code
    if isinstance(error, UsageError):
        text = str(getattr(error, "format_message", error.__str__)()).replace("Value error, ", "")
        text = _VARIABLE.sub("", text)
        print(_line(text, " ".join(["tinysine", *filter(None, [command]), "--help"])), file=sys.stderr)
        return EXIT_USAGE
    if module := missing_package(error):
        say_error(_missing(module))
        return cause_of(error).exit_code
    if isinstance(error, OSError) and is_full(error):
        print(_line("no space left to write to", FREE_SOME), file=sys.stderr)
        return cause_of(error).exit_code
    if isinstance(error, FileNotFoundError) and not _has_folder():
        say_error(ConfigError("the current folder is not there any more", hint="cd into one that is"))
        return EXIT_USAGE
    log = keep_trace(error)
    hint = f"tinysine --debug {command} shows all of it" if log is None else f"the details are in {log}"
    print(_line(f"unexpected {type(error).__name__}: {error}", hint), file=sys.stderr)
    return cause_of(error).exit_code


def _missing(module: str) -> ConfigError:
    """The error for a package that is not installed, or only in parts."""
    package = package_of(module)
    if package is None:
        return ConfigError(
            f"the package that brings the module {module} is not installed",
            hint="pip install tinysine brings what it needs",
            key=module,
        )
    if module != package.module and is_installed(package.module):
        return ConfigError(
            f"{package.need}: the package {package.name} is not whole, its module {module} is not there",
            hint=f"pip install --force-reinstall {package.name}",
            key=module,
        )
    return ConfigError(
        f"{package.need}: the package {package.name} is not installed", hint=package.install, key=module
    )


def _has_folder() -> bool:
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def say_error(error: TinysineError) -> None:
    """Print an error and what to try, in one line on standard error.

    The command that lists what such an error may come from is named, unless an option or a file is wrong: then the
    message says all. Below it, what a flash tool was told and what it said, if that is what failed.
    """
    more = "" if isinstance(error, ConfigError) else f"tinysine explain {type(error).__name__}"
    print(_line(error.message, error.hint, more), file=sys.stderr)
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, FlashError) and cause.facts.get("command")):
        cause = cause.__cause__ if cause.__cause__ is not cause else None  # an error may be its own cause
    if cause is not None:
        said = f"$ {cause.facts['command']}\n{cause.facts.get('output', '')}"
        print(lines(said).rstrip(), file=sys.stderr)


def _line(message: str, hint: str, more: str = "") -> str:
    # One line, whatever a compiler or an operating system put into the message.
    message, hint = (" ".join(one_line(text).split()).rstrip(".") for text in (message, hint))
    stop = "" if message.endswith("?") else "."
    said = f"error: {message}{stop} try: {hint}" if hint else f"error: {message}"
    return f"{said} (more: {more})" if more else said


def keep_trace(error: Exception) -> Path | None:
    """Add the traceback of an unexpected error to tinysine's log, and return that; None where no log can be written."""
    import platformdirs  # noqa: PLC0415  # only a crash needs it

    text = (
        f"{time.strftime('%Y-%m-%d %H:%M:%S')} {sys.argv!r}\n{''.join(traceback.format_exception(error))}\n"
    )
    for folder in (platformdirs.user_log_path("tinysine"), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "tinysine.log"
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return None
