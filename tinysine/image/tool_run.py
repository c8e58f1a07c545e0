"""Tools of a build, run: in an environment that changes nothing of what they make, and ended when nobody waits."""

from __future__ import annotations

import contextlib
import contextvars
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs

from tinysine.errors import BuildError
from tinysine.image.tool_failure import describe_failure, describe_no_start
from tinysine.processes import run_program

# What ends the tools of this thread before their time.
_STOP: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("stop", default=None)

# Where programs, homes, caches and temporary files are, as systems and arduino-cli need it, and how the internet is
# reached. A compiler variable is not added here: see GCC's manual, "Environment Variables", and Clang's driver.
_HARMLESS = {
    *(
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "TMPDIR",
        "TEMP",
        "TMP",
        "LD_LIBRARY_PATH",
        "DEVELOPER_DIR",
    ),
    *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "SYSTEMDRIVE", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
    *("PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"),
}
_HARMLESS_BEGINNINGS = ("XDG_", "ARDUINO_")


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of compilers: nothing in it changes what they make, since a build id does not cover it.

    Args:
        variables: of this process. Only those that name places and ways to other computers are passed on; CPATH,
            LIBRARY_PATH, COMPILER_PATH, CCC_OVERRIDE_OPTIONS, ZIG_LIB_DIR and their like are not.
    Returns:
        Those, English messages, no dates, and for Zig a cache, unless its own variables name one.
    """
    cache = platformdirs.user_cache_path("tinysine") / "zig"
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "global"), "ZIG_LOCAL_CACHE_DIR": str(cache / "local")}
    passed = {name: value for name, value in variables.items() if _is_harmless(name)}
    return {**caches, **passed, "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}


def _is_harmless(name: str) -> bool:
    return name.upper() in _HARMLESS or name.upper().startswith(_HARMLESS_BEGINNINGS)


@contextlib.contextmanager
def ended_by(stop: threading.Event) -> Iterator[None]:
    """Let another thread end the tools that this one runs, a compiler that hangs among them.

    Args:
        stop: set by that thread; then the tools are killed and each is a BuildError.
    """
    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


class _StopWithin(threading.Event):
    """Set as soon as another one is, which it does not set: who catches an error may go on building."""

    def __init__(self, outer: threading.Event | None) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        return super().is_set() or (self._outer is not None and self._outer.is_set())


def run_tool(
    tool: str,
    command: list[str],
    *,
    cwd: Path | None = None,
    timeout_s: float = 120.0,
    stop: threading.Event | None = None,
) -> str:
    """Run a tool and give back what it printed.

    Args:
        tool: its name, for people.
        command: program and arguments.
        cwd: where it is run; by default where temporary files are, since this process's folder may be gone.
        timeout_s: until it must have ended.
        stop: ends it when it is set; by default that of `ended_by`.
    Raises:
        BuildError: it cannot be started, takes too long, is ended, or fails; carries the command and the output.
    """
    stop = stop or _STOP.get() or threading.Event()
    if stop.is_set():
        raise BuildError(f"{tool} was not run any more", tool=tool, command=command, output="")
    folder = Path(tempfile.gettempdir()) if cwd is None else cwd
    try:
        done = run_program(command, timeout_s=timeout_s, cwd=folder, env=environment(), stop=stop)
    except OSError as error:
        message, hint = describe_no_start(tool, error)
        raise BuildError(message, hint=hint, tool=tool, command=command, output="") from error
    if done.exit_code == 0:
        return done.output
    if done.exit_code is not None:
        message, hint = describe_failure(tool, done, folder)
    else:
        message, hint = f"{tool} was still running after {timeout_s:.0f} s", ""
    if stop.is_set():
        message, hint = f"{tool} was ended", ""
    raise BuildError(
        message, hint=hint, tool=tool, command=command, output=done.output, exit_code=done.exit_code
    )


def run_tools(tool: str, commands: list[list[str]], *, cwd: Path) -> None:
    """Run several commands of one tool, as many at once as the computer has cores.

    Raises:
        BuildError: of the first command that failed. The others are ended then, as they are at an interrupt.
    """
    stop = _StopWithin(_STOP.get())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for result in [pool.submit(run_tool, tool, command, cwd=cwd, stop=stop) for command in commands]:
                result.result()
        except BaseException:
            stop.set()
            raise
