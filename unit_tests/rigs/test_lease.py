"""Leases: one user of a board, until the lease is given back or its process is gone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tinysine.errors import EXIT_BENCH_FAILURE, BenchError, LeaseHeld
from tinysine.flashing import own_serial
from tinysine.rigs import Lease, lease_on, take_lease
from tinysine.rigs.lease import lease_key, lock_folder

HOLDER = """
import sys
from tinysine.rigs import take_lease
lease = take_lease(sys.argv[1], board="nano33ble-sense")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the leases, for one test alone."""
    monkeypatch.setenv("TINYSINE_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr("tinysine.rigs.lease._PATIENCE_S", 0.0)
    return tmp_path / "locks"


def take(port: str = "/dev/ttyX", **options: object):
    """A lease on a board."""
    return take_lease(port, board="nano33ble-sense", **options)


def test_a_second_user_is_told_who_holds_the_board() -> None:
    """The error names board, port and process, and is the bench's fault."""
    with take(), pytest.raises(LeaseHeld, match=rf"/dev/ttyX is in use by .*pid {os.getpid()}") as caught:
        take()
    assert caught.value.exit_code == EXIT_BENCH_FAILURE
    assert (caught.value.board, caught.value.pid) == ("nano33ble-sense", os.getpid())
    assert abs(time.time() - caught.value.since) < 60


def test_a_lease_that_was_given_back_is_free() -> None:
    """Also when it is given back twice."""
    lease = take()
    lease.release()
    lease.release()
    assert lease_on("/dev/ttyX") is None
    take().release()


def test_boards_are_leased_one_by_one() -> None:
    """Another port is another board; one USB serial number is one board, whatever its port is called."""
    with take("/dev/ttyX"), take("/dev/ttyY"), take("/dev/ttyZ", usb_serial="A"):
        assert lease_on("/dev/ttyOther", usb_serial="A") is not None
        with pytest.raises(LeaseHeld):
            take("/dev/ttyOther", usb_serial="A")
        take("/dev/ttyOther", usb_serial="B").release()


def test_a_link_to_a_port_is_the_port(tmp_path: Path) -> None:
    """udev's names by serial number lead to the same board."""
    (tmp_path / "ttyX").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyX")
    with take(str(tmp_path / "ttyX")), pytest.raises(LeaseHeld):
        take(str(tmp_path / "by-id"))


def test_a_lease_dies_with_its_process() -> None:
    """Killed without a chance to clean up, it holds nobody up."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, "/dev/ttyX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LeaseHeld, match=f"pid {holder.pid}"):
            take()
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()
    take().release()


def test_a_lease_outlives_its_record(locks: Path) -> None:
    """The lock keeps others out, whatever becomes of the file that names the holder."""
    take().release()
    with take() as lease:
        (file,) = locks.glob("*/holder.json")
        record = json.loads(file.read_text())
        strange = [
            {"since": []},
            {"since": float("nan")},
            {"since": 10**400},
            {"pid": "1"},
            {"pid": None},
            {"pid": -1},
            {"started": 3},
            {"command": None},
            {"command": "two\nlines"},
        ]
        texts = ["", "{", "[]", '{"pid": 1}', "[" * 100_000, '{"a":' * 100_000, "9" * 5000]
        for text in texts + [json.dumps({**record, **facts}) for facts in strange]:
            file.write_text(text)
            with pytest.raises(LeaseHeld, match="in use by another process"):
                take()
        file.unlink()
        assert (held := lease_on("/dev/ttyX")) is not None
        assert (held.pid, held.key) == (0, lease.record.key)
    take().release()


def test_a_record_alone_keeps_nobody_out(locks: Path) -> None:
    """A process that was killed leaves its record behind; the next user replaces it."""
    with take():
        (file,) = locks.glob("*/holder.json")
        text = file.read_text()
    file.write_text(text)
    assert lease_on("/dev/ttyX") is None
    take().release()


@pytest.mark.parametrize("what", ["folder", "board", "lock", "record"])
def test_what_is_in_the_way_of_a_lease_is_the_benchs_fault(locks: Path, what: str) -> None:
    """A folder where a file has to be, or a file where the folder has to be, is one clear line."""
    take().release()
    (board,) = locks.iterdir()
    at = {"folder": locks, "board": board, "lock": board / "lock", "record": board / "holder.json"}[what]
    if at.is_dir():
        shutil.rmtree(at)
        at.touch()
    else:
        at.unlink(missing_ok=True)
        at.mkdir()
    with pytest.raises(BenchError, match="boards cannot be leased") as caught:
        take()
    assert caught.value.exit_code == EXIT_BENCH_FAILURE
    assert str(caught.value.file).startswith(str(locks))


def test_every_user_may_use_the_folders_and_read_the_record(locks: Path) -> None:
    """Whatever the umask: sticky above, open below, and a record that all may read and one may write."""
    before = os.umask(0o077)
    try:
        with take():
            (board,) = locks.iterdir()
            modes = [stat.S_IMODE(path.stat().st_mode) for path in (locks, board, *sorted(board.iterdir()))]
    finally:
        os.umask(before)
    assert modes == [0o1777, 0o777, 0o644, 0o666]


def test_a_link_in_the_folder_is_never_followed(locks: Path, tmp_path: Path) -> None:
    """Another user may put one anywhere in it: a victim's file stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    take().release()
    (board,) = locks.iterdir()
    (board / "holder.json").symlink_to(victim)
    with take():
        assert not (board / "holder.json").is_symlink()
    (board / "lock").unlink()
    (board / "lock").symlink_to(victim)
    with pytest.raises(BenchError, match="cannot be leased"):
        take()
    shutil.rmtree(board)
    (tmp_path / "elsewhere").mkdir()
    board.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BenchError, match="it is no folder"):
        take()
    assert victim.read_text() == "precious"
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_folder_that_keeps_others_out_is_opened_by_its_owner(locks: Path) -> None:
    """One that was made by hand, or copied."""
    locks.mkdir(mode=0o700)
    with take():
        assert stat.S_IMODE(locks.stat().st_mode) == 0o1777


def test_all_users_meet_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not depend on who asks: not on TMPDIR, nor on XDG_RUNTIME_DIR, nor on what root alone may write."""
    for name in ("TMPDIR", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    closed, usual = tmp_path / "closed", tmp_path / "usual"
    closed.mkdir(mode=0o755)
    usual.mkdir()
    usual.chmod(0o1777)
    monkeypatch.setattr("tinysine.rigs.lease.SYSTEM_FOLDERS", (tmp_path / "none", closed, usual))
    assert lock_folder({}) == usual / "tinysine"
    (closed / "tinysine").mkdir(mode=0o755)  # an administrator's
    assert lock_folder({}) == closed / "tinysine"
    monkeypatch.setattr("tinysine.rigs.lease.SYSTEM_FOLDERS", ())
    assert not lock_folder({}).is_relative_to(tmp_path)


def test_one_device_under_two_names_is_one_board(tmp_path: Path) -> None:
    """Somebody who knows a board by its serial number keeps out somebody who only knows its path, and the reverse."""
    (tmp_path / "ttyX").touch()
    port = str(tmp_path / "ttyX")
    for first, second in (({"usb_serial": "A"}, {}), ({}, {"usb_serial": "A"})):
        with take(port, **first):
            assert lease_on(port, **second) is not None
            with pytest.raises(LeaseHeld, match=f"pid {os.getpid()}"):
                take(port, **second)
        take(port, **second).release()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may become another user")
def test_two_users_in_two_runtime_folders_share_one_board(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one is told who holds it; what the first one's crash leaves behind keeps nobody out."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders keep other users out
        Path(folder).chmod(0o755)
        monkeypatch.setenv("TINYSINE_LOCKS", f"{folder}/locks")
        take().release()  # whoever comes first makes the folders
        with as_nobody(Path(folder)) as (pid, word):
            assert word == f"held by {pid}"
            with pytest.raises(LeaseHeld, match=f"pid {pid}"):
                take()
        with take(), as_nobody(Path(folder)) as (pid, word):
            assert f"in use by {Path(sys.argv[0]).name}" in word
            assert f"(pid {os.getpid()})" in word
        for board in Path(folder, "locks").iterdir():
            shutil.rmtree(board)
        with as_nobody(Path(folder)) as (pid, word):
            assert word == f"held by {pid}"
        take().release()


@contextlib.contextmanager
def as_nobody(folder: Path) -> Iterator[tuple[int, str]]:
    """A process of another user, with a runtime folder of its own, that takes a lease; killed in the end.

    Yields:
        Its pid, and what it says of the lease.
    """
    nobody = 65534
    runtime = folder / f"run-{time.monotonic_ns()}"
    runtime.mkdir()
    os.chown(runtime, nobody, nobody)
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        try:
            os.setgroups([])
            os.setgid(nobody)
            os.setuid(nobody)
            os.environ["XDG_RUNTIME_DIR"] = str(runtime)
            lease = take()
            word = f"held by {lease.record.pid}"
        except BaseException as error:
            word = f"{type(error).__name__}: {error}"
        os.write(writing, f"{word}\n".encode())
        while True:
            signal.pause()
    os.close(writing)
    try:
        with os.fdopen(reading) as stream:
            yield pid, stream.readline().rstrip()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("url", ["socket://localhost:4000", "rfc2217://localhost:4000"])
def test_the_port_of_another_computer_is_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """It is no path, which would be another one in each folder."""
    with take(url):
        monkeypatch.chdir(tmp_path)
        assert lease_on(url) is not None
        with pytest.raises(LeaseHeld):
            take(url)


def test_adapters_with_the_same_serial_number_are_leased_one_by_one(plug) -> None:
    """Some leave their factory with "0001", all of them; two of them go by their ports."""
    plug(
        ("/dev/ttyX", 1, 1, "0001"),
        ("/dev/ttyY", 1, 1, "0001"),
        ("/dev/ttyZ", 1, 1, "A"),
        ("/dev/ttyW", 1, 1, ""),
    )
    assert [own_serial(f"/dev/tty{port}") for port in "XYZWV"] == ["", "", "A", "", ""]


def test_of_many_at_once_one_gets_the_board() -> None:
    """The lock is one's alone, also among the threads of one process."""

    def attempt(_number: int) -> Lease | None:
        try:
            return take()
        except LeaseHeld:
            return None

    with ThreadPoolExecutor(16) as workers:
        taken = list(workers.map(attempt, range(32)))
    assert sum(lease is not None for lease in taken) == 1


def test_keys_that_look_alike_are_not_the_same() -> None:
    """Characters that a file name cannot hold still distinguish two keys."""
    assert lease_key("/dev/a b") != lease_key("/dev/a_b")
    with take("/dev/a b"), take("/dev/a_b"):
        pass
