"""Schemas and tables of documents: what is committed is what the declarations say."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from tinysine.evidence import Document
from tinysine.record_schema import fields_of
from tinysine.schemas import schema

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The writer, loaded from its file: the folder is no part of the installed package."""
    spec = importlib.util.spec_from_file_location("record_pages", ROOT / "benchmarks" / "_record_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


def test_what_is_committed_is_what_is_declared(writer: ModuleType) -> None:
    """A field that is changed and not written anew is found here: `python -m benchmarks._record_pages`."""
    for path, text in writer.written().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, path


def test_the_installed_schemas_are_those_of_the_repository(writer: ModuleType) -> None:
    """They travel with the package, and each is a JSON Schema."""
    for name in writer.DOCUMENTS:
        found = schema(name)
        jsonschema.Draft202012Validator.check_schema(found)
        assert '"$defs"' in (ROOT / "tinysine" / "schemas" / f"{name}.schema.json").read_text(
            encoding="utf-8"
        )
        assert found["properties"]["schema"]["enum"][0].startswith(f"tinysine.{name}/")


def test_every_field_says_what_it_is(writer: ModuleType) -> None:
    """A meaning each; a unit where the name has one."""
    for declared in writer.DOCUMENTS.values():
        for field in fields_of(declared.kind):
            assert field.meaning, field.path
            assert not field.meaning.endswith("."), field.path
            if re.search(r"_(bytes|hz|s)$", field.name) and field.name != "last_bytes":
                assert field.unit, field.path


def test_a_path_leads_through_lists_and_tables() -> None:
    """Such as the difference to one reference of one of several outputs."""
    paths = {field.path for field in fields_of(Document)}
    assert ("outputs", "tensors", "[]", "against", "NAME", "max_abs_diff") in paths
    assert ("memory", "flash_bytes") in paths
