"""Gates: what they mean, what they judge, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.errors import ConfigError
from tinysine.history import History, HistoryRun, judge_gates, judge_run, need_history, read_gates

Make = Callable[..., HistoryRun]


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        ("flash_bytes <= 7348", True),
        ("memory.flash_bytes<=7347", False),
        ("instructions <= 331", True),
        ("latency <= 330", False),
        ("cycles <= 1000000", False),
        ("classes.device >= 0.9", True),
        ("classes.device >= 0.91", False),
        ("stack_bytes <= 1e9", False),
    ],
)
def test_a_budget_holds_or_does_not(run_with: Make, rule: str, passes: bool) -> None:
    """At the limit it holds; a figure that was not measured, or in another unit, breaks it."""
    (result,) = judge_gates(run_with(), read_gates([rule]), None)
    assert result.passed is passes
    assert bool(result.reason) is not passes
    assert "nano33ble-sense" in result.reason or passes


@pytest.mark.parametrize(
    ("rule", "now", "passes"),
    [
        ("instructions +0 %", 331, True),
        ("instructions +0 %", 332, False),
        ("instructions +1%", 334, True),
        ("instructions +1 %", 335, False),
        ("latency +0 %", 200, True),
    ],
)
def test_growth_is_held_against_the_last_pass(
    run_with: Make, tmp_path: Path, rule: str, now: int, passes: bool
) -> None:
    """Not against runs that failed since; the first of these that broke the gate is named."""
    with History(tmp_path / "h.sqlite") as history:
        history.add(
            [
                run_with(figures={"latency.median": 100}),
                run_with(),
                run_with(verdict="fail", figures={"latency.median": 400}),
                run_with(verdict="error"),
            ]
        )
        (result,) = judge_gates(run_with(figures={"latency.median": now}), read_gates([rule]), history)
    assert result.passed is passes
    assert result.base is not None
    assert result.base.number == 2
    if not passes:
        assert "331 at the last pass (run 2)" in result.reason
        assert result.first_bad is not None
        assert result.first_bad.number == 3


def test_accuracy_grows_the_other_way(run_with: Make, tmp_path: Path) -> None:
    """A loss within the rule passes; the rule is written with a minus."""
    with History(tmp_path / "h.sqlite") as history:
        history.add([run_with()])
        for now, passes in ((0.9, True), (0.895, True), (0.88, False), (0.95, True)):
            run = run_with(figures={"classes.device": now})
            (result,) = judge_gates(run, read_gates(["classes.device -1 %"]), history)
            assert result.passed is passes, now


def test_a_changed_model_is_said_and_only_budgets_judge_it(run_with: Make, tmp_path: Path) -> None:
    """Both figures are told."""
    new = run_with(model_sha256="f" * 64, figures={"latency.median": 2289})
    with History(tmp_path / "h.sqlite") as history:
        history.add([run_with()])
        growth, budget = judge_gates(new, read_gates(["instructions +0 %", "instructions <= 331"]), history)
    assert (growth.passed, budget.passed) == (None, False)
    assert "the model changed" in growth.reason
    assert "2,289" in growth.reason
    assert "331" in growth.reason


def test_accuracy_is_held_against_the_last_pass_on_the_same_data(run_with: Make, tmp_path: Path) -> None:
    """On other data it is not judged, and that is said; memory is judged as ever."""
    gates = read_gates(["classes.device -1 %", "flash_bytes +0 %"])
    worse = {"classes.device": 0.1, "memory.flash_bytes": 8000}
    with History(tmp_path / "h.sqlite") as history:
        history.add([run_with(data_sha256="a" * 64), run_with(data_sha256="c" * 64)])
        accuracy, flash = judge_gates(run_with(data_sha256="b" * 64, figures=worse), gates, history)
        assert (accuracy.passed, flash.passed) == (None, False)
        assert "the data changed since the last pass" in accuracy.reason
        accuracy, _ = judge_gates(run_with(data_sha256="a" * 64, figures=worse), gates, history)
    assert (accuracy.passed, accuracy.base and accuracy.base.number) == (False, 1)


def test_another_model_or_build_in_the_same_history_is_no_yardstick(run_with: Make, tmp_path: Path) -> None:
    """Two models side by side, and a profile: each is held against its own last pass; earlier versions told less."""
    gates = read_gates(["instructions +0 %"])
    mine = run_with(model_file="a.tflite")
    slower = run_with(model_file="a.tflite", figures={"latency.median": 332})
    with History(tmp_path / "h.sqlite") as history:
        history.add(
            [
                mine,
                run_with(model_file="b.tflite", model_sha256="b" * 64, figures={"latency.median": 9}),
                run_with(model_file="a.tflite", optimize="size", figures={"latency.median": 9000}),
            ]
        )
        for run, passes in ((mine, True), (slower, False)):
            (result,) = judge_gates(run, gates, history)
            assert (result.passed, result.base and result.base.number) == (passes, 1)
        history.add([run_with(model_file="", optimize="", toolchain="", figures={"latency.median": 340})])
        (result,) = judge_gates(slower, gates, history)
        assert (result.passed, result.base and result.base.number) == (True, 4)


def test_a_model_is_held_against_its_own_last_pass_however_long_ago(run_with: Make, tmp_path: Path) -> None:
    """Not against another model of the same file name, and failures since give no amnesty."""
    with History(tmp_path / "h.sqlite") as history:
        history.add([run_with()])
        history.add([run_with(model_sha256="b" * 64, figures={"latency.median": 9000})])
        history.add([run_with(verdict="fail", figures={"latency.median": 400})] * 250)
        (result,) = judge_gates(
            run_with(figures={"latency.median": 332}), read_gates(["instructions +0 %"]), history
        )
    assert result.passed is False
    assert (result.base and result.base.number, result.first_bad and result.first_bad.number) == (1, 3)


def test_nothing_earlier_is_no_failure(run_with: Make, tmp_path: Path) -> None:
    """The first night of a board sets its yardstick."""
    gates = read_gates(["instructions +0 %"])
    assert need_history(gates)
    with History(tmp_path / "h.sqlite") as history:
        history.add([run_with(board="host")])
        (result,) = judge_gates(run_with(), gates, history)
    assert (result.passed, "no earlier pass" in result.reason) == (None, True)


def test_a_noisy_clock_is_judged_by_median_and_deviation(run_with: Make, tmp_path: Path) -> None:
    """One outlier among the passes moves nothing; too few passes judge nothing."""
    gates = read_gates(["ns +0 %"])

    def run(ns: int) -> HistoryRun:
        return run_with(unit="ns", figures={"latency.median": ns})

    with History(tmp_path / "h.sqlite") as history:
        history.add([run(value) for value in (100, 102, 98, 900)])
        assert judge_gates(run(500), gates, history)[0].passed is None
        history.add([run(value) for value in (101, 99, 103)])
        # Median 101, median absolute deviation 2: up to 101 + 3 * 1.4826 * 2 = 109.9.
        assert judge_gates(run(109), gates, history)[0].passed is True
        assert judge_gates(run(110), gates, history)[0].passed is False


def test_a_file_has_rules_for_all_boards_and_for_one(run_with: Make, tmp_path: Path) -> None:
    """Those of another board judge nothing here."""
    file = tmp_path / "gate.toml"
    file.write_text('rules = ["flash_bytes <= 1"]\n[boards.host]\nrules = ["instructions <= 1"]\n')
    gates = read_gates([str(file), "classes.device >= 0.5"])
    assert [gate.boards for gate in gates] == [(), ("host",), ()]
    assert [result.passed for result in judge_gates(run_with(), gates, None)] == [False, True]


def test_rules_that_are_all_for_other_boards_are_said_to_judge_nothing(
    run_with: Make, tmp_path: Path
) -> None:
    """A pass without a word would look as if they held."""
    file = tmp_path / "gate.toml"
    file.write_text('[boards.microbit]\nrules = ["flash_bytes <= 1"]\n')
    for rules, due in (([file], 1), ([file, "instructions <= 9e9"], 0), ([], 0)):
        gates = read_gates(map(str, rules))
        judged = judge_run(run_with(board="host"), gates, history=None, model=tmp_path)
        assert (judged.cause.exit_code, len(judged.remarks)) == (0, due)
    assert (
        "all are for other boards than"
        in judge_run(run_with(board="host"), read_gates([str(file)]), history=None, model=tmp_path).nothing
    )


def test_two_boards_of_one_type_have_rules_of_their_own(run_with: Make, tmp_path: Path) -> None:
    """By their ids in the bench file; the type's rules are for both."""
    file = tmp_path / "gate.toml"
    file.write_text(
        '[boards.host]\nrules = ["flash_bytes <= 9e9"]\n[boards.left]\nrules = ["flash_bytes <= 1"]\n'
    )
    gates = read_gates([str(file)], ids={"left": "host", "right": "host"})
    left, right = (judge_gates(run_with(board="host", place=id), gates, None) for id in ("left", "right"))
    assert [result.passed for result in left] == [True, False]
    assert "on left (host), more than 1" in left[1].reason
    assert [result.passed for result in right] == [True]
    with pytest.raises(ConfigError) as caught:
        read_gates([str(file)], ids={"lefty": "host"})
    assert caught.value.hint == "did you mean 'lefty'?"


def test_a_name_that_is_a_type_and_an_id_is_the_type_or_refused(run_with: Make, tmp_path: Path) -> None:
    """A board that is called as its type is one of its type; one that is called as another type is nobody's guess."""
    file = tmp_path / "gate.toml"
    file.write_text('[boards.host]\nrules = ["flash_bytes <= 1"]\n')
    gates = read_gates([str(file)], ids={"host": "host", "host-2": "host"})
    for place in ("host", "host-2"):
        assert [
            result.passed for result in judge_gates(run_with(board="host", place=place), gates, None)
        ] == [False]
    with pytest.raises(
        ConfigError, match="may be the type host, or the nano33ble-sense with the id host"
    ) as caught:
        read_gates([str(file)], ids={"host": "nano33ble-sense"})
    assert caught.value.facts["key"] == "boards.host"


REFUSED = {
    "nonsense": "is no gate",
    "flash_bytes <= 1٣": "is no gate",
    "instructions +1٣ %": "is no gate",
    "flash_bytes < 5": "is no gate",
    "flash_bytes <=": "is no gate",
    "flsh_bytes <= 5": "memory.flash_bytes",
    "flash_bytes <= 1.2.3": "is no number",
    "flash_bytes <= 1e999": "is no limit",
    "classes.device +1 %": "what is no loss",
    "instructions -1 %": "what is no loss",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_rule_that_means_nothing_is_refused(rule: str) -> None:
    """With the nearest name, or an example."""
    with pytest.raises(ConfigError) as caught:
        read_gates([rule])
    said = f"{caught.value.message} {caught.value.hint} {caught.value.facts}"
    assert REFUSED[rule] in said, said


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[boards.hots]\nrules = ["flash_bytes <= 1"]',
        "rules = 5",
        "rule = []",
        "rules = [5]",
        "[boards]\nhost = 5",
        "[boards.host]\nruls = []",
        "=",
        "\x00",
    ],
)
def test_a_file_that_means_nothing_is_refused(tmp_path: Path, text: str) -> None:
    """By its name."""
    file = tmp_path / "gate.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"gate\.toml|hots"):
        read_gates([str(file)])
    with pytest.raises(ConfigError, match=r"none\.toml"):
        read_gates([str(tmp_path / "none.toml")])
