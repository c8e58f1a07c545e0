"""The name under which a run holds a place, and which names are those of runs that died.

A coordinator knows HOST/USER, and nothing of processes. So a run has a user name of its own, and that name says which
process on which computer it belongs to. What a dead process has left behind may be freed; nothing else may.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinysine.processes import started

_PREFIX = "tinysine"
_NAME = re.compile(
    rf"{_PREFIX}-(?P<user>[\w.]+)-(?P<realm>[0-9a-f]{{8}})x(?P<started>[0-9a-z]+)x[0-9a-f]{{6}}-(?P<pid>[1-9]\d{{0,9}})",
    re.ASCII,
)


@dataclass(frozen=True)
class Identity:
    """Holder of a place.

    Attributes:
        host: name of the computer.
        user: a user name of this run alone.
    """

    host: str
    user: str

    def __str__(self) -> str:
        return f"{self.host}/{self.user}"


def new_identity() -> Identity:
    """A name for one run of this process."""
    pid = os.getpid()
    user = re.sub(r"[^\w.]", "_", _user(), flags=re.ASCII)[:32] or "nobody"
    run = f"{_realm()}x{started(pid)}x{secrets.token_hex(3)}"
    return Identity(_host(), f"{_PREFIX}-{user}-{run}-{pid}")


def is_orphan(holder: str, *, started: Callable[[int], str] = started) -> bool:
    """Tell whether a holder was a run of this computer whose process is gone.

    Args:
        holder: HOST/USER, as a coordinator names it; anything may be in it.
        started: when a process started, "" for one that is not there.
    """
    host, _, user = holder.partition("/")
    found = _NAME.fullmatch(user)
    if found is None or host != _host() or found["realm"] != _realm():
        return False
    # A number that was used anew belongs to a process that started at another time.
    return started(int(found["pid"])) != found["started"]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _host() -> str:
    return socket.gethostname().replace("/", "_")


def _realm() -> str:
    """Eight digits for where process numbers mean the same: this computer, and the container on it.

    Two computers may have one name, and so may two containers; a process of one is always absent in the other.
    """
    facts = []
    for file in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            facts.append(Path(file).read_text(encoding="ascii", errors="replace").strip())
        except OSError:
            continue
    try:
        facts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    except OSError:
        facts.append("")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:8]
