"""The helper's process: found, started, asked over pipes, and ended."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tinysine.errors import BenchError, ConfigError
from tinysine.farm import helper
from tinysine.farm.helper import Helper, helper_command, helper_environment
from tinysine.farm.identity import Identity

ME = Identity("here", "tinysine-me")
SPEAKS = """
import json, os, sys, time
def say(**facts): print(json.dumps(facts), flush=True)
print("a line that is no JSON")
say(event="ready", coordinator="c:1")
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "die":
        sys.exit("it broke\\nthe last word")
    if request["do"] == "sleep":
        continue
    if request["do"] == "queue":
        for _ in range(5):
            time.sleep(0.2)
            say(event="alive")
    if request["do"] == "alive":
        while True:
            say(event="alive")
            time.sleep(0.01)
    say(event="news", about=request["do"])
    say(id=0, late=True)
    say(id=request["id"], echo=request)
say(event="ended", left={"place": "b1"})
"""


def started(
    tmp_path: Path, source: str, events: list[Any] | None = None, ends: list[str] | None = None
) -> Helper:
    """A helper that is this script."""
    script = tmp_path / "script.py"
    script.write_text(source, encoding="utf-8")
    return Helper(
        [sys.executable, str(script)],
        ME,
        on_event=(events if events is not None else []).append,
        on_end=(ends if ends is not None else []).append,
    )


def test_replies_find_their_requests_and_events_their_listener(tmp_path: Path) -> None:
    """A late reply to another request is passed over; the end brings what was left."""
    events: list[Any] = []
    ends: list[str] = []
    running = started(tmp_path, SPEAKS, events, ends)
    assert running.coordinator == "c:1"
    assert running.ask("look", far=1)["echo"] == {"id": 1, "do": "look", "far": 1}
    assert running.ask("look")["echo"]["id"] == 2
    assert events == [{"event": "news", "about": "look"}] * 2
    running.end()
    running.end()
    assert running.left == {"place": "b1"}
    assert ends == [""]


def test_a_helper_that_ends_or_is_silent_is_a_bench_failure(tmp_path: Path) -> None:
    """Nobody waits for ever, and its last words are told."""
    ends: list[str] = []
    running = started(tmp_path, SPEAKS, [], ends)
    with pytest.raises(BenchError, match=r"did not answer within 0.05 s \(sleep\)"):
        running.ask("sleep", timeout_s=0.05)
    with pytest.raises(BenchError, match="has ended: the last word"):
        running.ask("die")
    with pytest.raises(BenchError, match="has ended"):
        running.ask("look")
    running.end()
    assert ends == [": the last word"]


def test_a_helper_that_stands_in_a_queue_says_that_it_is_alive(tmp_path: Path) -> None:
    """One that says so may take longer than a silent one; one that says nothing else has a deadline all the same."""
    running = started(tmp_path, SPEAKS)
    assert running.ask("queue", timeout_s=60, silence_s=0.9)["echo"]["do"] == "queue"
    with pytest.raises(BenchError, match=r"did not answer within 0.2 s \(sleep\)"):
        running.ask("sleep", timeout_s=600, silence_s=0.2)
    with pytest.raises(BenchError, match=r"did not answer within 0.3 s \(alive\)"):
        running.ask("alive", timeout_s=0.3, silence_s=60)
    running._process.kill()
    running.end()


def test_deadlines_stand_while_the_helper_has_no_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many runs that begin at once starve each other: that is no word about the coordinator."""
    monkeypatch.setattr(helper.FairClock, "of", lambda _pid: lambda: time.monotonic() / 1000)
    monkeypatch.setattr(helper, "START_S", 0.02)
    monkeypatch.setattr(helper, "END_S", 0.02)
    slow = SPEAKS
    for first_or_last in ('say(event="ready"', 'say(event="ended"'):
        slow = slow.replace(first_or_last, f"time.sleep(0.2)\n{first_or_last}")
    running = started(tmp_path, slow)
    assert running.ask("queue", timeout_s=0.02)["echo"]["do"] == "queue"
    running.end()
    assert running.left == {"place": "b1"}


@pytest.mark.parametrize(
    ("source", "kind", "told"),
    [
        (
            "import labgrid_that_is_not_there",
            ConfigError,
            "cannot be imported by .*labgrid_that_is_not_there",
        ),
        ("import sys; sys.exit('broken')", BenchError, "has ended: broken"),
        (
            'print(\'{"event": "failed", "error": "coordinator", "message": "refused", "coordinator": "c:1"}\')',
            BenchError,
            "coordinator at c:1 cannot be reached: refused",
        ),
    ],
)
def test_a_helper_that_does_not_start_says_why(
    tmp_path: Path, source: str, kind: type[Exception], told: str
) -> None:
    """Labgrid that is not installed is the user's to mend, a coordinator that is not there the bench's."""
    with pytest.raises(kind, match=told):
        started(tmp_path, source)


def test_labgrids_python_is_the_one_beside_its_program(tmp_path: Path) -> None:
    """By the variable, which names the program or its environment, or by PATH, also through a link."""
    programs = tmp_path / "environment" / "bin"
    programs.mkdir(parents=True)
    for name in ("labgrid-client", "python3"):
        (programs / name).touch(mode=0o755)
    elsewhere = tmp_path / "links"
    elsewhere.mkdir()
    (elsewhere / "labgrid-client").symlink_to(programs / "labgrid-client")
    for variables in (
        {"TINYSINE_LABGRID": str(programs / "labgrid-client")},
        {"TINYSINE_LABGRID": str(programs)},
        {"TINYSINE_LABGRID": str(tmp_path / "environment")},
        {"PATH": str(programs)},
        {"PATH": str(elsewhere)},
    ):
        command = helper_command("power", variables=variables)
        assert command[0] == str(programs / "python3")
        assert command[2:] == ["power"]
        assert Path(command[1]).is_file()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PATH": ""}, "no labgrid-client on PATH"),
        ({"TINYSINE_LABGRID": "/nowhere/labgrid-client"}, "there is no labgrid-client"),
    ],
)
def test_labgrid_that_is_not_there_is_told(variables: dict[str, str], told: str) -> None:
    """Bad input, with the variable to set."""
    with pytest.raises(ConfigError, match=told):
        helper_command(variables=variables)


def test_the_helper_knows_who_asks() -> None:
    """Labgrid reads the names from the environment; the rest of Python's own variables does not disturb it."""
    environment = helper_environment(ME, {"PYTHONINSPECT": "1", "PATH": "p", "LG_USERNAME": "x"})
    assert (environment["LG_HOSTNAME"], environment["LG_USERNAME"]) == ("here", "tinysine-me")
    assert "PYTHONINSPECT" not in environment


def test_the_helper_imports_nothing_of_tinysine() -> None:
    """It runs where tinysine is not installed."""
    text = (Path(helper.__file__).with_name("labgrid_helper.py")).read_text("utf-8")
    assert "from tinysine" not in text
    assert "import tinysine" not in text
