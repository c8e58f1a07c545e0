"""The table of engines: who is in it, what a refusal counts, and what it is compared with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from msgspec import structs
from typer.testing import CliRunner

from tinysine.commands.app import app
from tinysine.commands.engines import engines
from tinysine.commands.engines_shown import show_engines
from tinysine.errors import BuildError, ConfigError, LinkTimeout, ModelError, TinysineError
from tinysine.evidence import BoardFacts, Evidence, Provenance
from tinysine.image import recipes
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.schemas import schema as schema_of_document
from tinysine.tflite.graph_writer import GraphWriter
from tinysine.verdicts import Finding, LatencyVerdict, Stage, judge_latency, judge_outputs
from tinysine.verify.engines import (
    Contestant,
    EngineRow,
    baseline,
    cause_of_rows,
    contestants,
    judge,
    merged,
    ratio,
    to_table,
)

ROOT = Path(__file__).parents[2]
ENGINES = ROOT / "unit_tests" / "cases" / "engines"
CONVOLUTIONS = ROOT / "unit_tests" / "cases" / "conv_residual.tflite"
SCHEMA = schema_of_document("evidence")
WHEN = "2026-01-01T00:00:00.000Z"


def evidence(*, cost: int | None = None, wrong: str = "") -> Evidence:
    """Return the evidence of `verify`, with the fields that the table reads."""
    return Evidence(
        verdict="fail" if wrong else "pass",
        provenance=Provenance(
            model_file="x.tflite", rounding="litert", seed=0, started_utc=WHEN, finished_utc=WHEN
        ),
        board=BoardFacts("host", "host", "", 0),
        findings=(Finding(Stage.FIRMWARE, wrong),) if wrong else (),
        latency=None if cost is None else latency(cost),
    )


def latency(cost: int) -> LatencyVerdict:
    """One that was measured in instructions, and always the same."""
    return judge_latency([[cost] * 4] * 4, unit="instructions", overhead=0)


def row(
    name: str, *, error: TinysineError | None = None, is_asked_for: bool = False, **told: object
) -> EngineRow:
    """An engine, judged or refused."""
    judged = None if error else evidence(**told)  # type: ignore[arg-type]
    return EngineRow(name, "", ("litert",), judged, error, is_asked_for)


REFUSALS = (ConfigError("a"), ModelError("b"), BuildError("c"))


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([row("a"), *(row("x", error=refusal) for refusal in REFUSALS)], 0),
        ([row("a"), row("b", wrong="it differs")], 1),
        ([row("a"), row("b", error=LinkTimeout("silent"))], 3),
        ([row("a", wrong="it differs"), row("b", error=LinkTimeout("silent"))], 1),
        ([row("x", error=refusal) for refusal in REFUSALS], 2),
        ([row("x", error=BuildError("c"))], 3),
        ([], 3),
        ([row("a"), row("x", error=ConfigError("a"), is_asked_for=True)], 2),
        ([row("a"), row("x", error=ModelError("b"), is_asked_for=True)], 2),
        ([row("a"), row("x", error=BuildError("c"), is_asked_for=True)], 3),
        ([row("a", wrong="it differs"), row("x", error=BuildError("c"), is_asked_for=True)], 1),
        ([row("a", is_asked_for=True), row("a", error=ModelError("b"), is_asked_for=True)], 0),
        ([row("a", is_asked_for=True), row("x", error=ModelError("b"))], 0),
    ],
)
def test_exit_code_is_of_those_that_were_judged(rows: list[EngineRow], code: int) -> None:
    """A refusal counts if no engine was judged, or if it is of one that was asked for and never judged."""
    assert cause_of_rows(rows).exit_code == code


def test_the_help_says_what_an_engine_that_does_not_compile_ends_with() -> None:
    """As docs/your-engine.md does: it is the user's own source, so bad input, not the bench."""
    error = ConfigError("the engine mine does not compile")
    assert cause_of_rows([row("a"), row("mine", error=error, is_asked_for=True)]).exit_code == 2
    codes = " ".join((engines.__doc__ or "").partition("Exit codes:")[2].split())
    bad_input = codes.partition(" 2 ")[2].partition(" 3 ")[0]
    assert "does not compile" in bad_input
    page = " ".join((ROOT / "docs" / "your-engine.md").read_text(encoding="utf-8").split())
    assert "A folder that cannot be built is an error with exit code 2" in page


def test_others_are_compared_with_the_first_that_passed() -> None:
    """A wrong engine is none to be compared with, and where nothing was timed there is no ratio."""
    rows = [row("wrong", cost=5, wrong="x"), row("untimed"), row("first", cost=100), row("slow", cost=250)]
    base = baseline(rows)
    assert base is rows[2]
    assert [ratio(one, base) for one in rows] == [0.05, None, 1.0, 2.5]
    assert ratio(rows[3], None) is None


def test_a_refusal_whatever_is_asked_is_one_row() -> None:
    """But not two of different engines, or for different reasons."""
    rows = [
        EngineRow("a", "", (reference,), error=ModelError("no such operator")) for reference in INTERPRETED
    ] + [row("b", error=ModelError("no such operator")), row("b", error=ModelError("another")), row("b")]
    assert [(one.engine, one.references) for one in merged(rows)] == [
        ("a", ("litert", "tflm")),
        ("b", ("litert",)),
        ("b", ("litert",)),
        ("b", ("litert",)),
    ]


def test_every_engine_that_is_at_hand_is_asked_as_what_it_answers(tmp_path: Path) -> None:
    """The generated one both ways, recipes and a folder as their engine.toml says, each once."""
    folder = shutil.copytree(ENGINES / "dense", tmp_path / "mine")
    file = folder / "engine.toml"
    file.write_text('references = ["litert"]\n' + file.read_text())
    found = list(contestants([folder, folder, "bakenn"]))
    assert {one.name for one in found if one.is_asked_for} == {"dense", "bakenn"}
    assert {one.name for one in contestants(["generated"]) if one.is_asked_for} == {"generated"}
    told = [(one.name, one.rounding and one.rounding.value) for one in found]
    assert told[:2] == [("generated", "litert"), ("generated", "tflm")]
    assert told[-1] == ("dense", "litert")
    assert len(told) == len(set(told))
    assert {name for name, _ in told} == {"generated", "dense", *recipes()}
    assert ("bakenn", "tflm") in told
    assert ("bakenn", "litert") not in told


def test_an_engine_that_cannot_be_read_has_a_row() -> None:
    """Such as a recipe whose variables are not set; nobody asks for it."""
    refusal = ConfigError("needs a variable that is not set")
    asked = cast("Callable[..., Evidence]", None)
    assert judge(Contestant("tflm", refusal=refusal), asked).error is refusal


def test_estimated_cycles_have_a_column_where_there_are_any(capsys: pytest.CaptureFixture[str]) -> None:
    """Empty for an engine of which none are known; without any, no column."""
    codes = np.arange(-32, 32, dtype=np.int8).reshape(64, 1)
    outputs = judge_outputs(inputs=codes, device=codes, answers={"litert": codes}, rounding=Rounding.LITERT)
    rows = [row("a", cost=100), row("b", cost=200)]
    for number, one in enumerate(rows):
        assert one.evidence is not None
        assert one.evidence.latency is not None
        judged = structs.replace(one.evidence.latency, estimated_cycles=None if number else 1234.4)
        rows[number] = replace(one, evidence=replace(one.evidence, outputs=outputs, latency=judged))
    show_engines(rows, title="x.tflite on host")
    shown = capsys.readouterr().out
    assert "estimated cycles" in shown
    assert "1,234" in shown
    show_engines(rows[1:], title="x.tflite on host")
    assert "estimated" not in capsys.readouterr().out


def test_a_table_of_all_answers_is_a_line_below(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no row of the table or of the JSON, and a wrong one ends it as a wrong engine would."""
    rows = [row("a", cost=100)]
    show_engines(rows, title="x.tflite on host", as_table=row("generated", cost=8))
    assert (
        "beside them, a table of all 256 answers (--optimize table): 8 instructions"
        in capsys.readouterr().out
    )
    wrong = row("generated", wrong="it differs")
    show_engines(rows, title="x.tflite on host", as_table=wrong)
    assert "table of all 256 answers: wrong: firmware: it differs" in capsys.readouterr().out
    told = to_table(rows, model_file="x.tflite", board="host", as_table=wrong)
    assert [one["engine"] for one in told["engines"]] == ["a"]
    assert (told["as_table"]["state"], told["exit_code"]) == ("fail", 1)
    assert "as_table" not in to_table(rows, model_file="x.tflite", board="host")


def test_what_is_wrong_is_one_line_below(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own words; and where there is no row at all, that is said."""
    show_engines([row("mine", error=BuildError("no\nsuch operator"))], title="x.tflite on host")
    show_engines([row("other", wrong="it faulted")], title="x.tflite on host")
    assert capsys.readouterr().out.splitlines() == [
        "mine  refused with --reference litert: no such operator",
        "no engine that is at hand can be judged on x.tflite on host",
        "other  wrong with --reference litert: firmware: it faulted",
    ]


def table(*arguments: object) -> tuple[int, str]:
    """Run the command on this computer."""
    done = CliRunner().invoke(app, ["engines", *map(str, arguments), "--board", "host"])
    assert done.exception is None or isinstance(done.exception, SystemExit | TinysineError)
    return getattr(done.exception, "exit_code", done.exit_code), f"{done.stdout}{done.exception or ''}"


def test_the_table_keeps_to_its_schema() -> None:
    """An engine that was refused has its reason, one that was judged its evidence; what is not known is absent."""
    refusal = ConfigError("needs a variable that is not set", hint="set it")
    rows = [row("tflm", error=refusal), EngineRow("mine", "/mine", ("litert",), evidence(wrong="it crashed"))]
    document = to_table(rows, model_file="x.tflite", board="host")
    Draft202012Validator(schema_of_document("engines")).validate(document)
    refused, judged = document["engines"]
    assert (refused["state"], refused["reason"], refused["hint"]) == (
        "refused",
        "needs a variable that is not set",
        "set it",
    )
    assert not {"ratio", "evidence"} & set(refused)
    assert judged["folder"] == "/mine"
    assert judged["evidence"]["findings"] == [{"stage": "firmware", "reason": "it crashed"}]
    assert list(document) == ["schema", "exit_code", "model_file", "board", "engines"]


@pytest.mark.long
def test_engines_of_the_sine_are_compared(tmp_path: Path) -> None:
    """One that is wrong fails the whole, is named, and its evidence is there as that of the others."""
    broken = shutil.copytree(ENGINES / "dense", tmp_path / "broken")
    source = (broken / "engine.c").read_text()
    assert "scaled + 0.5)" in source
    (broken / "engine.c").write_text(source.replace("scaled + 0.5)", "scaled + 0.75)"))
    (broken / "engine.toml").write_text(
        (broken / "engine.toml").read_text().replace('"dense"', '"broken"\nreferences = ["litert"]')
    )
    file = tmp_path / "table.json"
    code, text = table(REFERENCE_MODEL, "--engine", broken, "--json", file)
    assert code == 1, text
    document = json.loads(file.read_text())
    rows = {(one["engine"], *one["references"]): one for one in document["engines"]}
    assert document["exit_code"] == 1
    assert {state for one in document["engines"] if (state := one["state"])} <= {"pass", "fail", "refused"}
    assert rows["generated", "litert"]["state"] == rows["generated", "tflm"]["state"] == "pass"
    assert rows["broken", "litert"]["state"] == "fail"
    assert rows["broken", "litert"]["folder"] == str(broken)
    for one in document["engines"]:
        if "evidence" in one:
            Draft202012Validator(SCHEMA).validate(one["evidence"])
    lines = [line.split() for line in text.splitlines()]
    assert [line[0] for line in lines if line[-1:] == ["litert"]][:1] == ["generated"]
    assert any(line[:5] == ["broken", "wrong", "with", "--reference", "litert:"] for line in lines), text


def test_a_model_that_no_engine_takes_is_bad_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each says why, in a line that names the operator."""
    monkeypatch.setattr("tinysine.verify.engines.recipes", tuple)
    graph = GraphWriter()
    ends = [graph.tensor(name, "int8", [1, 4], scale=0.5) for name in ("x", "y")]
    graph.operator("RSQRT", ends[:1], ends[1:])
    file = tmp_path / "rsqrt.tflite"
    file.write_bytes(graph.finish(ends[:1], ends[1:]))
    code, text = table(file)
    assert code == 2
    assert text.startswith("generated  refused: ")
    assert "RSQRT" in text.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([REFERENCE_MODEL, "--engine", "nowhere"], "there is no engine 'nowhere'"),
        (["nowhere.tflite"], "nowhere.tflite"),
        ([CONVOLUTIONS, "--inputs", "3"], "too few for a verdict"),
        ([REFERENCE_MODEL, "--tolerance-abs", "1"], "--tolerance-abs is for float32 outputs"),
    ],
)
def test_what_concerns_all_of_them_ends_it_at_once(arguments: list[object], said: str) -> None:
    """Before anything is built, in one line."""
    code, text = table(*arguments)
    assert code == 2
    assert said in text
    assert "\n" not in text
