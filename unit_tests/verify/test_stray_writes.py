"""A generated engine that writes where it may not: the core that runs it says so, whatever the answers are."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import tinysine.codegen
from tinysine.boards import load_board
from tinysine.codegen import GeneratedEngine, generate
from tinysine.evidence import Evidence
from tinysine.verify import Question, verify

CASES = Path(__file__).parents[1] / "cases"
MODELS = {"chain": CASES / "m7_64_16_10_f.tflite", "graph": CASES / "conv_residual.tflite"}
INVOKE = "int ts_engine_invoke(void) {\n"
# A write of one byte, once the engine is at work, and what the finding says was hit.
ELSEWHERE = {
    "behind its arena": ("(uintptr_t)ts_engine_arena + sizeof ts_engine_arena", ""),
    "into its input": ("(uintptr_t)ts_engine_ends.input", "(ts_engine_ends)"),
    "to another's variable": ("(uintptr_t)&ts_engine_other + 2", "(ts_engine_other+2)"),
    "above its stack": ("(uintptr_t)__builtin_frame_address(0) + 64", ""),
}
OTHER = "uint8_t ts_engine_other[4];\n"


def judged(model: str, board: str, place: str | None, monkeypatch: pytest.MonkeyPatch) -> Evidence:
    """The evidence of an engine that keeps what it finds at a place, but writes it."""

    def broken(*arguments: Any, **options: Any) -> GeneratedEngine:
        engine = generate(*arguments, **options)
        assert engine.source.count(INVOKE) == 1
        begin, end = engine.source.split(INVOKE)
        write = f"    volatile uint8_t *at = (volatile uint8_t *)({place});\n    *at = *at;\n"
        return dataclasses.replace(engine, source=f"{begin}{OTHER}{INVOKE}{write if place else ''}{end}")

    monkeypatch.setattr(tinysine.codegen, "generate", broken)
    return verify(MODELS[model], board=load_board(board), question=Question(samples=64))


@pytest.mark.parametrize(
    ("model", "board", "where"),
    [
        ("graph", "nano33ble-sense", "behind its arena"),
        pytest.param("chain", "nano33ble-sense", "into its input", marks=pytest.mark.long),
        pytest.param("graph", "nano33ble-sense", "to another's variable", marks=pytest.mark.long),
        pytest.param("chain", "nano33ble-sense", "above its stack", marks=pytest.mark.long),
        pytest.param("graph", "qemu:mps2-an386", "into its input", marks=pytest.mark.long),
        pytest.param("chain", "qemu:mps2-an386", "behind its arena", marks=pytest.mark.long),
    ],
)
def test_a_write_elsewhere_fails_with_what_it_hit(
    model: str, board: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All answers are right, since it writes what was there: twin and emulated core see it all the same."""
    place, hit = ELSEWHERE[where]
    evidence = judged(model, board, place, monkeypatch)
    assert evidence.outputs is not None
    assert evidence.outputs.passed
    assert (evidence.verdict, evidence.exit_code) == ("fail", 1)
    (said,) = [str(finding) for finding in evidence.findings if "outside its arena" in str(finding)]
    assert "it wrote outside its arena, its outputs and its stack: to 0x" in said
    assert hit in said
    assert "by the instruction at 0x" in said
    assert "(ts_engine_invoke" in said


@pytest.mark.parametrize("model", [pytest.param("chain", marks=pytest.mark.long), "graph"])
def test_a_sound_engine_is_left_alone(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same change of its source, without the write."""
    assert judged(model, "nano33ble-sense", None, monkeypatch).verdict == "pass"
