"""`--tinysine-bench FILE`: every board of the file in one session, each told apart by its id, each with one worker."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

BENCH = """
features = ["microphone"]

[[board]]
id = "left"
name = "host"
port = "twin"

[[board]]
id = "right"
name = "host"
port = "twin"

[[board]]
id = "nano"
name = "nano33ble-sense"
port = "/dev/tty-that-is-not-there"
features = ["microphone"]
"""


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a bench file of three boards, one of which is not there."""
    for name in ("TINYSINE_BENCH", "TINYSINE_BOARD", "TINYSINE_PORT", "TINYSINE_PLACE"):
        monkeypatch.delenv(name, raising=False)
    (pytester.path / "bench.toml").write_text(BENCH, encoding="utf-8")
    return pytester


Session = Callable[..., pytest.RunResult]


@pytest.fixture
def session(bench: pytest.Pytester) -> Session:
    """Runs a test on the bench."""

    def run(text: str, *options: str) -> pytest.RunResult:
        bench.makepyfile(text)
        return bench.runpytest("-p", "no:cacheprovider", "-v", "--tinysine-bench=bench.toml", *options)

    return run


def test_each_test_runs_on_each_board_of_the_bench(session: Session, bench: pytest.Pytester) -> None:
    """Its id is in the names of tests and in JUnit's file; what needs no board runs once."""
    ended = session(
        """
        def test_it(tinysine_entry, tinysine_board): assert tinysine_board.name == tinysine_entry.name
        def test_without(): pass
        """,
        "--junitxml=junit.xml",
    )
    ended.assert_outcomes(passed=4)
    ended.stdout.fnmatch_lines_random([f"*::test_it?{id}? PASSED*" for id in ("left", "right", "nano")])
    cases = ElementTree.parse(bench.path / "junit.xml").iter("testcase")
    places = {
        str(case.get("name")): [str(fact.get("value")) for fact in case.iter("property")] for case in cases
    }
    assert places == {
        **{f"test_it[{id}]": [id] for id in ("left", "right", "nano")},
        "test_without": [],
    }


def test_a_dead_board_is_one_error_and_its_other_tests_a_line_each(session: Session) -> None:
    """Its cause is shown once; the tests of the others are not held up."""
    ended = session(
        """
        import pytest
        @pytest.mark.parametrize("n", range(3))
        def test_it(tinysine_rig, n): assert tinysine_rig.name
        """,
        "--tinysine-place=nano,left",
    )
    ended.assert_outcomes(passed=3, errors=3)
    text = ended.stdout.str()
    assert text.count("\nBoardNotFound: nano (nano33ble-sense) of ") == 1
    ended.stdout.fnmatch_lines(["tinysine: boards nano (nano33ble-sense), left (host), *"])
    ended.stdout.fnmatch_lines(["*2 more errors of a cause that is shown above"])


def test_a_test_gets_the_boards_that_have_what_it_asks_for(session: Session) -> None:
    """A word may be one of the bench, or follow from the board's file; where no board has all, it is a skip."""
    ended = session(
        """
        import pytest
        needs = pytest.mark.tinysine_needs
        @needs("microphone")
        def test_hears(tinysine_entry): assert tinysine_entry.id == "nano"
        @needs("led", "microphone")
        def test_shows(tinysine_entry): assert tinysine_entry.id == "nano"
        @needs("host", "microphone")
        def test_none(tinysine_entry): assert False
        """,
        "-rs",
    )
    ended.assert_outcomes(passed=2, skipped=1)
    ended.stdout.fnmatch_lines(["*SKIPPED*no board has host and microphone: left, right, nano*"])


def test_a_feature_that_nothing_defines_is_a_mistake(session: Session) -> None:
    """Such a test would never run, and nobody would notice."""
    ended = session("""
        import pytest
        @pytest.mark.tinysine_needs("microphon")
        def test_hears(tinysine_entry): pass
    """)
    assert ended.ret == pytest.ExitCode.INTERRUPTED
    ended.stdout.fnmatch_lines(["*bench.toml knows 'microphon' (did you mean 'microphone'[?])*"])


def test_without_a_bench_the_one_board_is_asked(pytester: pytest.Pytester) -> None:
    """It lacks what no board file gives it."""
    pytester.makepyfile("""
        import pytest
        @pytest.mark.tinysine_needs("led")
        def test_led(tinysine_board): pass
        @pytest.mark.tinysine_needs("microphone")
        def test_hears(tinysine_board): pass
    """)
    ended = pytester.runpytest("-p", "no:cacheprovider", "-rs", "--tinysine-board=nano")
    ended.assert_outcomes(passed=1, skipped=1)
    ended.stdout.fnmatch_lines(["*nano33ble-sense has no microphone; a bench file says which board has*"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--tinysine-place=lef",), "bench.toml has no board 'lef' (did you mean 'left'?)"),
        (
            ("--tinysine-place=left", "--tinysine-port=/dev/a"),
            "place (from --tinysine-place) and port (from --tinysine-port) both say where the board is",
        ),
        (("--tinysine-board=arduino-uno",), "no board of */bench.toml is arduino-uno"),
    ],
)
def test_boards_that_cannot_be_meant_are_refused(
    session: Session, options: tuple[str, ...], says: str
) -> None:
    """Before any test."""
    ended = session("def test_it(tinysine_entry): pass", *options)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines([f"*tinysine: *{says.replace('?', '[?]')}*"])


def test_a_port_outdoes_the_bench(session: Session) -> None:
    """As it is for whoever names one board and where it is: a night, or a person with the variable set."""
    ended = session(
        "def test_it(tinysine_entry): assert tinysine_entry.port == ''",
        "--tinysine-port=twin",
        "--tinysine-board=host",
    )
    ended.assert_outcomes(passed=1)


LOG = """
    import os
    import pytest

    @pytest.mark.parametrize("n", range(3))
    def test_it(tinysine_entry, n, worker_id):
        with open("log", "a") as log:
            log.write(f"{tinysine_entry.id} {worker_id}\\n")

    def test_without(worker_id): pass
"""


def _in_workers(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, text: str, *options: str
) -> pytest.RunResult:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    bench.makepyfile(text)
    plugins = ("-p", "tinysine.pytest_plugin", "-p", "xdist")
    return bench.runpytest_subprocess(*plugins, "--tinysine-bench=bench.toml", "-v", *options)


@pytest.mark.parametrize(
    ("asked", "workers"),
    [("auto", 3), pytest.param("8", 3, marks=pytest.mark.long), pytest.param("1", 1, marks=pytest.mark.long)],
)
def test_each_board_has_one_worker(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, asked: str, workers: int
) -> None:
    """`-n auto` starts one for each; more than there are boards are not started, fewer share the boards."""
    ended = _in_workers(bench, monkeypatch, LOG, "-n", asked)
    ended.assert_outcomes(passed=10)
    ended.stdout.fnmatch_lines(["*100%*"])
    pairs = {tuple(line.split()) for line in (bench.path / "log").read_text().splitlines()}
    assert sorted(board for board, _ in pairs) == ["left", "nano", "right"]
    assert len({worker for _, worker in pairs}) == workers
    assert "gives each board" not in ended.stdout.str()  # the option was meant


@pytest.mark.long
def test_a_worker_that_crashes_is_replaced_on_its_board(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test that killed it fails; those after it run on the same board."""
    text = (
        LOG
        + """
    def test_kills(tinysine_entry):
        if tinysine_entry.id == "right":
            os.kill(os.getpid(), 9)

    def test_later(tinysine_entry): pass
    """
    )
    ended = _in_workers(bench, monkeypatch, text, "-n", "auto")
    ended.assert_outcomes(failed=1, passed=15)
    ended.stdout.fnmatch_lines_random(["*PASSED*::test_later?right?*", "*FAILED*::test_kills?right?*"])


def test_workers_and_a_port_need_a_bench(bench: pytest.Pytester) -> None:
    """One port is for one of them; the message says what would do."""
    bench.makepyfile("def test_it(tinysine_entry): pass")
    ended = bench.runpytest("-p", "no:cacheprovider", "-n2", "--tinysine-port=/dev/a")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["*xdist workers cannot share one port; *in a bench file: --tinysine-bench*"])


@pytest.mark.long
def test_three_twins_are_tested_at_once(bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose process is killed in the middle is replaced and flaky; a board that is not there stops nobody."""
    text = """
    import os
    import signal

    def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
        tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))

    def test_dies_outside(tinysine_rig, tinysine_device, tinysine_entry):
        if tinysine_entry.id == "right":
            os.kill(tinysine_rig.emulator.pid, signal.SIGKILL)

    def test_answers_again(tinysine_device, tinysine_inputs, tinysine_assert_equal):
        tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
    """
    extra = '[[board]]\nid = "third"\nname = "host"\nport = "twin"\n'
    (bench.path / "bench.toml").write_text(BENCH + extra, encoding="utf-8")
    ended = _in_workers(bench, monkeypatch, text, "-n", "auto", "--junitxml=junit.xml")
    ended.assert_outcomes(passed=9, errors=3)
    ended.stdout.fnmatch_lines_random(
        [
            "tinysine: flaky: *::test_dies_outside?right?: restart after *",
            *(f"tinysine: 3 tests on {id}: host (host)" for id in ("left", "right", "third")),
            "*2 more errors of a cause that is shown above",
            "tinysine: left, right, third gave the same answers to 256 inputs (model *, litert)",
        ]
    )


@pytest.mark.long
def test_a_board_that_answers_otherwise_is_named(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its own tests pass, and though each board is in a worker of its own: it fails the session."""
    bench.makeconftest("""
        import numpy as np
        import pytest
        from tinysine.device import Device

        @pytest.fixture(autouse=True)
        def wrong(tinysine_entry, monkeypatch):
            true = Device._infer_packed

            def infer(self, identity, data, *options):
                answers = np.array(true(self, identity, data, *options))
                if tinysine_entry.id == "right":
                    answers[1:3] += 1
                return answers

            monkeypatch.setattr(Device, "_infer_packed", infer)
    """)
    text = """
    import numpy as np

    def test_answers(tinysine_device):
        assert len(tinysine_device.infer(np.array([[-5], [-96], [3], [7]], np.int8))) == 4
    """
    extra = '[[board]]\nid = "third"\nname = "host"\nport = "twin"\n'
    (bench.path / "bench.toml").write_text(BENCH + extra, encoding="utf-8")
    ended = _in_workers(
        bench, monkeypatch, text, "-n", "auto", "--tinysine-place=left,right,third", "--junitxml=junit.xml"
    )
    ended.assert_outcomes(passed=3, failed=1)
    assert ended.ret == pytest.ExitCode.TESTS_FAILED
    ended.stdout.fnmatch_lines(
        ["*right answers * to input -96, and 2 others (left, third) answer *: 2 of 4 shared inputs differ (*"]
    )
    cases = {str(case.get("name")) for case in ElementTree.parse(bench.path / "junit.xml").iter("testcase")}
    assert "boards_agree[right]" in cases


@pytest.mark.long
def test_a_variable_that_was_left_behind_is_no_riddle_in_another_suite(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header and the last lines tell why `-n auto` starts so many workers, with what to type."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("TINYSINE_BENCH", str(bench.path / "bench.toml"))
    bench.makepyfile("def test_without(): pass")
    ended = bench.runpytest_subprocess("-p", "tinysine.pytest_plugin", "-p", "xdist", "-n", "auto")
    ended.assert_outcomes(passed=1)
    ended.stdout.fnmatch_lines(
        [
            "tinysine: TINYSINE_BENCH gives each board one worker*env -u TINYSINE_BENCH pytest ...",
            "tinysine: no test used a board: TINYSINE_BENCH gives each board one worker*",
        ]
    )
