"""A farm on this computer: coordinator, exporter and ser2net as in the field, and emulated boards behind them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import platformdirs

LABGRID = "labgrid==26.0.1"
START_S = 60.0
_SYSTEM_PATH = (
    f"{os.environ.get('PATH', '')}:/usr/sbin"  # where Debian has servers, which users need not have on PATH
)
SSHD = shutil.which("sshd", path=_SYSTEM_PATH) or ""
SER2NET = shutil.which("ser2net", path=_SYSTEM_PATH) or ""


def labgrid_environment() -> Path:
    """The folder of programs of an environment that has labgrid and nothing of tinysine; made from PyPI if need be."""
    version = f"{LABGRID.replace('==', '-')}-py{sys.version_info.major}.{sys.version_info.minor}"
    folder = platformdirs.user_cache_path("tinysine-tests") / version
    folder.parent.mkdir(parents=True, exist_ok=True)
    programs = folder / "bin"
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            install = [str(programs / "python"), "-m", "pip", "install", "--quiet", LABGRID]
            subprocess.run(install, check=True)
            (folder / "complete").touch()
    return programs


def free_port() -> int:
    """A TCP port of this computer that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def until(condition: Callable[[], Any], what: str, *, timeout_s: float = START_S) -> Any:
    """Wait until a condition is true, and return what it returned.

    Raises:
        AssertionError: it is not in time.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(0.05)
    return found


def listens(port: int) -> bool:
    """Tell whether a program listens on a port; no connection is made, as one may be all that it accepts."""
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(file).read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                return True
    return False


@dataclass
class Seat:
    """One place of the farm.

    Attributes:
        name: of the place.
        port: TCP port where its serial line is.
        protocol: of it: "raw" or "rfc2217".
        tags: of the place.
        resources: further ones, by class.
    """

    name: str
    port: int
    protocol: str = "raw"
    tags: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Farm:
    """A coordinator and an exporter, each a process that can be killed, stopped and started again.

    Args:
        programs: as `labgrid_environment` gave it.
        folder: for what they write.
        seats: the places.
        isolated: its serial lines are said to be reached through ssh alone.
    """

    def __init__(
        self, programs: Path, folder: Path, seats: Sequence[Seat], *, isolated: bool = False
    ) -> None:
        import yaml  # noqa: PLC0415

        self.programs, self.folder, self.seats, self.isolated = programs, folder, seats, isolated
        self.address = f"127.0.0.1:{free_port()}"
        self.coordinator: subprocess.Popen[bytes] | None = None
        self.exporter: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)
        places = {
            seat.name: {
                "tags": dict(seat.tags),
                "matches": [{"exporter": "*", "group": seat.name, "cls": "*", "name": None, "rename": None}],
            }
            for seat in seats
        }
        (folder / "places.yaml").write_text(yaml.safe_dump(places), encoding="utf-8")
        resources = {
            seat.name: {
                "NetworkSerialPort": {"host": "127.0.0.1", "port": seat.port, "protocol": seat.protocol},
                **{name: dict(facts) for name, facts in seat.resources.items()},
            }
            for seat in seats
        }
        self._resources = folder / "exported.yaml"
        self._resources.write_text(yaml.safe_dump(resources), encoding="utf-8")

    def start(self) -> None:
        """Start both, and wait until all places have their resources."""
        self.start_coordinator()
        self.start_exporter()

    def start_coordinator(self) -> None:
        """Start the coordinator; it knows the places, and nothing of who held them before."""
        self.coordinator = self._program("labgrid-coordinator", "-l", self.address)
        until(lambda: listens(int(self.address.rpartition(":")[2])), "the coordinator listens")

    def start_exporter(self) -> None:
        """Start the exporter, and wait until its resources are there."""
        self.exporter = self._program(
            *("labgrid-exporter", "-c", self.address, "--name", "bench", "--hostname", "127.0.0.1"),
            *(["--isolated"] if self.isolated else []),
            str(self._resources),
        )
        wanted = sum(1 + len(seat.resources) for seat in self.seats)
        until(lambda: self.client("resources").count("bench/") >= wanted, "the exporter's resources")

    def client(self, *arguments: str) -> str:
        """Return the output of labgrid's own command line."""
        command = [str(self.programs / "labgrid-client"), "-x", self.address, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def holders(self) -> dict[str, str]:
        """Return the holder of each place; free places are left out."""
        held = {}
        for line in self.client("who").splitlines()[1:]:
            user, host, place, *_ = line.split()
            held[place] = f"{host}/{user}"
        return held

    def reservations(self) -> str:
        """All reservations, as labgrid prints them; "" for none."""
        return self.client("reservations")

    def environment(self) -> dict[str, str]:
        """For a client of this farm."""
        return {**os.environ, **self.variables}

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables that a client of this farm needs."""
        return {
            "LG_COORDINATOR": self.address,
            "TINYSINE_LABGRID": str(self.programs / "labgrid-client"),
        }

    def close(self) -> None:
        """End everything."""
        for process in (self.exporter, self.coordinator, *self._others):
            if process is not None:
                end(process)

    def _program(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(self.programs / name), *arguments], cwd=self.folder, stdout=log, stderr=log
            )
        self._others.append(process)
        return process


class PrivateSshd:
    """An ssh server of this user's own on loopback, and an ssh that trusts it, and it alone.

    Args:
        folder: for keys and configuration.
        path: PATH of the programs that it runs.
    Attributes:
        programs: folder with that `ssh`, to be put at the front of PATH.
    """

    def __init__(self, folder: Path, *, path: str) -> None:
        folder.mkdir(parents=True)
        port = free_port()
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(command, check=True)
        (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
        kind, key, *_ = (folder / "host.pub").read_text(encoding="ascii").split()
        (folder / "known").write_text(f"this-farm {kind} {key}\n", encoding="ascii")
        (folder / "sshd_config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPasswordAuthentication no\n"
            f"SetEnv PATH={path}\n",
            encoding="utf-8",
        )
        (folder / "ssh_config").write_text(
            # Whatever this computer is called: an exporter names itself as its proxy.
            f"Host *\n  HostName 127.0.0.1\n  HostKeyAlias this-farm\n  Port {port}\n"
            f"  IdentityFile {folder}/user\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {folder}/known\n  StrictHostKeyChecking yes\n",
            encoding="utf-8",
        )
        self.programs = folder / "bin"
        self.programs.mkdir()
        wrapper = self.programs / "ssh"
        wrapper.write_text(
            f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n', encoding="utf-8"
        )
        wrapper.chmod(0o755)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # as Debian's unit makes it
        with (folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log
            )
        until(lambda: listens(port), "sshd listens")

    def close(self) -> None:
        """End it."""
        end(self._process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours, also one that is stopped."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def ser2net(folder: Path, lines: Mapping[int, str], *, rfc2217: Sequence[int] = ()) -> Iterator[None]:
    """Serve terminals on TCP ports of this computer, each to one client at a time, as docs/farm.md has it.

    Args:
        lines: device by port.
        rfc2217: ports that speak RFC 2217 instead of plain bytes.
    """
    text = []
    for number, (port, device) in enumerate(lines.items()):
        accepter = f"telnet(rfc2217),tcp,127.0.0.1,{port}" if port in rfc2217 else f"tcp,127.0.0.1,{port}"
        text.append(
            f"connection: &line{number}\n"
            f"  accepter: {accepter}\n"
            f"  connector: serialdev,{device},115200n81,local\n"
            "  options:\n"
            "    max-connections: 1\n"
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "ser2net.yaml"
    file.write_text("".join(text), encoding="utf-8")
    with (folder / "ser2net.log").open("ab") as log:
        process = subprocess.Popen([SER2NET, "-n", "-d", "-c", str(file)], stdout=log, stderr=log)
    try:
        for port in lines:
            until(lambda port=port: listens(port), f"ser2net listens on {port}")  # type: ignore[misc]
        yield
    finally:
        end(process)
