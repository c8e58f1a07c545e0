"""An engine that says other numbers of tensors than the model has: the fixtures tell it as `tinysine verify` does."""

from __future__ import annotations

from typing import Any

import pytest

from unit_tests.plugin.conftest import FAKE_BOARD
from unit_tests.verify.miscounted import SAID, SOURCE

MISCOUNTED = """
from pathlib import Path
from tinysine.model import REFERENCE_MODEL, read_model
from unit_tests.verify.miscounted import miscounted_image

IMAGE = miscounted_image(Path(__file__).with_name("engine.o"), read_model(REFERENCE_MODEL), IMAGE.board)
RIG.device.run_image(IMAGE)


@pytest.fixture(scope="session", autouse=True)
def untouched():
    yield
    assert RIG.did == []
"""


def test_it_is_the_product_that_fails_before_the_board_is_flashed(
    fake: pytest.Pytester, host_cc: Any
) -> None:
    """One line, and no word of a bench that failed."""
    (fake.path / "engine.c").write_text(SOURCE)
    host_cc("-c", fake.path / "engine.c", "-o", fake.path / "engine.o")
    fake.makeconftest(f"{FAKE_BOARD}\n{MISCOUNTED}")
    fake.makepyfile("def test_one(tinysine_device): pass")
    ended = fake.runpytest_inprocess("-p", "no:cacheprovider", "--junitxml=junit.xml")
    ended.assert_outcomes(errors=1)
    assert ended.ret == 1
    ended.stdout.fnmatch_lines([f"FirmwareWrong: {SAID}*"])
    ended.stdout.no_fnmatch_line("*the bench failed*")
    assert '"tinysine.verdict" value="product failure"' in (fake.path / "junit.xml").read_text()
