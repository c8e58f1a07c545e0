"""The power command of a bench file: any program, and whatever becomes of it is the bench's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.errors import BenchError
from tinysine.place import AtPort, Wiring
from tinysine.rigs import LocalRig

NANO = load_board("nano33ble-sense")


def rig_with(*commands: tuple[str, ...]) -> LocalRig:
    """A board behind a URL, where nothing has to be found again afterwards."""
    return LocalRig(NANO, AtPort("socket://127.0.0.1:9", Wiring(power=commands)))


def python(code: str) -> tuple[str, ...]:
    """A program of one line."""
    return (sys.executable, "-c", code)


def test_every_command_is_run_in_order(tmp_path: Path) -> None:
    """Off, then on; a rig reconnects its devices afterwards."""
    log = tmp_path / "log"
    words = (f"open({str(log)!r}, 'a').write({word!r})" for word in ("off ", "on"))
    with rig_with(*map(python, words)) as rig:
        assert rig.can_power
        rig.power_cycle()
        assert (log.read_text(), rig.epoch) == ("off on", 1)


def test_without_a_command_there_is_no_such_rung() -> None:
    """The ladder leaves it out."""
    with rig_with() as rig:
        assert not rig.can_power


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("uhubctl-that-is-not-there", "cycle"), "uhubctl-that-is-not-there: No such file or directory"),
        (python("print('no hub\\nno permission'); raise SystemExit(4)"), "exit code 4: no permission"),
        (python("import time; time.sleep(60)"), "no end within 0.3 s: killed"),
    ],
    ids=["not there", "fails", "hangs"],
)
def test_a_command_that_does_not_work_is_the_benchs_fault(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], says: str
) -> None:
    """One line, which says which program it was and where it stands."""
    monkeypatch.setattr("tinysine.rigs.power.POWER_S", 0.3)
    with rig_with(command) as rig, pytest.raises(BenchError) as caught:
        rig.power_cycle()
    assert says in caught.value.message
    assert "`power` of this board in the bench file" in caught.value.hint
