"""Names of runs: one for each, and the rule by which a dead one is known."""

from __future__ import annotations

import os

import pytest

from tinysine.farm.identity import is_orphan, new_identity
from tinysine.processes import started

NAME = str(new_identity())


def test_a_run_has_a_name_of_its_own_that_labgrid_takes() -> None:
    """Two runs of one process differ, there is one slash, and the pid is at the end."""
    names = {str(new_identity()) for _ in range(20)}
    assert len(names) == 20
    assert all(name.count("/") == 1 and name.endswith(f"-{os.getpid()}") for name in names)


def test_user_names_of_any_kind_are_made_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of another domain, or of another alphabet, has a name without slashes, blanks and hyphens."""
    monkeypatch.setenv("LOGNAME", "DOMAIN/jos\xe9 del-mar")
    user = new_identity().user
    assert user.startswith("tinysine-DOMAIN_jos__del_mar-")
    assert is_orphan(f"{new_identity().host}/{user}", started=lambda _pid: "")


def test_a_dead_run_of_this_computer_is_an_orphan() -> None:
    """Its process is gone, or its number belongs to a process that started at another time."""
    assert is_orphan(NAME, started=lambda _pid: "")
    assert is_orphan(NAME, started=lambda _pid: "1")


def test_a_living_run_is_no_orphan() -> None:
    """Neither by what the system says, nor by what it would say of any pid."""
    assert not is_orphan(NAME)
    assert not is_orphan(NAME, started=lambda _pid: started(os.getpid()))


@pytest.mark.parametrize(
    "holder",
    [
        "",
        "/",
        NAME.replace("/", "2/", 1),  # another computer
        NAME.partition("/")[2],
        NAME.replace("tinysine-", "labgrid-"),
        NAME + "1x",
        NAME.rpartition("-")[0],
        NAME.rpartition("-")[0] + "-0",
        NAME + "\n",
        f"{NAME.partition('/')[0]}/somebody",
    ],
    ids=[
        "none",
        "slash",
        "other computer",
        "no computer",
        "other program",
        "longer",
        "no process",
        "process 0",
        "newline",
        "other user",
    ],
)
def test_nobody_elses_name_is_an_orphan(holder: str) -> None:
    """Another computer's, another program's, or one that only looks like ours, is never touched."""
    assert not is_orphan(holder, started=lambda _pid: "")


def test_another_realm_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container or a computer of the same name has processes that cannot be seen from here."""
    monkeypatch.setattr("tinysine.farm.identity._realm", lambda: "0" * 8)
    assert not is_orphan(NAME, started=lambda _pid: "")
