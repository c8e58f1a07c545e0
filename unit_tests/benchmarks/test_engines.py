"""The comparison with bakenn's C: a network ends before its softmax, and more than half of the portable C is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import engines
from tinysine.graph import Network
from tinysine.tflite.graph_writer import GraphWriter


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A dense layer, then a softmax."""
    graph, rng = GraphWriter(), np.random.default_rng(0)
    first = graph.tensor("input", "int8", (1, 4), scale=0.1)
    weights = graph.tensor("weights", "int8", (3, 4), scale=0.1, data=rng.integers(-127, 128, (3, 4)))
    logits = graph.tensor("logits", "int8", (1, 3), scale=0.5)
    last = graph.tensor("output", "int8", (1, 3), scale=1 / 256, zero_point=-128)
    graph.operator("FULLY_CONNECTED", [first, weights, -1], [logits], "FullyConnectedOptions", {})
    graph.operator("SOFTMAX", [logits], [last], "SoftmaxOptions", {"beta": 1.0})
    path = tmp_path / "model.tflite"
    path.write_bytes(graph.finish([first], [last]))
    return path


def costs(instructions: dict[str, float]) -> Callable[[Network, str, str], dict[str, float]]:
    """Stand in for the measurement: figures by engine, and a look at what is measured."""

    def measured(model: Network, board: str, engine: str) -> dict[str, float]:
        del board
        assert [tensor.name for tensor in model.outputs] == ["logits"]
        return {"instructions": instructions[engine]} if engine in instructions else {}

    return measured


@pytest.mark.parametrize(
    "case",
    [(500, "microbit", 0), (501, "microbit", 1), (501, "nano33ble-sense", 0)],
)
def test_more_than_half_of_the_portable_code_fails(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[int, str, int],
) -> None:
    """On cores without dual multiply-accumulates alone, and without --prune; the ratios stand in the table."""
    generated, board, code = case
    monkeypatch.setattr(
        engines, "_measure", costs({"generated": generated, "generated, pruned": 600, "bakenn": 1000})
    )
    assert engines.main([str(file), "--board", board]) == code
    said = capsys.readouterr().out
    assert f"| model.tflite, {board}, generated | {generated} |  | {generated / 1000:g} |" in said
    assert f"| model.tflite, {board}, generated, pruned | 600 |  | 0.6 |" in said
    assert ("more than 0.5" in said) == bool(code)


def test_without_the_other_engine_there_is_no_ratio(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If bakenn refuses the model or is missing, the figure stands alone, and nothing is judged."""
    monkeypatch.setattr(engines, "_measure", costs({"generated": 7}))
    assert engines.main([str(file), "--board", "microbit"]) == 0
    assert "generated | 7 |  |  |" in capsys.readouterr().out
