"""The program of ours that speaks labgrid's own interface: started, asked and ended.

It is run by the Python that has labgrid, in another environment: labgrid brings a pyserial of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tinysine.errors import BenchError, ConfigError
from tinysine.fair_clock import FairClock
from tinysine.farm.identity import Identity
from tinysine.outside_json import NotJson, read_json_object
from tinysine.outside_text import one_line
from tinysine.processes import end_with_children, python_environment
from tinysine.settings import LABGRID

PROGRAM = "labgrid-client"
# Seconds that stand while the helper has no processor: many runs that begin at once starve each other's imports.
START_S = 30.0  # its imports, and the coordinator's answer
REPLY_S = 30.0  # also the longest silence in a queue, where the helper says each 10 s that it is alive
END_S = 30.0  # an exporter that hangs costs the coordinator 10 s, and others may be in front
_HELPER = Path(__file__).with_name("labgrid_helper.py")
_LAST_WORDS = 2000


class Helper:
    """The running helper; one session with the coordinator.

    Args:
        command: that runs it.
        identity: in whose name it acts.
        on_event: called by another thread with each event that is no reply.
        on_end: called by another thread when it has ended, with its last words.

    Attributes:
        coordinator: that it asks.
    Raises:
        ConfigError: labgrid is not in the Python that should have it.
        BenchError: it does not start, or reaches no coordinator.
    """

    def __init__(
        self,
        command: list[str],
        identity: Identity,
        *,
        on_event: Callable[[dict[str, Any]], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._command, self._on_event, self._on_end = command, on_event, on_end
        self._replies: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._asked = 0
        self.left: Mapping[str, Any] = {"all": True}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process lives
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=helper_environment(identity),
                start_new_session=True,  # a Ctrl-C is for this process alone, which then ends the helper
            )
        except OSError as error:
            self._log.close()
            raise ConfigError(
                f"labgrid's Python cannot be started: {command[0]}: {error.strerror or error}",
                hint=f"set {LABGRID.variable} to the {PROGRAM} of an environment that has labgrid",
                key=LABGRID.variable,
            ) from error
        self._clock: Callable[[], float] = FairClock.of(self._process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            ready = self._started()
        except BaseException:
            self.end()
            raise
        self.coordinator = str(ready.get("coordinator", ""))

    def ask(
        self, name: str, *, timeout_s: float = REPLY_S, silence_s: float = REPLY_S, **facts: Any
    ) -> dict[str, Any]:
        """Ask for something, and wait for the reply. One thread may ask at a time.

        Args:
            name: of the request.
            timeout_s: until the reply.
            silence_s: that the helper may say nothing meanwhile, not even that it is alive.
            facts: of the request.
        Returns:
            The reply; one with "error" is a refusal.
        Raises:
            BenchError: no reply in time, or the helper has ended.
        """
        self._asked += 1
        number = self._asked
        line = json.dumps({"id": number, "do": name, **facts}) + "\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._ended() from error
        deadline = self._clock() + timeout_s
        while True:
            left = deadline - self._clock()
            within_s = timeout_s if left < silence_s else silence_s
            reply = self._next(min(left, silence_s), name, within_s=within_s)
            if reply.get("id") == number:
                return reply

    def end(self) -> None:
        """Have it give back what it holds, and end. Calling it again does nothing."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.close()
        deadline = self._clock() + END_S
        while self._process.poll() is None and (left := deadline - self._clock()) > 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(left)
        if self._process.poll() is None:
            end_with_children(self._process.pid, self._process.wait)
        self._reader.join(1.0)
        self._log.close()

    def _started(self) -> dict[str, Any]:
        try:
            ready = self._next(START_S, "start", within_s=START_S)
        except BenchError as error:
            if "No module named" not in error.message:
                raise
            raise ConfigError(
                f"labgrid cannot be imported by {self._command[0]}: {error.message.rpartition(': ')[2]}",
                hint=f"pip install labgrid there, or set {LABGRID.variable} to the {PROGRAM} of another environment",
                key=LABGRID.variable,
            ) from error
        if ready.get("event") == "ready":
            return ready
        raise BenchError(
            f"labgrid's coordinator at {ready.get('coordinator', '?')} cannot be reached: {ready.get('message', '')}",
            hint="start it, or set LG_COORDINATOR to HOST:PORT of another one",
            coordinator=str(ready.get("coordinator", "")),
        )

    def _next(self, timeout_s: float, what: str, *, within_s: float) -> dict[str, Any]:
        deadline = self._clock() + timeout_s
        while (left := deadline - self._clock()) > 0:
            with contextlib.suppress(queue.Empty):
                reply = self._replies.get(timeout=left)
                break
        else:
            raise BenchError(
                f"labgrid did not answer within {within_s:g} s ({what})",
                hint="see to its coordinator",
                request=what,
            )
        if reply is None:
            self._replies.put(None)
            raise self._ended()
        return reply

    def _ended(self) -> BenchError:
        return BenchError(f"the program that speaks with labgrid has ended{self._last_words()}")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            size = os.fstat(self._log.fileno()).st_size
            text = os.pread(self._log.fileno(), _LAST_WORDS, max(0, size - _LAST_WORDS))
            said = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
            return f": {one_line(said[-1])[:200]}" if said else ""
        return ""

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError), self._process.stdout as stream:
            for line in stream:
                try:
                    message = read_json_object(line)
                except NotJson:
                    continue
                if message.get("event") == "ended":
                    left = message.get("left")
                    self.left = left if isinstance(left, dict) else {"all": True}
                elif "id" in message or message.get("event") in ("ready", "failed", "alive"):
                    self._replies.put(message)
                else:
                    self._on_event(message)
        self._replies.put(None)
        self._on_end(self._last_words())


def start_helper(
    identity: Identity, *, on_event: Callable[[dict[str, Any]], None], on_end: Callable[[str], None]
) -> Helper:
    """Start the helper; see `Helper`."""
    return Helper(helper_command(), identity, on_event=on_event, on_end=on_end)


def helper_command(*arguments: str, variables: Mapping[str, str] = os.environ) -> list[str]:
    """The command that has labgrid's Python run the helper.

    Raises:
        ConfigError: labgrid is not installed, or TINYSINE_LABGRID leads to nothing; facts key.
    """
    return [str(_labgrid_python(variables)), str(_HELPER), *arguments]


def helper_environment(identity: Identity, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the helper: labgrid is told who asks."""
    return {
        **python_environment(variables),
        "PYTHONSAFEPATH": "1",  # the folder of the helper has modules of tinysine, which are not for it
        "LG_HOSTNAME": identity.host,
        "LG_USERNAME": identity.user,
    }


def _labgrid_python(variables: Mapping[str, str]) -> Path:
    named = variables.get(LABGRID.variable, "")
    client = named or shutil.which(PROGRAM, path=variables.get("PATH"))
    if not client:
        raise ConfigError(
            f"labgrid is not installed: there is no {PROGRAM} on PATH",
            hint="install it in an environment of its own (pipx install labgrid), or set "
            f"{LABGRID.variable} to its {PROGRAM}",
            key=LABGRID.variable,
        )
    path = Path(client)
    if path.is_dir():
        path = path / PROGRAM if (path / PROGRAM).exists() else path / "bin" / PROGRAM
    if not path.is_file():
        raise ConfigError(
            f"{LABGRID.variable} is {client!r}, and there is no {PROGRAM}",
            hint=f"name the {PROGRAM} of an environment that has labgrid, or the environment's folder",
            key=LABGRID.variable,
        )
    # What is on PATH is often a link into the environment; the Python is beside the program itself.
    for folder in (path.parent, path.resolve().parent):
        for name in ("python3", "python"):
            if (folder / name).is_file():
                return folder / name
    raise ConfigError(
        f"there is no Python beside {path}",
        hint=f"set {LABGRID.variable} to the {PROGRAM} of a Python environment",
        key=LABGRID.variable,
    )
