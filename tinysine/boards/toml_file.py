"""TOML that somebody wrote by hand: read, or refused in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tinysine.errors import ConfigError
from tinysine.regular_files import read_regular

MOST_BYTES = 1 << 20  # a board file has a few thousand
_LONGEST = 200


def read_toml(file: Path, *, what: str, hint: str = "") -> dict[str, Any]:
    """A TOML file as a table.

    Args:
        what: the file is, for people.
        hint: where it says how such a file is written.
    Raises:
        ConfigError: it cannot be read, or is no TOML; fact `file`.
    """
    try:
        return tomllib.loads(read_regular(file, most_bytes=MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the {what} {file}: {error.strerror or error}", file=str(file)
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{file} is not TOML: nested too deeply", hint=hint, file=str(file)) from error
    except (
        ValueError
    ) as error:  # bytes that are no text, numbers of thousands of digits, and what tomllib calls so
        raise ConfigError(f"{file} is not TOML: {error}", hint=hint, file=str(file)) from error


def shown(value: object) -> str:
    """A value of a TOML file as a message has it: not longer than anybody reads."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number beyond all bounds"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
