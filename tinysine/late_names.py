"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


def modules_of(names: Mapping[str, str]) -> dict[str, str]:
    """Return the module of each name.

    Args:
        names: by module of the package, the names in it, with blanks between them.
    """
    return {name: module for module, listed in names.items() for name in listed.split()}


def late_name(package: str, modules: Mapping[str, str], name: str) -> Any:
    """Import a name of a package; for its `__getattr__`.

    Args:
        package: its `__name__`.
        modules: as `modules_of` gives them.
        name: asked for.
    Raises:
        AttributeError: there is no such name.
    """
    if name not in modules:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
