"""The environment variables that tinysine reads, and those that are nearly called so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tinysine.errors import ConfigError

FAMILY = "TINYSINE_"
NAMES = tuple(
    FAMILY + name
    for name in (
        *("BOARD", "PORT", "PROBE", "BENCH", "BOARDS", "MODEL"),
        *("ROUNDING", "OPTIMIZE", "PRUNE", "TOOLCHAIN", "TIMEOUT"),
    )
)


def refuse_misspelt(variables: Iterable[str]) -> None:
    """Refuse a variable that looks like one of ours and is none: what it was to say would go unheard.

    Args:
        variables: the names of all that are set.
    Raises:
        ConfigError: with the one that was meant; facts key, allowed, nearest.
    """
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
