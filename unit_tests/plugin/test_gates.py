"""Gates in a test: a budget that breaks fails it, growth is held against a history of `verify`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinysine.commands.app import run_app
from tinysine.history import History, HistoryRun, KeptRun
from tinysine.model import REFERENCE_MODEL
from unit_tests.plugin.conftest import FAKE_BOARD

TESTS = """
import pathlib
import pytest

def test_holds(tinysine_assert_gates):
    tinysine_assert_gates("flash_bytes <= 9e9", "flash_bytes +0 %", history="h.sqlite")

def test_breaks(tinysine_assert_gates):
    tinysine_assert_gates("flash_bytes <= 1")

def test_has_grown(tinysine_assert_gates):
    tinysine_assert_gates("flash_bytes +0 %", history="smaller.sqlite")

def test_is_new(tinysine_assert_gates):
    tinysine_assert_gates("flash_bytes +0 %", history="empty.sqlite")

def test_has_no_history(tinysine_assert_gates):
    tinysine_assert_gates("flash_bytes +0 %")

def test_is_for_others(tinysine_assert_gates):
    tinysine_assert_gates(pathlib.Path("gate.toml"))

@pytest.mark.parametrize("rules", [[], [["flash_bytes <= 1"]]])
def test_has_no_rule(tinysine_assert_gates, rules):
    tinysine_assert_gates(*rules)
"""


def smaller(kept: KeptRun | None) -> HistoryRun:
    """A run of less flash."""
    assert kept is not None
    facts = {name: getattr(kept.run, name) for name in HistoryRun.__struct_fields__}
    figures = tuple(
        type(f)(f.name, f.value - (f.name == "memory.flash_bytes"), f.unit, f.part, f.better)
        for f in kept.run.figures
    )
    return HistoryRun(**facts | {"figures": figures})


@pytest.mark.long
def test_gates_are_held_as_verify_holds_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same words; the series is that of `verify`."""
    monkeypatch.delenv("TINYSINE_HISTORY", raising=False)
    pytester.makeini("[pytest]")
    pytester.makepyfile(TESTS)
    assert run_app(["verify", str(REFERENCE_MODEL), "--board", "host", "--history", "h.sqlite", "-q"]) == 0
    with History(Path("h.sqlite")) as history, History(Path("smaller.sqlite")) as other:
        other.add([smaller(history.run(1))])
    History(Path("empty.sqlite")).close()
    Path("gate.toml").write_text('[boards.microbit]\nrules = ["flash_bytes <= 1"]\n')
    ended = pytester.runpytest_subprocess("--tinysine-board=host", "-p", "no:cacheprovider")
    ended.assert_outcomes(passed=3, failed=4, errors=1, warnings=2)
    ended.stdout.fnmatch_lines(
        [
            "*no history was named*",
            "*'flash_bytes <= 1' does not hold: memory.flash_bytes is * bytes on host, more than 1*",
            "*'flash_bytes +0 %' does not hold: memory.flash_bytes is * at the last pass (run 1)*",
            "E *TypeError: tinysine_assert_gates takes rules*",
            "*gate 'flash_bytes +0 %' was not judged: no earlier pass of host*",
            "*no gate was judged: all are for other boards than host*",
        ]
    )


LIAR = """
vars(IMAGE).update(
    engine="fake", optimize="speed", prune=False, is_generated=False,
    toolchain=SimpleNamespace(name="cc", version="1"),
)
RIG.device.counts = (10, 10)
RIG.device.memory = (32, 24, 2048, 3000, 700, 0xFFFFFFFF)
"""
OF_A_LIAR = """
def test_holds(tinysine_assert_gates):
    tinysine_assert_gates("stack_bytes <= 9000")

def test_breaks(tinysine_assert_gates):
    tinysine_assert_gates("stack_bytes +0 %", "stack_bytes <= 1", history="none.sqlite")
"""


def test_figures_that_are_not_believed_hold_no_gate(pytester: pytest.Pytester) -> None:
    """As in `verify`: the product is at fault, also where a history cannot be read."""
    pytester.makeini("[pytest]")
    pytester.makeconftest(f"{FAKE_BOARD}\n{LIAR}")
    pytester.makepyfile(OF_A_LIAR)
    ended = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    ended.assert_outcomes(failed=2)
    assert ended.ret == 1
    ended.stdout.fnmatch_lines(
        [
            "E *AssertionError: the counter does not count*",
            "E *stack*",
            "*there is no history none.sqlite*",
            "E *'stack_bytes <= 1' does not hold*",
        ]
    )


def test_a_rule_that_means_nothing_is_bad_input(pytester: pytest.Pytester) -> None:
    """It is an error of the test's author, and neither the product's nor the bench's."""
    pytester.makeini("[pytest]")
    pytester.makeconftest(f"{FAKE_BOARD}\n{LIAR}")
    pytester.makepyfile("def test_typo(tinysine_assert_gates): tinysine_assert_gates('flash_byte <= 1')")
    ended = pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider")
    ended.assert_outcomes(errors=1)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stdout.fnmatch_lines(
        [
            "*::test_typo INPUT ERROR *",
            "*ERROR at input of test_typo*",
            "E *ConfigError: *'flash_byte' (from tinysine_assert_gates)*",
            "tinysine: the input was bad; nothing was learned against the product",
        ]
    )
    ended.stdout.no_fnmatch_line("*[Bb][Ee][Nn][Cc][Hh] *")
