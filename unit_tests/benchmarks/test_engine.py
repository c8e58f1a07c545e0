"""The figures of the sine: pruned engines and tables of answers stand beside the engines, never among them."""

from __future__ import annotations

import pytest

from benchmarks import engine
from tinysine.boards import Board, load_board
from tinysine.image import BuildOptions


def test_pruned_engines_and_tables_stand_beside_the_engines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of them that cannot be measured has no row."""

    def measured(_name: str, _board: Board, options: BuildOptions) -> dict[str, float]:
        if options.optimize == "size" and options.prune:
            return {}
        return {"instructions": 207 if options.prune else 8 if options.optimize == "table" else 327}

    monkeypatch.setattr(engine, "_measure", measured)
    monkeypatch.setattr(engine, "list_boards", lambda: [load_board("nano33ble-sense"), load_board("host")])
    figures = engine.measure(quick=True)
    own, pruned, tables = capsys.readouterr().out.split("\nBeside them, with ")
    (toolchain,) = {name.split()[1] for name in figures}
    name = f"nano33ble-sense {toolchain}"
    assert own.count(f"| {name} ") == own.count("| 327 |") == 4
    assert pruned.startswith("`--prune`:")
    assert pruned.count(f"| {name} speed ") == pruned.count("| 207 |") == pruned.count(" pruned |") == 2
    assert tables.startswith("`--optimize table`:")
    assert f"| {name} table | 8 |" in tables
    assert len(figures) == 7
