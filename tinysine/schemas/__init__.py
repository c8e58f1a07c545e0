"""JSON Schemas of the documents that tinysine writes: `schema("evidence")`.

They are made of the declarations of what is recorded: `python -m benchmarks._record_pages` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a document, such as "evidence".

    Raises:
        FileNotFoundError: there is none of this name.
    """
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found
