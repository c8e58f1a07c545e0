"""Write the JSON Schemas of tinysine's documents, and the tables of their pages, from what declares them.

`python -m benchmarks._record_pages`
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinysine.bench.boards_document import Boards
from tinysine.bench.night_report import NightSummary, figure_rules
from tinysine.evidence import Document
from tinysine.evidence.rules import RULES
from tinysine.record import Record
from tinysine.record_schema import fields_of, schema_of, table_of, table_of_words, tables_of
from tinysine.verdicts import Proof, Stage
from tinysine.verify.engines import EnginesTable
from trust.page import with_section

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Declared:
    """A document that tinysine writes.

    Attributes:
        kind: of the document.
        rules: what else its schema demands.
        page: below docs/, with the sections "document" and "fields"; "" for none.
        words: further sections, by name.
    """

    kind: type[Record]
    rules: dict[str, Any]
    page: str = ""
    words: dict[str, str] = field(default_factory=dict)


WORDS = {
    "proofs": table_of_words(Proof, "proof", "what the device's figure was compared with"),
    "stages": table_of_words(Stage, "stage", "what was seen"),
}


DOCUMENTS = {
    "boards": Declared(Boards, {}),
    "engines": Declared(EnginesTable, RULES),
    "evidence": Declared(Document, RULES, "evidence.md", WORDS),
    "night": Declared(NightSummary, figure_rules()),
}


def written() -> dict[Path, str]:
    """Return every file that is made of declarations, by its path in the repository, with what it has to hold."""
    files: dict[Path, str] = {}
    for name, declared in DOCUMENTS.items():
        schema = schema_of(declared.kind, declared.rules)
        files[Path("tinysine", "schemas", f"{name}.schema.json")] = json.dumps(schema, indent=2) + "\n"
        if not declared.page:
            continue
        page = Path("docs", declared.page)
        text = (ROOT / page).read_text(encoding="utf-8")
        text = with_section(text, "document", table_of(declared.kind, fields_of(declared.kind)))
        for section, table in declared.words.items():
            text = with_section(text, section, table)
        files[page] = with_section(text, "fields", tables_of(declared.kind))
    return files


def main() -> None:
    """Write them."""
    for path, text in written().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
