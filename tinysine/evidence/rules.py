"""Rules between fields of evidence as JSON Schema says them: those of `consistency` that it can say."""

from __future__ import annotations

from typing import Any

_NUMBERED = "^(inputs|device|expected)_[0-9]+$"  # of several inputs or outputs, in the order of the file
_EQUAL = {
    "anyOf": [{"properties": {"max_abs_diff": {"const": 0}}}, {"required": ["tolerance"]}],
}
_PASS = {"properties": {"verdict": {"const": "pass"}}}
_FOREIGN = {"properties": {"firmware": {"const": "foreign"}}, "required": ["firmware"]}

RULES: dict[str, dict[str, Any]] = {
    "Document": {
        "allOf": [
            {
                "if": {"properties": {**_PASS["properties"], "provenance": {"not": _FOREIGN}}},
                "then": {"required": ["memory"]},
            },
            {
                "if": _PASS,
                "then": {
                    "required": ["outputs"],
                    "properties": {
                        "findings": {"maxItems": 0},
                        "soak": {"not": {"required": ["wrong"]}},
                        "outputs": {
                            "required": ["max_abs_diff"],
                            "oneOf": [{"$ref": "#/$defs/BothEnds"}, {"required": ["arrays"]}],
                            "anyOf": [*_EQUAL["anyOf"], {"required": ["tensors"]}],
                            "properties": {
                                "checked": {"minimum": 1},
                                "mismatches": {"const": 0},
                                "first_mismatches": {"maxItems": 0},
                                "inputs": {"minItems": 1},
                                "device": {"minItems": 1},
                                "tensors": {
                                    "items": {
                                        "required": ["max_abs_diff"],
                                        "properties": {"mismatches": {"const": 0}},
                                        **_EQUAL,
                                    }
                                },
                            },
                            "patternProperties": {_NUMBERED: {"minItems": 1}},
                        },
                    },
                    "not": {"anyOf": [{"required": ["error"]}, {"required": ["fault"]}]},
                },
            },
            {
                "if": {"properties": {"verdict": {"const": "fail"}}},
                "then": {"properties": {"findings": {"minItems": 1}}, "not": {"required": ["error"]}},
            },
            {
                "if": {"properties": {"verdict": {"const": "error"}}},
                "then": {"required": ["error"]},
                "else": {"required": ["provenance", "board"]},
            },
        ],
    },
    "Provenance": {"required": ["oracles", "tinysine_version", "python", "platform", "flaky"]},
    "BoardFacts": {"required": ["port"]},
    "Link": {"required": ["requests", "retries", "stale", "corrupt", "noise_bytes"]},
    "Outputs": {
        "patternProperties": {
            _NUMBERED: {"type": "array", "items": {"$ref": "#/$defs/Outputs/properties/inputs/items"}}
        },
    },
    "Arrays": {
        "type": "object",
        "additionalProperties": False,
        "allOf": [{"$ref": "#/$defs/BothEnds"}],
        "properties": {"file": {"type": "string", "minLength": 1}},
        "patternProperties": {"^(inputs|device|expected)(_[0-9]+)?$": {"$ref": "#/$defs/ArrayFacts"}},
    },
    "BothEnds": {
        "allOf": [
            {"anyOf": [{"required": ["inputs"]}, {"required": ["inputs_0", "inputs_1"]}]},
            {"anyOf": [{"required": ["device"]}, {"required": ["device_0", "device_1"]}]},
        ]
    },
    "LayerRow": {
        "oneOf": [{"required": ["not_asked"]}, {"required": ["dtype", "values", "checked", "differing"]}]
    },
}
