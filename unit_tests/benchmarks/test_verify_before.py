"""The comparison with an earlier version: a slower one is an error, and so is a commit that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import verify_before


@pytest.mark.parametrize(("now_s", "slower"), [(1.0, False), (1.2, True)])
def test_a_slower_version_fails(monkeypatch: pytest.MonkeyPatch, now_s: float, slower: bool) -> None:
    """Medians of both versions, in each state of the caches; nothing is cached where that is said."""
    found: list[bool] = []

    def verify(tree: Path, cache: Path) -> tuple[float, float]:
        found.append(cache.exists())
        cache.mkdir(exist_ok=True)
        return (now_s if tree == verify_before.ROOT else 1.0), 2.0

    monkeypatch.setattr(verify_before, "_tree", lambda _commit, folder: folder)
    monkeypatch.setattr(verify_before, "_verify", verify)
    if slower:
        with pytest.raises(RuntimeError, match="cached, nothing cached"):
            verify_before.measure(quick=True)
    else:
        figures = verify_before.measure(quick=True)
        assert [row["wall_ratio"] for row in figures.values()] == [1.0, 1.0]
    assert found == [False] * 2 + [True] * 6 + [False] * 4


def test_an_unknown_commit_is_named() -> None:
    """As in a clone without its history."""
    with pytest.raises(RuntimeError, match="commit nosuch cannot be had"):
        verify_before.measure(commit="nosuch")
