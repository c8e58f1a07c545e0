"""`tinysine_layers`: what `tinysine verify --layers` finds, for a test to judge."""

from __future__ import annotations

import pytest


@pytest.mark.long
def test_layers_are_judged_and_the_board_is_whole_again(pytester: pytest.Pytester) -> None:
    """The device that other tests have runs the image before and after."""
    pytester.makepyfile("""
        import numpy as np

        def test_before(tinysine_device, tinysine_image):
            assert tinysine_device.identify().build_id == tinysine_image.build_id

        def test_layers(tinysine_layers, tinysine_device, tinysine_image):
            assert tinysine_layers.passed, tinysine_layers.finding
            assert [row.checked for row in tinysine_layers.rows] == [256, 256, 256]
            assert tinysine_device.identify().build_id == tinysine_image.build_id

        def test_after(tinysine_device, tinysine_inputs, tinysine_assert_equal):
            tinysine_assert_equal(tinysine_inputs, tinysine_device.infer(tinysine_inputs))
    """)
    ended = pytester.runpytest("-p", "no:cacheprovider", "--tinysine-board=host")
    ended.assert_outcomes(passed=3)
    assert "flaky" not in ended.stdout.str()
