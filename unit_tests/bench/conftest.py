"""A night of one board that does what a test says, and a folder to run one in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.bench.night import BoardNight, Job, Orders
from tinysine.model import REFERENCE_MODEL
from unit_tests.bench.made_up_nights import FAKE_VERIFY, after


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., BoardNight]:
    """A night of one board, whose `verify` and suite do what a test says."""
    (tmp_path / "verify.py").write_text(FAKE_VERIFY)
    (tmp_path / "python").write_text(f'#!/bin/sh\nshift 3\nexec {sys.executable} {tmp_path}/verify.py "$@"\n')
    (tmp_path / "python").chmod(0o755)

    def night(
        verify: dict[str, object],
        *,
        suite: str = "",
        timeout_s: float = 30,
        port: str | None = None,
        required: bool = False,
    ) -> BoardNight:
        monkeypatch.setenv("FAKE", json.dumps(verify))
        command: tuple[str, ...] = ()
        if suite:
            (tmp_path / "suite.py").write_text("import os, sys\nout = sys.argv[-1].split('=')[1]\n" + suite)
            command = (sys.executable, str(tmp_path / "suite.py"))
        job = Job("host", "host", port, required)
        orders = Orders(model=REFERENCE_MODEL, out=tmp_path / "out", suite=command, timeout_s=timeout_s)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", str(tmp_path / "python"))
            return after(orders, job)[0]

    return night


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to run `tinysine nightly` in, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `tinysine nightly` in a folder of its own."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tinysine", "nightly", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
