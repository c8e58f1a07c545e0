"""Evidence that contradicts itself is refused, by the reader, and by the JSON Schema wherever that can say it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tinysine.errors import ConfigError
from tinysine.evidence import Document, from_document
from tinysine.evidence.consistency import RULES
from tinysine.record import from_json
from tinysine.schemas import schema

CASES = Path(__file__).parent / "cases" / "evidence"
VALIDATOR = jsonschema.Draft202012Validator(schema("evidence"))
ERROR = {"kind": "LinkTimeout", "message": "no answer", "hint": "plug it in", "exit_code": 3}
FAULT = dict.fromkeys(("pc", "lr", "xpsr", "cfsr", "hfsr", "mmfar", "bfar", "count"), 1)
WRONG = {"input": [1], "expected": [2], "got": [3]}
ROW = {
    "layer": 0,
    "operator": "ADD",
    "tensor": "y",
    "dtype": "int8",
    "values": 1,
    "checked": 5,
    "differing": 5,
}

Edit = Callable[[dict[str, Any]], object]
# What a JSON Schema can say, too.
LIES: dict[str, Edit] = {
    "a pass with a wrong answer": lambda d: d["outputs"].update(mismatches=1),
    "a pass with a difference": lambda d: d["outputs"].update(max_abs_diff=1),
    "a pass without a difference told": lambda d: d["outputs"].pop("max_abs_diff"),
    "a pass with a first wrong answer": lambda d: d["outputs"].update(
        first_mismatches=[{"index": 0} | WRONG]
    ),
    "a pass of nothing": lambda d: d["outputs"].update(checked=0),
    "a pass without answers": lambda d: d["outputs"].pop("device"),
    "a pass without inputs": lambda d: d["outputs"].pop("inputs"),
    "a pass without outputs": lambda d: d.pop("outputs"),
    "a pass without memory": lambda d: d.pop("memory"),
    "a pass with a finding": lambda d: d["findings"].append({"stage": "engine", "reason": "wrong"}),
    "a pass with an error": lambda d: d.update(error=ERROR),
    "a pass with a fault": lambda d: d.update(fault=FAULT | {"kind": "HARD", "stage": "IDLE"}),
    "a pass with a wrong answer of the soak": lambda d: d.update(
        soak={
            "wanted": 10,
            "asked": 10,
            "frames": 1,
            "resets": 0,
            "wrong": WRONG | {"number": 1, "since_reset": 1},
        }
    ),
    "a failure without a reason": lambda d: d.update(verdict="fail"),
    "a failure with an error": lambda d: d.update(
        verdict="fail", findings=[{"stage": "engine", "reason": "wrong"}], error=ERROR
    ),
    "an error without one": lambda d: d.update(verdict="error"),
    "no provenance": lambda d: d.pop("provenance"),
    "no board": lambda d: d.pop("board"),
    "a latency of zero": lambda d: d["latency"].update(min=0),
    "another schema": lambda d: d.update(schema="tinysine.evidence/2"),
}
# What compares numbers with each other.
BETWEEN: dict[str, Edit] = {
    "fewer checked than there are": lambda d: d["outputs"].update(checked=3),
    "more differ than were checked": lambda d: d.update(
        verdict="fail",
        findings=[{"stage": "engine", "reason": "wrong"}],
        outputs=d["outputs"] | {"mismatches": 257, "against": {}},
    ),
    "all of more than there are": lambda d: d["outputs"].update(domain_bits=9),
    "all of endlessly many": lambda d: d["outputs"].update(domain_bits=100_000),
    "another count against the reference": lambda d: d["outputs"]["against"]["litert"].update(mismatches=200),
    "other answers than expected": lambda d: d["outputs"].update(
        expected=[[code] for code, *_ in d["outputs"]["device"][1:]] + [[99]]
    ),
    "an answer that is missing": lambda d: d["outputs"]["device"].pop(),
    "more than the tolerance": lambda d: d["outputs"].update(max_abs_diff=2, tolerance=1, tolerated=0),
    "a soak that was cut short": lambda d: d.update(
        soak={"wanted": 10_000, "asked": 1, "frames": 1, "resets": 0}
    ),
    "a layer that differs": lambda d: d.update(layers={"reference": "litert", "rows": [ROW]}),
    "latency above the budget": lambda d: d["latency"].update(budget=1),
    "latency out of order": lambda d: d["latency"].update(min=10**9),
    "latency of other counts": lambda d: d["latency"].update(counts=[[1]]),
    "latency without the least": lambda d: d["latency"].pop("min"),
    "latency without the least, and absurd": lambda d: (
        d["latency"].pop("min"),
        d["latency"].update(median=1e9),
    ),
}


def edited(edit: Edit) -> dict[str, Any]:
    """Evidence of a pass, changed."""
    document: dict[str, Any] = copy.deepcopy(json.loads((CASES / "passed.json").read_text(encoding="utf-8")))
    edit(document)
    return document


@pytest.mark.parametrize("lie", [*LIES.values(), *BETWEEN.values()], ids=[*LIES, *BETWEEN])
def test_the_reader_refuses_a_lie(lie: Edit) -> None:
    """No comparison, gate or night is built on it."""
    with pytest.raises(ConfigError) as caught:
        from_document(edited(lie), file="changed.json")
    assert caught.value.message.startswith("changed.json ")


@pytest.mark.parametrize("lie", [*LIES.values(), lambda d: d.update(extra=1)], ids=[*LIES, "unknown field"])
def test_the_schema_refuses_a_lie(lie: Edit) -> None:
    """The schema itself rejects evidence that contradicts its verdict."""
    assert VALIDATOR.is_valid(edited(lambda _document: None))
    assert not VALIDATOR.is_valid(edited(lie))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_refuses_something_that_no_other_does(rule: Callable[[Document], str]) -> None:
    """None of the list could be left out."""
    alone = []
    for name, lie in (LIES | BETWEEN).items():
        try:
            document = from_json(edited(lie), Document, file="x")
        except ConfigError:
            continue  # its fields by themselves are wrong
        alone += [name] if [one for one in RULES if one(document)] == [rule] else []
    assert alone


def test_a_failure_is_not_made_a_pass_by_hand() -> None:
    """Its verdict, findings, counts and first wrong answers were changed; what was answered and due still differs."""
    document = edited(lambda d: d["outputs"].update(expected=[[0]] * 256))
    with pytest.raises(
        ConfigError, match="contradicts itself: 0 answers differ, and between device and expected"
    ):
        from_document(document, file="forged.json")
