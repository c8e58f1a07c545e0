"""Programs on the computer that a board is connected to, by ssh; and a way to a serial line that only it can reach.

The user's own configuration of ssh counts: keys, known hosts, ports. Nothing is asked interactively.
"""

from __future__ import annotations

import secrets
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from queue import Empty, Queue

from tinysine.errors import BenchError, FlashError
from tinysine.farm.serial_port import SerialLine
from tinysine.flashing.process import run_tool
from tinysine.outside_text import one_line
from tinysine.processes import end_with_children

CONNECT_S = 10
OPTIONS = (
    *("-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}"),
    *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"),
)
IMAGE = "image.bin"
FORWARD_S = 20.0
_GRACE_S = 10.0  # for ssh itself, beside the tool
_OF_SSH, _NOT_FOUND = 255, 127  # exit codes
_HINT = "by hand: ssh {host} true; it must need neither a password nor an answer"


def remote_folder() -> str:
    """The path of a new folder on the other computer; nobody else can guess it."""
    return f"/tmp/tinysine-{secrets.token_hex(12)}"


def run_there(
    host: str,
    tool: str,
    command: Sequence[str],
    *,
    timeout_s: float,
    image: bytes = b"",
    folder: str,
    stop: threading.Event | None = None,
) -> str:
    """Run a flash tool on another computer.

    The tool ends when this process does, or the connection to it: a watcher there reads what ssh keeps open.

    Args:
        host: as ssh takes it.
        tool: its name, for messages.
        command: program and arguments.
        timeout_s: until it must have ended; there, too.
        image: put into `folder` under the name of `IMAGE`, which `command` may name.
        folder: as `remote_folder` gave it; gone afterwards.
        stop: set by another thread to end it before its time.
    Returns:
        its output.
    Raises:
        FlashError: the computer cannot be reached, has no such tool, or the tool failed; facts as `run_tool`.
    """
    script = _script(command, image_bytes=len(image), folder=folder, timeout_s=timeout_s)
    try:
        return run_tool(
            f"{tool} on {host}",
            [_ssh(), *OPTIONS, "--", host, f"sh -c {shlex.quote(script)}"],
            timeout_s=timeout_s + CONNECT_S + _GRACE_S,
            feed=image,
            stop=stop,
        )
    except FlashError as error:
        code, words = error.facts.get("exit_code"), error.message.rpartition("): ")[2]
        if code == _OF_SSH:
            raise FlashError(
                f"{host} cannot be reached by ssh: {words}", hint=_HINT.format(host=host), **error.facts
            ) from error
        if code == _NOT_FOUND:
            raise FlashError(
                f"{host} has no {command[0]}", hint=f"install {tool} there", **error.facts
            ) from error
        raise


def _script(command: Sequence[str], *, image_bytes: int, folder: str, timeout_s: float) -> str:
    """Return the script for the other shell, in one line: login shells of any kind pass it on unchanged."""
    limited = shlex.join(["timeout", "-k", "5", f"{timeout_s:.0f}", *command])
    file = f"{folder}/{IMAGE}"
    return "; ".join(
        (
            f"umask 077; mkdir {folder} || exit 120",
            f"trap 'rm -rf {folder}' EXIT; trap 'exit 121' HUP INT TERM",
            f"head -c {image_bytes} >{file}",
            f'[ "$(wc -c <{file})" -eq {image_bytes} ] || {{ echo "the image did not arrive whole" >&2; exit 122; }}',
            "exec 3<&0",
            f"{limited} </dev/null 3<&- & tool=$!",
            # The end of the input is the end of whoever asked, or of the connection. A `timeout` that has just begun
            # may end without its command: its group is told, too.
            '{ cat <&3 >/dev/null; kill "$tool"; kill -s TERM -- "-$tool"; } 2>/dev/null & watcher=$!',
            'wait "$tool"; code=$?',
            'kill "$watcher" 2>/dev/null; exit "$code"',
        )
    )


class Forward:
    """A port of this computer that leads to a serial line behind another computer; it ends with this process.

    Args:
        line: that is reached from its proxy alone.
    Attributes:
        port: of this computer.
    Raises:
        BenchError: ssh fails, or does not come up in time.
    """

    def __init__(self, line: SerialLine) -> None:
        self.port = _free_port()
        there = f"[{line.host}]" if ":" in line.host else line.host
        command = [_ssh(), *OPTIONS, "-o", "ExitOnForwardFailure=yes"]
        # Forwards are open before the command runs; and the command ends with our end of its input.
        command += [
            "-L",
            f"127.0.0.1:{self.port}:{there}:{line.port}",
            "--",
            line.proxy,
            "echo ready; exec cat",
        ]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process lives
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True
        )
        first: Queue[bytes] = Queue()
        assert self._process.stdout is not None
        threading.Thread(target=lambda: first.put(self._process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
        try:
            told = first.get(timeout=FORWARD_S)
        except Empty:
            told = b""
        if told.strip() != b"ready":
            said = self.close()
            raise BenchError(
                f"no way to {line.host}:{line.port} through {line.proxy}{said}",
                hint=_HINT.format(host=line.proxy),
                host=line.proxy,
            )

    def close(self) -> str:
        """End it; returns what ssh said last, for a message. Calling it again does nothing."""
        if self._log.closed:
            return ""
        end_with_children(self._process.pid, self._process.wait)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._log.seek(0)
        said = [text for text in self._log.read().decode(errors="replace").splitlines() if text.strip()]
        self._log.close()
        return f": {one_line(said[-1])[:200]}" if said else ""


def _ssh() -> str:
    path = shutil.which("ssh")
    if path is None:
        raise FlashError("ssh is not installed", hint="apt install openssh-client", tool="ssh")
    return path


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
