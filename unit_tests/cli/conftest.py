"""Ways to run the command line: in this process, in one of its own, and with a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tinysine.model import REFERENCE_MODEL


@dataclass(frozen=True)
class Ended:
    """End of a command line."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command line in this process."""

    def run(*arguments: object) -> Ended:
        from tinysine.commands.app import run_app

        capfd.readouterr()
        code = run_app([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def program() -> Callable[..., Ended]:
    """Run a command line in a process of its own, its output piped."""

    def run(*arguments: object, **options: Any) -> Ended:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TINYSINE_")}
        ended = subprocess.run(
            [sys.executable, "-m", "tinysine.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment | options.pop("env", {}),
            **options,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def model() -> Path:
    """The reference sine model."""
    return REFERENCE_MODEL
