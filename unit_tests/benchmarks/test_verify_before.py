"""The comparison with an earlier version: a slower one is an error, and so is a commit that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import verify_before


@pytest.mark.parametrize(
    ("now_s", "quick", "slower"), [(1.0, False, False), (1.2, False, True), (1.2, True, False)]
)
def test_a_slower_version_fails(
    monkeypatch: pytest.MonkeyPatch, now_s: float, quick: bool, slower: bool
) -> None:
    """Medians of both versions, in each state of the caches; nothing is cached where that is said.

    Two rounds show no more than noise, and are not judged.
    """
    found: list[bool] = []

    def verify(tree: Path, cache: Path) -> tuple[float, float]:
        found.append(cache.exists())
        cache.mkdir(exist_ok=True)
        return (now_s if tree == verify_before.ROOT else 1.0), 2.0

    monkeypatch.setattr(verify_before, "_tree", lambda _commit, folder: folder)
    monkeypatch.setattr(verify_before, "_verify", verify)
    monkeypatch.setattr(verify_before, "ROUNDS", 2)
    if slower:
        with pytest.raises(RuntimeError, match="cached, nothing cached"):
            verify_before.measure(quick=quick)
    else:
        figures = verify_before.measure(quick=quick)
        assert [row["wall_ratio"] for row in figures.values()] == [now_s, now_s]
    assert found == [False] * 2 + [True] * 6 + [False] * 4


def test_an_unknown_commit_is_named() -> None:
    """As in a clone without its history."""
    with pytest.raises(RuntimeError, match="commit nosuch cannot be had"):
        verify_before.measure(commit="nosuch")
