"""Files that are written entirely or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinysine.errors import EXIT_BENCH_FAILURE, BenchError, ConfigError
from tinysine.processes import started
from tinysine.whole_files import draft_beside, require_writable, sweep_drafts, write_files, write_whole


def test_failure_in_the_middle_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the second file cannot be written, the first one keeps its old content, and no scraps are left."""
    (tmp_path / "a").write_bytes(b"old")
    real = Path.write_bytes

    def full_disk(self: Path, data: bytes) -> int:
        if self.name.startswith(".b"):
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(BenchError, match="No space left") as caught:
        write_files(tmp_path, {"a": b"new", "b": b"new"})
    assert (
        caught.value.exit_code == EXIT_BENCH_FAILURE
    )  # as `errors_shown` has it for a full disk met elsewhere
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_folder_in_the_way_of_a_file_is_refused_first(tmp_path: Path) -> None:
    """A folder with the name of an output stops the save before the first file is replaced."""
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(ConfigError, match="in the way"):
        write_files(tmp_path, {"a": b"new", "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"


def test_write_replaces_old_files(tmp_path: Path) -> None:
    """A second run replaces the files of the first."""
    write_files(tmp_path, {"a": b"old"})
    assert write_files(tmp_path, {"a": b"new"}) == (tmp_path / "a",)
    assert (tmp_path / "a").read_bytes() == b"new"


def test_unwritable_folder_is_known_before_training(tmp_path: Path) -> None:
    """A folder below a file cannot be made; the error names it and leaves the file alone."""
    (tmp_path / "file").write_bytes(b"precious")
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ConfigError, match="cannot be written") as caught:
            require_writable(folder)
        assert caught.value.facts["file"] == str(folder)
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_require_writable_leaves_nothing_behind(tmp_path: Path) -> None:
    """The probe file is gone afterwards."""
    assert list(require_writable(tmp_path / "new").iterdir()) == []


def test_a_link_is_followed_and_permissions_are_kept(tmp_path: Path) -> None:
    """Permissions are kept, and a link is followed: the file that it points to is written."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o604)
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (b"new", 0o604)
    write_whole(tmp_path / "program", b"", executable=True)
    assert (tmp_path / "program").stat().st_mode & 0o111
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "program", "real"]


def test_drafts_of_dead_processes_are_swept(tmp_path: Path) -> None:
    """The next write removes what a killed process left, a file or a folder, and nothing else."""
    mine = draft_beside(tmp_path / "a")
    owner = f"-{os.getpid()}-{started(os.getpid())}-"
    assert owner in mine.name
    dead = [mine.with_name(mine.name.replace(owner, f"-{os.getpid()}-{number}-")) for number in (1, 2)]
    dead[0].write_bytes(b"half")
    dead[1].mkdir()
    (dead[1] / "inside").touch()
    mine.touch()
    other_computer = dead[0].with_name(dead[0].name.replace(".a.", ".a.0000"))
    kept = [mine, tmp_path / ".a.part", tmp_path / "a.part", other_computer]
    for path in kept:
        path.touch()
    write_whole(tmp_path / "b", b"")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "b"])


def test_a_link_named_as_a_draft_is_not_followed(tmp_path: Path) -> None:
    """Sweeping removes the link, never what it points to."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    out = tmp_path / "out"
    out.mkdir()
    mine = draft_beside(out / "a")
    link = mine.with_name(mine.name.replace(f"-{started(os.getpid())}-", "-1-"))
    link.symlink_to(tmp_path / "precious")
    sweep_drafts(out)
    assert not link.is_symlink()
    assert (tmp_path / "precious" / "file").exists()


def test_a_long_name_has_a_draft(tmp_path: Path) -> None:
    """A file of the longest name that the system takes can be written."""
    name = "a" * 250
    write_whole(tmp_path / name, b"content")
    assert (tmp_path / name).read_bytes() == b"content"


def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    """There is nothing behind it to write to, nor to lose."""
    link = tmp_path / "loop"
    link.symlink_to(link)
    write_whole(link, b"content")
    assert link.read_bytes() == b"content"
