"""The environment: variables that cannot be meant are refused, and one that is changed is put back."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterator, Mapping

from tinysine.errors import ConfigError
from tinysine.settings import FAMILY, PORT, VARIABLES


def check_variables(variables: Mapping[str, str]) -> None:
    """Refuse variables that would be passed over in silence: a run would pass on the twin.

    Args:
        variables: the whole environment.
    Raises:
        ConfigError: one that looks like one of ours and is none (facts key, allowed, nearest); a port that is empty.
    """
    if variables.get(PORT.variable) == "":
        raise ConfigError(
            f"environment variable {PORT.variable} is empty",
            hint="name a port, auto, or twin; or unset it",
            key=PORT.variable,
        )
    for name in variables:
        if not name.startswith(FAMILY) or name in VARIABLES:
            continue
        if close := difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85):
            raise ConfigError(
                f"environment variable {name} means nothing",
                hint=f"did you mean {close[0]}?",
                key=name,
                allowed=VARIABLES,
                nearest=close[0],
            )


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
