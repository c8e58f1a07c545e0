"""Two runs: what is better, what is worse, and what cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.errors import ConfigError
from tinysine.history import History, HistoryRun, KeptRun, choose_run, compare_runs

Make = Callable[..., HistoryRun]


def test_one_instruction_more_is_worse_and_more_accuracy_is_better(run_with: Make) -> None:
    """Each figure by the way that it improves; layers by themselves."""
    found = compare_runs(run_with(), run_with(figures={"latency.median": 332, "classes.device": 0.91}))
    told = {change.name: change.judgement for change in found.changes}
    assert told == {
        "latency.median": "worse",
        "memory.flash_bytes": "same",
        "classes.device": "better",
        "layers.rows.cost": "same",
    }
    assert found.reasons == ()
    assert found.worse[0].percent == pytest.approx(0.302, abs=0.001)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("model_sha256", "f" * 64, "the model changed: 000000000000 before, ffffffffffff now"),
        ("engine", "bakenn", "the engine changed: generated before, bakenn now"),
        ("toolchain", "zig 0.13", "the toolchain changed: gcc 12 before, zig 0.13 now"),
        ("board", "host", "the board changed: nano33ble-sense before, host now"),
        ("prune", True, "the pruning changed: no before, yes now"),
    ],
)
def test_another_model_engine_or_tool_is_the_reason_and_both_figures_are_shown(
    run_with: Make, field: str, value: object, said: str
) -> None:
    """Nothing is judged then, and nothing is hidden."""
    found = compare_runs(run_with(), run_with(figures={"latency.median": 2289}, **{field: value}))
    assert found.reasons == (said,)
    assert found.worse == ()
    (latency,) = [change for change in found.changes if change.name == "latency.median"]
    assert (latency.before, latency.after, latency.judgement) == (331, 2289, "not judged")


def test_another_clock_is_the_reason_for_its_figure_alone(run_with: Make) -> None:
    """Instructions are not cycles; bytes are still bytes."""
    before = run_with()
    after = run_with(figures={"memory.flash_bytes": 8000})
    changed = tuple(
        type(f)(f.name, f.value, "cycles" if f.unit == "instructions" else f.unit, f.part, f.better)
        for f in after.figures
    )
    found = compare_runs(before, _with_figures(after, changed))
    told = {change.name: change.judgement for change in found.changes}
    assert told["latency.median"] == "not judged"
    assert told["memory.flash_bytes"] == "worse"
    assert any("counted in instructions before, and in cycles now" in reason for reason in found.reasons)


@pytest.mark.parametrize(("then", "now"), [("a" * 64, "b" * 64), ("", "b" * 64), ("a" * 64, "")])
def test_other_data_are_the_reason_for_all_but_memory(run_with: Make, then: str, now: str) -> None:
    """An accuracy on other inputs is no worse one; accuracy that is not measured any more is not missed."""
    figures = {"latency.median": 340, "classes.device": 0.1, "memory.flash_bytes": 8000}
    found = compare_runs(run_with(data_sha256=then), run_with(data_sha256=now, figures=figures))
    told = {change.name: change.judgement for change in found.changes}
    assert told == {
        "latency.median": "not judged",
        "memory.flash_bytes": "worse",
        "classes.device": "not judged",
        "layers.rows.cost": "same",
    }
    (reason,) = found.reasons
    assert f"the data changed: {then[:12] or 'none'} before, {now[:12] or 'none'} now" in reason
    assert not compare_runs(
        run_with(data_sha256=then), _with_figures(run_with(data_sha256=now), run_with().figures[:2])
    ).worse


def _with_figures(run: HistoryRun, figures: tuple[object, ...]) -> HistoryRun:
    facts = {name: getattr(run, name) for name in run.__struct_fields__}
    return HistoryRun(**facts | {"figures": figures})  # type: ignore[arg-type]


def test_a_noisy_clock_is_not_judged(run_with: Make) -> None:
    """Nanoseconds of a computer differ from run to run."""
    found = compare_runs(run_with(unit="ns"), run_with(unit="ns", figures={"latency.median": 900}))
    assert found.worse == ()
    assert "a computer's clock is noisy" in found.reasons


@pytest.mark.parametrize(("kind", "judged"), [("hardware", False), ("emulated", True)])
def test_another_chip_is_the_reason_on_hardware(
    run_with: Make, tmp_path: Path, kind: str, judged: bool
) -> None:
    """Two boards of one type have clocks of their own; a twin has a new id each time, and is the same all the same."""
    left, right = (run_with(kind=kind, unique_id=id * 16, place=id) for id in "ab")
    worse = run_with(kind=kind, unique_id="b" * 16, figures={"latency.median": 332})
    found = compare_runs(left, worse)
    assert bool(found.worse) is judged
    assert (f"the chip is another one: {'a' * 16} before, {'b' * 16} now" in found.reasons) is not judged
    with History(tmp_path / "h.sqlite") as history:
        history.add([right, left])
        last = choose_run("last-pass", history=history, like=worse)
        assert getattr(last, "number", None) == (2 if judged else 1)


def test_runs_of_a_board_are_found_by_its_id(run_with: Make, tmp_path: Path) -> None:
    """Of two boards of one type the history tells which, and a board without an id is told by its name."""
    with History(tmp_path / "h.sqlite") as history:
        history.add(
            [run_with(place="left"), run_with(place="right"), run_with(place="/dev/ttyUSB0"), run_with()]
        )
        titles = [kept.run.title for kept in reversed(history.runs())]
        assert titles == ["left (nano33ble-sense)", "right (nano33ble-sense)", *["nano33ble-sense"] * 2]
        assert [kept.number for kept in history.runs(of="left")] == [1]
        assert len(history.runs(of="nano33ble-sense")) == 4
        assert history.runs(of="nobody") == []
        last = choose_run("last-pass", history=history, like=run_with(place="left"))
        assert getattr(last, "number", None) == 4, "that run does not say which it was"
        assert [kept.number for kept in history.runs(like=run_with(place="left"))] == [4, 1]
        assert len(history.runs(like=run_with())) == 4


def test_layers_are_compared_where_both_runs_have_them(run_with: Make) -> None:
    """A run that did not look at its layers has lost none; of two that did, a layer that is gone is missed."""
    with_layers = run_with()
    *others, layer = with_layers.figures
    without = _with_figures(with_layers, tuple(others))
    for before, after in ((with_layers, without), (without, with_layers)):
        found = compare_runs(before, after)
        assert [change.name for change in found.alone] == ["layers.rows.cost"]
        assert {change.judgement for change in found.changes} == {"same"}
        assert found.worse == ()
    two = type(layer)(layer.name, 5, layer.unit, "layer 1 (MUL)", layer.better)
    found = compare_runs(_with_figures(with_layers, (*with_layers.figures, two)), with_layers)
    assert [(change.part, change.judgement) for change in found.worse] == [("layer 1 (MUL)", "gone")]
    assert found.alone == ()


def test_a_figure_that_is_new_or_gone_is_named(run_with: Make) -> None:
    """One that is gone is worse, for nobody can say that it is not; of another model it is no wonder."""
    before, after = run_with(), _with_figures(run_with(), run_with().figures[1:])
    found = compare_runs(before, after)
    assert {c.name: c.judgement for c in found.changes}["latency.median"] == "gone"
    assert [change.name for change in found.worse] == ["latency.median"]
    found = compare_runs(after, before)
    assert {c.name: c.judgement for c in found.changes}["latency.median"] == "new"
    assert found.worse == ()
    assert compare_runs(before, _with_figures(run_with(model_sha256="f" * 64), ())).worse == ()


def test_runs_are_found_by_what_people_type(run_with: Make, tmp_path: Path) -> None:
    """A number, last, last-pass before it of the same board, and a commit's beginning."""
    with History(tmp_path / "h.sqlite") as history:
        history.add(
            [
                run_with(commit="aaaaaaaa1111"),
                run_with(board="host"),
                run_with(verdict="fail", commit="bbbbbbbb2222"),
                run_with(verdict="fail"),
            ]
        )
        last = choose_run("last", history=history)
        assert isinstance(last, KeptRun)
        names = {"last-pass": 1, "last": 3, "2": 2, "aaaaaaa": 1, "bbbbbbbb22": 3}
        for name, number in names.items():
            found = choose_run(name, history=history, like=last)
            assert isinstance(found, KeptRun)
            assert found.number == number, name
            assert found.run.figures
        assert getattr(choose_run("last", history=history, board="host"), "number", None) == 2
        for name in ("99", "nonsense", "ccccccc", "none.json"):
            with pytest.raises(ConfigError, match=name) as caught:
                choose_run(name, history=history)
            assert "last-pass" in caught.value.hint


def test_without_a_history_only_files_are_meant(tmp_path: Path) -> None:
    """And a file that is no evidence is refused by its name."""
    with pytest.raises(ConfigError, match="no file of evidence"):
        choose_run("last", history=None)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"x\.json"):
        choose_run(str(tmp_path / "x.json"), history=None)
