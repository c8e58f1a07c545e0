"""`--tinysine-board a,b`: each test that needs a board runs once on each."""

from __future__ import annotations

import pytest


@pytest.mark.long
def test_each_test_runs_on_each_board(pytester: pytest.Pytester) -> None:
    """One board after the other, each flashed once; what needs no board runs once."""
    pytester.makepyfile("""
        boards = []

        def test_answers(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))

        def test_board(tinysine_device, tinysine_board):
            assert tinysine_device.identity.board == tinysine_board.name
            boards.append(tinysine_board.name)

        def test_without():
            assert set(boards) <= {"host", "nano33ble-sense"}
    """)
    ended = pytester.runpytest("-p", "no:cacheprovider", "-v", "--tinysine-board=host,nano")
    ended.assert_outcomes(passed=5)
    order = [line for line in ended.outlines if "PASSED" in line and "[" in line]
    assert ["host" in line for line in order].index(False) == 2, order
    ended.stdout.fnmatch_lines(
        ["tinysine: 2 tests on host (host)", "tinysine: 2 tests on nano33ble-sense (emulated)"]
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--tinysine-board=host,nano", "--tinysine-port=/dev/ttyX0"), "2 boards were named, and one port"),
        (("--tinysine-board=host,nanoo",), "no board*nanoo*"),
    ],
)
def test_boards_that_cannot_be_are_refused(
    pytester: pytest.Pytester, options: tuple[str, ...], says: str
) -> None:
    """Before any test."""
    ended = pytester.runpytest("-p", "no:cacheprovider", *options)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines([f"*{says}*"])
