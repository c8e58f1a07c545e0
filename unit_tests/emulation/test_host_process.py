"""A firmware that this computer does not start: why, and what helps."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NoReturn

import pytest

from tinysine.emulation.host_twin import HostProcess
from tinysine.errors import FlashError


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EACCES, "mounted noexec"), (errno.ENOEXEC, "board `host`")]
)
def test_a_program_that_is_not_started_says_why(
    number: int, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that allows no programs is not a program for another computer."""

    def refuse(*_args: object, **_options: object) -> NoReturn:
        raise OSError(number, "reason")

    program = tmp_path / "firmware"
    program.write_bytes(b"")
    monkeypatch.setattr("subprocess.Popen", refuse)
    with pytest.raises(FlashError, match="does not start") as caught:
        HostProcess(program, noinit=tmp_path / "noinit")
    assert hint in caught.value.hint
