"""A board file that says only where it differs from another one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tinysine.errors import ConfigError

KEY = "based_on"
CATALOGUE = Path(__file__).parent / "catalogue"


def with_its_base(table: dict[str, Any], file: Path) -> dict[str, Any]:
    """The table of a board file, with what its base says where it is silent itself.

    Args:
        table: of `file`. Its key `based_on` names another file of the same folder, or else of tinysine's own,
            without ".toml". A table in it stands for the base's whole table; only [sources] adds to the base's.
        file: where `table` is from.
    Returns:
        A table without the key; `table` itself if it has no base.
    Raises:
        ConfigError: the base is missing, is no TOML, or has a base itself.
    """
    if KEY not in table:
        return table
    own = {key: value for key, value in table.items() if key != KEY}
    base_file = file.with_name(f"{table[KEY]}.toml")
    if not base_file.exists() and (CATALOGUE / base_file.name).exists():
        base_file = CATALOGUE / base_file.name
    try:
        base = tomllib.loads(base_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file.name}: {KEY} is {table[KEY]!r}, and {base_file.name} cannot be read: {error}",
            hint="name a board file of the same folder, or of tinysine's catalogue",
            file=str(file),
            key=KEY,
        ) from error
    if KEY in base:
        raise ConfigError(
            f"{file.name}: {KEY} is {table[KEY]!r}, which has a base itself",
            hint=f"base it on {base[KEY]!r}",
            file=str(file),
            key=KEY,
        )
    sources = {"sources": {**base.get("sources", {}), **own.get("sources", {})}}
    return {**base, **own, **sources}
