"""Leases: one user of a board, until the lease is given back, expires, or its process is gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tinysine.errors import EXIT_BENCH_FAILURE, BenchError, LeaseHeld
from tinysine.flashing import lease_on, own_serial, take_lease
from tinysine.flashing.lease import lease_key

HOLDER = """
import sys
from tinysine.flashing import take_lease
lease = take_lease(sys.argv[1], board="nano33ble-sense")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def take(port: str = "/dev/ttyX", **options: object):
    """A lease on a board."""
    return take_lease(port, board="nano33ble-sense", **options)


def test_a_second_user_is_told_who_holds_the_board() -> None:
    """The error names board, port and process, and is the bench's fault."""
    with take(), pytest.raises(LeaseHeld, match=rf"/dev/ttyX is in use by .*pid {os.getpid()}") as caught:
        take()
    assert caught.value.exit_code == EXIT_BENCH_FAILURE
    assert (caught.value.board, caught.value.pid) == ("nano33ble-sense", os.getpid())
    assert 0 < caught.value.expires_s <= 1800


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


def test_a_pid_that_was_used_anew_is_not_the_holder(tmp_path: Path) -> None:
    """The number alone proves nothing: the process must have started when the lease says."""
    lease = take()
    (file,) = (tmp_path / "tinysine" / "leases").glob("*.json")
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"started": "1"}))
    assert lease_on("/dev/ttyX") is None
    take().release()
    lease.release()


def test_a_lease_expires_although_its_process_lives() -> None:
    """A job that hangs holds a board for so long and no longer."""
    now = [1000.0]
    lease = take(seconds=60, clock=lambda: now[0])
    now[0] += 59
    with pytest.raises(LeaseHeld, match="expire in 0 min"):
        take(clock=lambda: now[0])
    now[0] += 1
    second = take(seconds=60, clock=lambda: now[0])
    with pytest.raises(LeaseHeld):
        lease.renew()
    lease.release()
    assert lease_on("/dev/ttyX", clock=lambda: now[0]) == second.record


def test_a_renewed_lease_lasts_longer() -> None:
    """Whoever works goes on working; an expired lease that nobody took comes back to life."""
    now = [1000.0]
    lease = take(seconds=60, clock=lambda: now[0])
    for _ in range(3):
        now[0] += 50
        lease.renew()
    now[0] += 500
    lease.renew()
    with pytest.raises(LeaseHeld):
        take(clock=lambda: now[0])


def test_a_damaged_record_keeps_nobody_out(tmp_path: Path) -> None:
    """Half a file, or one of another version, is no lease."""
    take().release()
    folder = tmp_path / "tinysine" / "leases"
    take("/dev/ttyX")
    (file,) = folder.glob("*.json")
    record = json.loads(file.read_text())
    strange = [
        {"expires": None},
        {"expires": "1"},
        {"expires": True},
        {"expires": 10**400},
        {"expires": float("inf")},
        {"expires": float("nan")},
        {"since": []},
        {"pid": "1"},
        {"pid": None},
        {"started": 3},
        {"token": {}},
        {"command": None},
    ]
    texts = ["", "{", "[]", '{"pid": 1}', "[" * 100_000, '{"a":' * 100_000, "9" * 5000]
    for text in texts + [json.dumps({**record, **facts}) for facts in strange]:
        file.write_text(text)
        assert lease_on("/dev/ttyX") is None
        take("/dev/ttyX")


@pytest.mark.parametrize("what", ["leases", "lease", "lock"])
def test_what_is_in_the_way_of_a_lease_is_the_benchs_fault(tmp_path: Path, what: str) -> None:
    """A folder where a file has to be, or a file where the folder has to be, is one clear line."""
    take().release()
    folder = tmp_path / "tinysine" / "leases"
    if what == "leases":
        shutil.rmtree(folder)
        folder.touch()
    else:
        (lock,) = folder.glob("*.lock")
        path = lock if what == "lock" else lock.with_suffix(".json")
        path.unlink(missing_ok=True)
        path.mkdir()
    with pytest.raises(BenchError, match="boards cannot be leased") as caught:
        take()
    assert caught.value.exit_code == EXIT_BENCH_FAILURE
    assert str(caught.value.file).startswith(str(folder))


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
    """The file is changed by one at a time."""

    def attempt(_number: int) -> bool:
        try:
            take()
        except LeaseHeld:
            return False
        return True

    with ThreadPoolExecutor(16) as workers:
        assert sum(workers.map(attempt, range(64))) == 1


def test_keys_that_look_alike_are_not_the_same() -> None:
    """What a file's name cannot hold still counts."""
    assert lease_key("/dev/a b") != lease_key("/dev/a_b")
    with take("/dev/a b"), take("/dev/a_b"):
        pass
