"""Waiting for a board that computes: as long as it computes, and no longer than it is alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.emulation import control
from tinysine.emulation.control import ControlServer, ask
from tinysine.emulation.core_thread import CoreThread
from tinysine.errors import BenchError, BoardNotFound


@pytest.mark.parametrize(
    ("gentle", "seconds"), [(True, 30), (False, 10)], ids=["at an idle moment", "by stopping it"]
)
def test_wait_is_measured_by_the_clock_that_it_was_given(
    monkeypatch: pytest.MonkeyPatch, gentle: bool, seconds: int
) -> None:
    """A second of that clock passes at each look; the message tells how many there were."""
    monkeypatch.setattr("tinysine.emulation.core_thread._SHORT_S", 0.0)
    looks: list[float] = []

    def clock() -> float:
        looks.append(float(len(looks)))
        return looks[-1]

    thread = CoreThread("a board", wake=lambda: None, interrupt=lambda: None, start_clock=lambda: clock)
    with pytest.raises(BenchError, match=f"did not become idle within {seconds} s"):
        thread.do(lambda: None, gentle=gentle)
    assert len(looks) == seconds + 2


def test_clock_that_stands_gives_all_the_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the emulator is kept from running, no patience is used up."""
    monkeypatch.setattr("tinysine.emulation.core_thread._SHORT_S", 0.0)
    looks: list[int] = []
    thread: CoreThread

    def clock() -> float:
        looks.append(1)
        if len(looks) == 100:
            thread.work()
        return 0.0

    thread = CoreThread("a board", wake=lambda: None, interrupt=lambda: None, start_clock=lambda: clock)
    assert thread.do(lambda: "done", gentle=True) == "done"
    assert len(looks) >= 100


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that waits a fifth of a second, and a server that gives a sign of life ten times in that."""
    monkeypatch.setattr(control, "_TIMEOUT_S", 0.2)
    monkeypatch.setattr(control, "_SIGN_OF_LIFE_S", 0.02)


@pytest.mark.usefixtures("impatient")
def test_answer_that_takes_long_is_waited_for(tmp_path: Path) -> None:
    """Five times as long as the client waits for any sign of life."""
    server = ControlServer(tmp_path / "control", {"slow": lambda: threading.Event().wait(1.0)})
    assert ask(str(tmp_path / "control"), "slow") is False
    server.close()


@pytest.mark.usefixtures("impatient")
def test_server_without_a_sign_of_life_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has taken the command, and says nothing."""
    monkeypatch.setattr(control, "_SIGN_OF_LIFE_S", 5.0)
    wait: Callable[[], bool] = lambda: threading.Event().wait(3.0)  # noqa: E731
    server = ControlServer(tmp_path / "control", {"silent": wait})
    with pytest.raises(BoardNotFound, match="does not answer `silent`"):
        ask(str(tmp_path / "control"), "silent")
    server.close()
