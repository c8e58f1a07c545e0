"""A board file that says only where it differs from another one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tinysine.boards.toml_file import read_toml, shown
from tinysine.errors import ConfigError

KEY = "based_on"
CATALOGUE = Path(__file__).parent / "catalogue"
_STEM = re.compile(r"[^/\\]+")
_NAME_ONE = "name another board file of the same folder, or of tinysine's catalogue"


def with_its_base(table: dict[str, Any], file: Path) -> dict[str, Any]:
    """The table of a board file, with what its base says where it is silent itself.

    Args:
        table: of `file`. Its key `based_on` names another file of the same folder, or else of tinysine's own,
            without ".toml". A table in it stands for the base's whole table; only [sources] adds to the base's.
        file: where `table` is from.
    Returns:
        A table without the key; `table` itself if it has no base.
    Raises:
        ConfigError: the base is missing, is no TOML, is `file` itself, or has a base itself.
    """
    if KEY not in table:
        return table
    name = table[KEY]

    def refusal(what: str, hint: str) -> ConfigError:
        return ConfigError(f"{file.name}: {KEY} is {shown(name)}, {what}", hint=hint, file=str(file), key=KEY)

    if not isinstance(name, str) or not _STEM.fullmatch(name) or not name.isprintable():
        raise refusal("which is not the name of a board file", _NAME_ONE)
    base_file = file.with_name(f"{name}.toml")
    if not base_file.exists() and (CATALOGUE / base_file.name).exists():
        base_file = CATALOGUE / base_file.name
    if base_file == file:
        raise refusal("which is this file itself", _NAME_ONE)
    try:
        base = read_toml(base_file, what="board file")
    except ConfigError as error:
        raise refusal(f"and {base_file.name} cannot be read: {error.message}", _NAME_ONE) from error
    if KEY in base:
        raise refusal("which has a base itself", f"base it on {shown(base[KEY])}")
    own = {key: value for key, value in table.items() if key != KEY}
    sources = base.get("sources", {}), own.get("sources", {})
    if not all(isinstance(texts, dict) for texts in sources):
        return {**base, **own}  # whoever checks the values says what is wrong
    return {**base, **own, "sources": {**sources[0], **sources[1]}}
