"""Somebody else at the board: what they did is no verdict on the product."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tinysine.boards import load_board
from tinysine.emulation import attach_emulator, start_emulator
from tinysine.errors import EXIT_BENCH_FAILURE, BenchError, LeaseHeld
from tinysine.link import LinkStats
from tinysine.model import REFERENCE_MODEL
from tinysine.place import AtPort
from tinysine.rigs import Rig, open_rig
from tinysine.verify import Watcher, verify
from tinysine.verify.others import Before, refuse_company

HOST = load_board("host")


def rig_of(port: str, *, orders: dict[str, int] | None = None, bytes_in: int | None = None) -> Rig:
    """A rig whose twin tells so much; without orders it has none."""
    twin = SimpleNamespace(
        pid=1, orders_of_others=lambda: orders or {}, status=lambda: {"bytes_in": bytes_in}
    )
    emulator = None if orders is None else twin
    return cast("Rig", SimpleNamespace(board=HOST, port=port, emulator=emulator, require_ours=lambda: None))


@pytest.mark.parametrize(
    ("rig", "before", "stats", "failed", "sign"),
    [
        ({"orders": {"reset": 3}}, Before({"reset": 2}), LinkStats(), False, r"not ours: reset \(1\) "),
        ({"orders": {"reset": 2}}, Before({"reset": 2}), LinkStats(), True, ""),
        (
            {"orders": {}, "bytes_in": 109},
            Before({}, 5),
            LinkStats(sent_bytes=100),
            True,
            "4 bytes that are not ours",
        ),
        ({"orders": {}, "bytes_in": 109}, Before({}, 5), LinkStats(sent_bytes=100), False, ""),
        ({"orders": {}, "bytes_in": 105}, Before({}, 5), LinkStats(sent_bytes=100), True, ""),
        ({"orders": {}, "bytes_in": 105}, Before({}, 5), None, True, ""),
        ({"orders": {}, "bytes_in": 105}, Before({}, 5), LinkStats(sent_bytes=100, foreign=2), True, ""),
        ({"orders": {}}, Before({}), LinkStats(foreign=2), True, "2 answers to somebody else's requests"),
        ({}, Before(), LinkStats(foreign=2), True, "2 answers to somebody else's requests"),
        ({}, Before(), LinkStats(foreign=2), False, ""),
        ({}, Before(), LinkStats(stale=2), True, ""),
    ],
)
def test_each_sign_is_told_where_it_counts(
    rig: dict[str, Any], before: Before, stats: LinkStats | None, failed: bool, sign: str
) -> None:
    """Orders to a twin always; what else happened on the line only where the run failed."""
    if not sign:
        refuse_company(rig_of("/dev/none", **rig), before, stats, failed=failed)
        return
    with pytest.raises(BenchError, match=sign) as caught:
        refuse_company(rig_of("/dev/none", **rig), before, stats, failed=failed)
    assert caught.value.exit_code == EXIT_BENCH_FAILURE


def test_whoever_has_the_port_open_is_named(tmp_path: Path) -> None:
    """A failed run at a real board says which program may have caused it; a failure of its own it stays else."""
    port = tmp_path / "ttyX"
    port.touch()
    refuse_company(rig_of(str(port)), Before(), LinkStats(), failed=True)
    with port.open() as held:
        other = os.posix_spawn(
            "/bin/sleep", ["sleep", "60"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, held.fileno(), 9)]
        )
    try:
        with pytest.raises(BenchError, match=rf"sleep \({other}\) has the port open"):
            refuse_company(rig_of(str(port)), Before(), LinkStats(), failed=True)
    finally:
        os.kill(other, 9)
        os.waitpid(other, 0)


@pytest.mark.parametrize("order", ["reset", "flash"])
def test_a_twin_that_somebody_else_resets_or_flashes_is_no_failed_product(order: str, tmp_path: Path) -> None:
    """Between two stages, through its control socket; the error says which order it was."""
    kept: list[str] = []
    with start_emulator(HOST) as twin:

        def interfere(stage: str) -> None:
            if stage == "health":
                other = attach_emulator(twin.control)
                if order == "reset":
                    other.reset()
                else:
                    other.flash(next(tmp_path.glob("*.elf")))

        with pytest.raises(BenchError, match=rf"somebody else used host.*{order} \(1\)"):
            verify(
                REFERENCE_MODEL,
                board=HOST,
                place=AtPort(twin.port),
                out_dir=tmp_path,
                watcher=Watcher(
                    on_begin=interfere, on_evidence=lambda evidence: kept.append(evidence.verdict)
                ),
            )
    assert kept == ["error"]


def test_a_twin_that_is_in_use_is_not_flashed_by_another_command() -> None:
    """It is leased by whoever started it, as a real board is."""
    with open_rig(HOST) as rig, pytest.raises(LeaseHeld):
        open_rig(HOST, AtPort(rig.port))
