"""Folder for records of running things: the session's folder, or one in the place for temporary files."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from tinysine.errors import BenchError
from tinysine.runtime_folder import runtime_folder


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The session's folder; temporary files have one beside it."""
    folder, temporary = tmp_path / "session", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(temporary))
    return folder


def test_the_sessions_folder_is_used_and_nothing_is_left_in_it(session: Path) -> None:
    """It is this user's alone."""
    folder = runtime_folder()
    assert folder == session / "tinysine"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("what", ["chmod", "write_bytes"])
@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EPERM])
def test_a_session_that_takes_no_files_is_gone_round(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, number: int
) -> None:
    """Read-only, full, or somebody else's after all: the other place serves; where both are so, it is said."""
    (session / "tinysine").mkdir()
    real = getattr(Path, what)
    bad = {session}

    def refuse(self: Path, *arguments: object) -> object:
        if any(self.is_relative_to(folder) for folder in bad):
            raise OSError(number, os.strerror(number))
        return real(self, *arguments)

    monkeypatch.setattr(Path, what, refuse)
    folder = runtime_folder()
    assert folder.parent == tmp_path / "temporary"
    assert list(folder.iterdir()) == []
    bad.add(tmp_path)
    with pytest.raises(BenchError, match="no private folder"):
        runtime_folder()
