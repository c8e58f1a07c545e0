"""The environment variables that tinysine reads, and those that cannot be meant."""

from __future__ import annotations

import contextlib
import difflib
import math
import os
from collections.abc import Iterator, Mapping

from tinysine.errors import ConfigError

FAMILY = "TINYSINE_"
PORT = FAMILY + "PORT"
BOARDS = FAMILY + "BOARDS"
LOCKS = FAMILY + "LOCKS"
TIMEOUT = FAMILY + "TIMEOUT"
# How long connecting to a board may take, by default: one that resets when its port is opened may boot for 5 s.
CONNECT_TIMEOUT_S = 8.0
NAMES = tuple(
    FAMILY + name
    for name in (
        *("BOARD", "PORT", "PROBE", "BENCH", "BOARDS", "MODEL"),
        *("ROUNDING", "OPTIMIZE", "PRUNE", "TOOLCHAIN", "TIMEOUT", "SOAK", "LOCKS"),
    )
)


def check_variables(variables: Mapping[str, str]) -> None:
    """Refuse variables by which somebody wanted something that would go unheard: a run would pass on the twin.

    Args:
        variables: the whole environment.
    Raises:
        ConfigError: one that looks like one of ours and is none (facts key, allowed, nearest); a port that is empty.
    """
    if variables.get(PORT) == "":
        raise ConfigError(
            f"environment variable {PORT} is empty",
            hint="name a port, auto, or twin; or unset it",
            key=PORT,
        )
    for name in variables:
        if not name.startswith(FAMILY) or name in NAMES:
            continue
        if close := difflib.get_close_matches(name, NAMES, n=1, cutoff=0.85):
            raise ConfigError(
                f"environment variable {name} means nothing",
                hint=f"did you mean {close[0]}?",
                key=name,
                allowed=NAMES,
                nearest=close[0],
            )


def connect_seconds(value: str | float, source: str) -> float:
    """How long connecting to a board may take, as somebody wrote it.

    Args:
        source: who wrote it: an option, a variable or a file.
    Raises:
        ConfigError: not a positive number of seconds.
    """
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigError(
            f"timeout {str(value)!r} (from {source}) is not a positive number of seconds",
            hint=f"such as {CONNECT_TIMEOUT_S:g} or 0.5",
            key="timeout",
        )
    return seconds


@contextlib.contextmanager
def variable_kept(name: str) -> Iterator[None]:
    """Leave an environment variable as it was before, set or unset, whatever is done to it meanwhile."""
    before = os.environ.get(name)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
