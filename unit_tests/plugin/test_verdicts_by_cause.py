"""Wrong numbers FAIL, a bench in trouble is an ERROR, and each is charged to the test that caused it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest


def _properties(fake: pytest.Pytester) -> dict[str, str]:
    suite = ElementTree.parse(fake.path / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    found = suite.find("properties")
    assert found is not None
    return {str(item.get("name")): str(item.get("value")) for item in found}


def _cases(fake: pytest.Pytester) -> dict[str, ElementTree.Element]:
    return {
        str(case.get("name")): case for case in ElementTree.parse(fake.path / "junit.xml").iter("testcase")
    }


def test_wrong_number_fails(fake: pytest.Pytester) -> None:
    """An assertion about the device's answer is a failure of the product."""
    fake.makepyfile("def test_one(echo): assert echo(1) == 2")
    fake.runpytest("--junitxml=junit.xml").assert_outcomes(failed=1)
    assert _properties(fake)["tinysine.verdict"] == "product failure"


def test_dead_link_is_an_error_and_the_board_is_recovered(fake: pytest.Pytester) -> None:
    """A board that falls silent in a test makes that test an error, is reset, and later tests pass."""
    fake.makepyfile(
        """
        def test_silent(tinysine_device, board):
            board.mended_by = "reset"; board.kill()
            tinysine_device.counters()

        def test_after(echo, board):
            assert echo(3) == 3
            assert board.did == ["flash", "connect", "connect", "reset", "connect"]
        """
    )
    result = fake.runpytest("--junitxml=junit.xml")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*tinysine: flaky: *test_silent: reset after LinkTimeout: fake://1 gave no answer to *"
            "(resync failed in * s, reset helped in * s)",
            "*tinysine: the bench failed; nothing was learned against the product",
        ]
    )
    assert _properties(fake)["tinysine.verdict"] == "bench failure"
    assert _properties(fake)["tinysine.recoveries"] == "1"
    assert _cases(fake)["test_silent"].find("error") is not None
    assert _cases(fake)["test_silent"].find("failure") is None
    facts = [str(fact.get("value")) for fact in _cases(fake)["test_silent"].iter("property")]
    assert sum(fact.startswith("resync failed in ") and "LinkTimeout" in fact for fact in facts) == 1
    assert sum(fact.startswith("reset helped in ") for fact in facts) == 1


def test_board_beyond_help_makes_the_rest_errors_at_once(fake: pytest.Pytester) -> None:
    """After the ladder's end the remaining tests are errors that carry the first cause, and touch nothing."""
    fake.makepyfile(
        """
        import pytest

        def test_dies(tinysine_device, board):
            board.kill()
            tinysine_device.counters()

        @pytest.mark.parametrize("n", range(3))
        def test_after(tinysine_device, n): assert False

        def test_without_board(board):
            assert board.did.count("reset") == 1
            assert board.did.count("flash") == 2  # the first one put the image there
        """
    )
    result = fake.runpytest("--junitxml=junit.xml")
    result.assert_outcomes(errors=4, passed=1)
    quarantined = "*fake on fake://1 is quarantined since LinkTimeout: fake://1 gave no answer to **"
    result.stdout.fnmatch_lines([quarantined, "tinysine: 3 more errors of a cause that is shown above"])
    assert _cases(fake)["test_after[2]"].find("error") is not None
    assert _properties(fake)["tinysine.verdict"] == "bench failure"


@pytest.mark.parametrize(
    ("first", "dies"), [("pass", "board.kill()"), ("board.kill()", "tinysine_device.counters()")]
)
def test_sixty_tests_after_a_dead_board_are_sixty_lines(
    fake: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, first: str, dies: str
) -> None:
    """The cause once, with its section; after that one line a test, which names the test where the cause is."""
    monkeypatch.setenv("COLUMNS", "160")
    fake.makepyfile(
        test_it=f"""
        import pytest

        def test_dies(tinysine_device, board):
            {first}
            {dies}

        @pytest.mark.parametrize("n", range(60))
        def test_after(tinysine_device, n): assert False
        """
    )
    result = fake.runpytest("--junitxml=junit.xml")
    assert len(result.outlines) < 60 + 45
    assert sum("test_after[7]" in line for line in result.outlines) == 1
    shown_by = "test_after[[]0]" if first == "pass" else "test_dies"
    result.stdout.fnmatch_lines(
        [
            "* quarantined since LinkTimeout: *",
            f"ERROR *test_after[[]59] - as test_it.py::{shown_by}: fake on *",
        ]
    )
    assert _properties(fake)["tinysine.verdict"] == "bench failure"


def test_each_test_is_told_which_firmware_it_ran_on(fake: pytest.Pytester) -> None:
    """A test that leaves another firmware behind shows nothing; the next one has the right one again."""
    fake.makepyfile(
        """
        import pytest

        def test_flashes_another(board, tinysine_device): board.device.build_id = bytes(16)

        def test_after(board, tinysine_device): assert any(board.device.build_id)

        @pytest.mark.disturbs
        def test_on_purpose(board, tinysine_device): board.device.build_id = bytes(16)

        def test_after_that(board, tinysine_device): assert any(board.device.build_id)

        @pytest.fixture
        def late(board, tinysine_device):
            yield
            board.device.build_id = bytes(16)

        def test_leaves_it_late(late): pass

        def test_last(board, tinysine_device): assert any(board.device.build_id)
        """
    )
    result = fake.runpytest("--junitxml=junit.xml")
    result.assert_outcomes(passed=5, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at bench of test_flashes_another*",
            "the test passed, but when it ended the board ran something else than what was built",
            "*flaky: *test_flashes_another: reflash after IdentityMismatch: the device at fake://1 reports build_id *",
            "*flaky: *test_leaves_it_late: reflash after IdentityMismatch: the device at fake://1 reports build_id *",
        ]
    )
    assert _properties(fake)["tinysine.verdict"] == "bench failure"


def test_a_mismatch_within_a_test_is_the_benchs(fake: pytest.Pytester) -> None:
    """Nothing was learned about the product, since it did not run."""
    fake.makepyfile(
        """
        def test_one(board, tinysine_device):
            board.device.build_id = bytes(16)
            tinysine_device.identify()
        """
    )
    fake.runpytest("--junitxml=junit.xml").assert_outcomes(errors=1)
    assert _properties(fake)["tinysine.verdict"] == "bench failure"


def test_an_error_of_the_link_shows_the_tests_own_lines(fake: pytest.Pytester) -> None:
    """The traceback leaves out tinysine's own frames; --full-trace shows them."""
    fake.makepyfile(
        """
        def test_one(board, tinysine_device):
            from tinysine.link import Session
            Session.open("/dev/none-of-that-name")
        """
    )
    result = fake.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["> *Session.open(*", "E *PortUnavailable: *"])
    result.stdout.no_fnmatch_line("*SerialPort(url, baud=baud*")
    fake.runpytest("--full-trace").stdout.fnmatch_lines(["*SerialPort(url, baud=baud*"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("tinysine_device.infer([[1], [2, 3]])", "TypeError: inputs must be int8 *"),
        ("tinysine_device.infer(np.ones((4, 2), np.int8))", "ValueError: inputs has shape *"),
        ("tinysine_device.time(np.zeros(1, np.int8), repetitions=0)", "ValueError: repetitions is 0, *"),
    ],
)
def test_a_refused_argument_shows_the_tests_own_lines(fake: pytest.Pytester, call: str, said: str) -> None:
    """The traceback of a ValueError or TypeError that tinysine raises has no line of tinysine."""
    fake.makepyfile(f"import numpy as np\n\ndef test_one(tinysine_device):\n    {call}\n")
    result = fake.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["> *tinysine_device.*", f"E *{said}"])
    result.stdout.no_fnmatch_line("*raise *Error(*")
    assert len(result.outlines) < 40


def test_a_bug_of_tinysine_shows_its_whole_traceback(fake: pytest.Pytester) -> None:
    """A TypeError that no line of tinysine raises on purpose keeps the frames that lead to it."""
    fake.makepyfile("def test_one(tinysine_device): tinysine_device.infer([[1]], on_progress=1)")
    result = fake.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*tinysine/link/asking.py:*: TypeError"])


def test_board_that_died_in_a_teardown_is_recovered_before_the_next(fake: pytest.Pytester) -> None:
    """A board that breaks in a test's teardown is repaired before the next test, which reports it."""
    fake.makepyfile(
        """
        import pytest

        @pytest.fixture
        def breaks_late(tinysine_device, board):
            yield
            board.mended_by = "flash"; board.kill()

        def test_one(tinysine_device, breaks_late): pass

        def test_two(echo): assert echo(4) == 4
        """
    )
    result = fake.runpytest()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*tinysine: flaky: *test_one: reflash after *"])


def test_fault_record_fails_the_test_that_caused_it(fake: pytest.Pytester) -> None:
    """A test that passes while the firmware faults fails, the next one does not."""
    fake.makepyfile(
        """
        import pytest

        def test_faults(tinysine_device, board): board.device.record_fault(1)

        def test_after(tinysine_device): pass

        @pytest.mark.disturbs
        def test_on_purpose(tinysine_device, board): board.device.record_fault(2)

        def test_last(tinysine_device): pass
        """
    )
    result = fake.runpytest("--junitxml=junit.xml")
    result.assert_outcomes(failed=1, passed=3)
    result.stdout.fnmatch_lines(["*the firmware faulted while it ran", "*HARD fault*0x00001234*"])
    assert _cases(fake)["test_faults"].find("failure") is not None
    assert _properties(fake)["tinysine.verdict"] == "product failure"


def test_old_fault_of_a_real_board_fails_no_test(fake: pytest.Pytester) -> None:
    """It was on the board's record before the session, whoever caused it."""
    fake.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def has_a_past():
            import conftest
            conftest.RIG.kind, conftest.RIG.fresh = "hardware", False
            conftest.RIG.device.record_fault(1)

        def test_one(tinysine_device): pass
        """
    )
    fake.runpytest().assert_outcomes(passed=1)


def test_fault_behind_a_dead_link_is_the_products(fake: pytest.Pytester) -> None:
    """If the link died because the firmware crashed, the test fails, and shows the record."""
    fake.makepyfile(
        """
        def test_crash(tinysine_device, board):
            board.mended_by = "reset"; board.kill(); board.device.record_fault(1)
            tinysine_device.counters()
        """
    )
    result = fake.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*device fault record*", "*HARD fault*0x00001234*"])


def test_fixture_that_cannot_reach_a_board_is_an_error(fake: pytest.Pytester) -> None:
    """A board that does not come up makes every test that needs it an error, tried once."""
    fake.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def never_up(board_module): board_module.kill()

        @pytest.fixture(scope="session")
        def board_module():
            import conftest
            return conftest.RIG

        def test_one(tinysine_device): assert False
        def test_two(tinysine_device): assert False
        """
    )
    result = fake.runpytest("--junitxml=junit.xml", "-p", "no:randomly")
    result.assert_outcomes(errors=2)
    assert _properties(fake)["tinysine.verdict"] == "bench failure"


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        ("assert echo(1) == 2", "product failure"),
        pytest.param("board.kill(); tinysine_device.counters()", "bench failure", marks=pytest.mark.long),
    ],
)
@pytest.mark.long
def test_verdict_comes_through_from_workers(
    fake: pytest.Pytester, with_worker: Callable[..., Any], test: str, verdict: str
) -> None:
    """Under xdist the file is not written where the fixtures are, and has the verdict all the same."""
    fake.makepyfile(
        f"def test_one(echo, tinysine_device, board): {test}\ndef test_two(tinysine_device): pass"
    )
    with_worker("--junitxml=junit.xml")
    found = _properties(fake)
    assert found["tinysine.verdict"] == verdict
    assert found["tinysine.retries"] == ("3" if "kill" in test else "0")


def test_a_session_without_boards_has_no_verdict(fake: pytest.Pytester) -> None:
    """Nor is anything said below it: the plugin is in everybody's pytest."""
    fake.makepyfile("def test_one(): assert False")
    result = fake.runpytest("--junitxml=junit.xml")
    assert "tinysine." not in (fake.path / "junit.xml").read_text()
    result.stdout.no_fnmatch_line("tinysine: * test*")


@pytest.mark.parametrize("workers", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_end_says_what_was_tested(
    fake: pytest.Pytester, with_worker: Callable[..., Any], workers: bool
) -> None:
    """The end reports the board and the number of its tests; skipped tests and those without a board do not count."""
    fake.makepyfile(
        """
        import pytest

        def test_one(tinysine_device): pass
        def test_two(tinysine_device): assert False
        @pytest.mark.hardware
        def test_three(tinysine_device): pass
        def test_four(): pass
        """
    )
    result = with_worker() if workers else fake.runpytest()
    result.stdout.fnmatch_lines(["tinysine: 2 tests on fake (emulated)"])


@pytest.mark.parametrize(("kind", "skipped"), [("emulated", "test_real"), ("hardware", "test_twin")])
def test_markers_choose_the_kind_of_board(fake: pytest.Pytester, kind: str, skipped: str) -> None:
    """Tests for real boards are skipped on twins, and the other way round, with the reason."""
    fake.makepyfile(
        f"""
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def kind():
            import conftest
            conftest.RIG.kind = {kind!r}

        @pytest.mark.hardware
        def test_real(tinysine_device): pass

        @pytest.mark.emulated
        def test_twin(tinysine_device): pass

        @pytest.mark.hardware
        def test_of_somebody_else(): pass
        """
    )
    result = fake.runpytest("-rs", "-v")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines([f"*{skipped} SKIPPED*", "SKIPPED*needs a*board*"])


def test_bench_errors_of_other_tests_are_left_alone(fake: pytest.Pytester) -> None:
    """A test that has nothing to do with a board fails as it always did, whatever it raises."""
    fake.makepyfile("from tinysine.errors import BenchError\ndef test_one(): raise BenchError('x')")
    fake.runpytest().assert_outcomes(failed=1)


def test_repeated_requests_are_reported_though_the_test_passed(fake: pytest.Pytester) -> None:
    """A pass that needed a second try at the link is a pass, and is said to be flaky."""
    fake.makepyfile(
        """
        def test_one(tinysine_device, board):
            board.line.lose_replies(2)
            tinysine_device.counters()
        """
    )
    result = fake.runpytest("--junitxml=junit.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*tinysine: flaky: 2 requests were repeated"])
    assert _properties(fake)["tinysine.retries"] == "2"
    assert _properties(fake)["tinysine.verdict"] == "pass"


@pytest.mark.long
def test_a_port_that_is_not_there_is_what_is_said(
    fake: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `tinysine verify` says it, with what to try, and not that a flash tool is missing."""
    fake.makeconftest("")  # the plugin's own rig, and a real board
    fake.makepyfile("def test_one(tinysine_device): pass")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(fake.mkdir("run")))
    result = fake.runpytest_subprocess("--tinysine-port=/dev/tty-that-is-not-there", "--tinysine-timeout=0.5")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["PortUnavailable: port /dev/tty-that-is-not-there does not exist *waited 0.5 s* (plug the board in*"]
    )
    result.stdout.no_fnmatch_line("*no tool that flashes*")
