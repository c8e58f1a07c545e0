"""What tests of every room share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

import pytest


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], NoReturn]:
    """Skips a test that lacks a compiler or QEMU, and says why; where these are promised, fails it instead.

    Whoever has just installed them promises them by TINYSINE_QEMU=required.
    """

    def lacking(why: str) -> NoReturn:
        if os.environ.get("TINYSINE_QEMU") == "required":
            pytest.fail(f"{why}, and TINYSINE_QEMU=required promises it")
        pytest.skip(why)

    return lacking
