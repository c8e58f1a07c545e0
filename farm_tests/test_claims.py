"""Claims of places: contention, queues, and clients that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from farm_tests.conftest import RAW, TELNET
from farm_tests.loopback import Farm, until
from tinysine.errors import BenchError, ConfigError, LeaseHeld
from tinysine.farm.claim import Claim
from tinysine.place import AtLabgrid

HOLDER = f"""
import sys, time
from tinysine.farm.claim import Claim
from tinysine.place import AtLabgrid
claim = Claim(AtLabgrid({RAW!r}), board="x", wait_s=60, tell=lambda text: None)
print("held", flush=True)
time.sleep(600)
"""
BY_NAME = AtLabgrid(RAW)


def claimed(wanted: AtLabgrid = BY_NAME, *, wait_s: float = 60, told: list[str] | None = None) -> Claim:
    """A claim of this process."""
    return Claim(wanted, board="x", wait_s=wait_s, tell=(told if told is not None else []).append)


def holding() -> subprocess.Popen[str]:
    """Another process that holds the place."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill_with_helper(process: subprocess.Popen[str]) -> None:
    """Kill a client and its helper at once: nobody is left to give anything back."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for member in family:
        member.suspend()
    for member in family:
        member.kill()
    process.communicate()


def test_two_clients_get_the_place_one_after_the_other(farm: Farm) -> None:
    """The second one waits, is told for whom, and has it as soon as the first one lets go."""
    told: list[str] = []
    first = claimed()
    assert list(farm.holders()) == [RAW]
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(lambda: claimed(told=told))
        until(lambda: told, "the second client waits")
        assert str(first.identity) in told[0]
        assert not second.done()
        first.close()
        held = second.result(30)
    assert farm.holders() == {RAW: str(held.identity)}
    assert told[-1] == f"labgrid: {RAW} is ours"
    held.close()
    assert farm.holders() == {}
    assert farm.reservations() == ""


def test_the_queue_has_a_deadline(farm: Farm) -> None:
    """A claim that waits in vain names the holder of the place, and leaves no reservation behind."""
    first = claimed()
    with pytest.raises(LeaseHeld) as refused:
        claimed(wait_s=0.5)
    assert str(first.identity) in refused.value.message
    assert f"labgrid-client -p {RAW} release-from {first.identity}" in refused.value.hint
    assert farm.holders() == {RAW: str(first.identity)}
    first.confirm()
    first.close()
    assert farm.reservations() == ""


def test_tags_find_any_place_that_has_them(farm: Farm) -> None:
    """Two places have the board's tag: both are given out, by the tag alone; a third client waits."""
    wanted = AtLabgrid(tags=(("board", "nano33ble"),))
    both = [claimed(wanted), claimed(wanted)]
    assert sorted(farm.holders()) == [RAW, TELNET] == sorted(claim.name for claim in both)
    with pytest.raises(LeaseHeld):
        claimed(wanted, wait_s=0.2)
    for claim in both:
        claim.close()
    with pytest.raises(ConfigError, match="no place of labgrid's coordinator has the tags"):
        claimed(AtLabgrid(tags=(("board", "of_mars"),)))
    with pytest.raises(ConfigError, match="has no place 'b'"):
        claimed(AtLabgrid("b"))
    assert farm.holders() == {}


def test_a_holder_that_is_killed_leaves_nothing(farm: Farm) -> None:
    """Its helper outlives it long enough to give the place back."""
    process = holding()
    process.kill()
    process.communicate()
    until(lambda: farm.holders() == {}, "the place is free")


def test_what_a_dead_run_has_left_is_freed_by_the_next(farm: Farm) -> None:
    """Client and helper are killed at once: the next client of this computer frees what nobody else may."""
    told: list[str] = []
    kill_with_helper(holding())
    assert list(farm.holders()) == [RAW]
    claim = claimed(wait_s=5, told=told)
    assert f"{RAW} was held by a run that is dead" in told[0]
    claim.close()
    assert farm.holders() == {}


def test_a_stranger_is_never_freed(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who holds the place by labgrid's own command is reported, with the command that would free it."""
    monkeypatch.setenv("LG_USERNAME", "somebody")
    monkeypatch.setenv("LG_HOSTNAME", "elsewhere")
    farm.client("-p", RAW, "acquire")
    with pytest.raises(LeaseHeld) as refused:
        claimed(wait_s=0.5)
    assert f"labgrid-client -p {RAW} release-from elsewhere/somebody" in refused.value.hint
    assert farm.holders() == {RAW: "elsewhere/somebody"}


def test_a_client_that_is_killed_while_it_acquires_blocks_nobody_for_long(farm: Farm) -> None:
    """The exporter hangs meanwhile; half an acquisition is undone, and the next client has the place."""
    assert farm.exporter is not None
    farm.exporter.send_signal(signal.SIGSTOP)
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    log = farm.folder / "labgrid-coordinator.log"
    until(lambda: f'placename: "{RAW}"' in log.read_text(encoding="utf-8"), "it acquires")
    kill_with_helper(process)
    farm.exporter.send_signal(signal.SIGCONT)
    claim = claimed(wait_s=60)
    claim.confirm()
    claim.close()
    assert farm.holders() == {}


def test_an_exporter_that_hangs_ends_the_run_soon(farm: Farm) -> None:
    """The coordinator waits 10 s for it; so long is waited once, and not until the queue's deadline."""
    assert farm.exporter is not None
    farm.exporter.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(BenchError, match=f"the exporter of {RAW} does not answer"):
        claimed(wait_s=600)
    assert time.monotonic() - began < 60
    farm.exporter.send_signal(signal.SIGCONT)
    assert farm.holders() == {}
    assert farm.reservations() == ""


def test_without_a_coordinator_there_is_no_farm(farm: Farm) -> None:
    """Its absence is a bench failure, at once and with its address."""
    assert farm.coordinator is not None
    os.kill(farm.coordinator.pid, signal.SIGKILL)
    farm.coordinator.wait()
    with pytest.raises(BenchError, match=f"coordinator at {farm.address} cannot be reached"):
        claimed()


Lose = Callable[[Farm], None]


def _coordinator_restarts(farm: Farm) -> None:
    assert farm.coordinator is not None
    farm.coordinator.kill()
    farm.coordinator.wait()
    farm.start_coordinator()


def _exporter_dies(farm: Farm) -> None:
    assert farm.exporter is not None
    farm.exporter.kill()
    farm.exporter.wait()


def _somebody_takes_it(farm: Farm) -> None:
    farm.client("-p", RAW, "release", "--kick")


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        (_coordinator_restarts, "the coordinator is gone"),
        (_exporter_dies, "its exporter is gone"),
        (_somebody_takes_it, "the place is now free"),
    ],
)
def test_a_place_that_is_lost_is_known_at_once(farm: Farm, lose: Lose, why: str) -> None:
    """Without being asked: whoever uses the board is told before somebody else can have it."""
    claim = claimed()
    lose(farm)
    assert claim.ended.wait(30)
    assert claim.lost is not None
    assert why in claim.lost.message
    claim.close()
    assert farm.holders() == {}
