"""Costs and capacity of a labgrid farm on this computer: coordinator, exporter and ser2net are the real ones, the
boards are emulated, and each is asked all its 256 inputs through its place, every answer checked.

It writes the tables of docs/farm.md. It needs ser2net and, from PyPI, labgrid.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from benchmarks._partly import PartlyMeasured
from farm_tests.loopback import Farm, Seat, free_port, labgrid_environment, ser2net
from tinysine.boards import load_board
from tinysine.farm.claim import Claim
from tinysine.graph import read_network
from tinysine.image import build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.place import AtLabgrid, AtPort, Place
from tinysine.quantization import Rounding
from tinysine.rigs import open_rig
from tinysine.variables import variable_kept
from trust.page import write_section

BOARD = "nano33ble-sense"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "farm.md"
CLIENTS = 8
PATIENCE_S = 600.0
MOST_CPU_S = 0.6  # that labgrid may add to a verification
UNUSED_S = 22.0  # an emulated board rests after 20 s
IDLE_S = 5.0
ALL_CODES = np.arange(-128, 128, dtype=np.int8).reshape(256, 1)

Figures = dict[str, float]


@dataclass(frozen=True)
class Bench:
    """Emulated boards that are all the same, their places, and how one of them is verified.

    Attributes:
        farm: their farm.
        ports: TCP port of each.
        boards: process of each.
        verify: asks the board at a place everything, and checks the answers.
    """

    farm: Farm
    ports: tuple[int, ...]
    boards: tuple[psutil.Process, ...]
    verify: Callable[[Place], float]


def measure(*, quick: bool = False) -> dict[str, Figures]:
    """Measure what labgrid adds to a verification, and how far one coordinator carries.

    Args:
        quick: 5 boards at most.
    Returns:
        By subject: CPU seconds of a verification without and with labgrid; by number of boards wall and CPU seconds;
        the fairness of a queue; and what the coordinator carries.
    """
    counts = (1, 5) if quick else (1, 10, 50)
    with tempfile.TemporaryDirectory() as folder, _bench(counts[-1], Path(folder)) as bench:
        figures, failed = measured_parts(
            {
                "one verification": lambda: _overhead(bench, rounds=3 if quick else 8),
                **{f"{count} boards": partial(_together, bench, count) for count in counts},
                "boards": lambda: _memory(bench),
                "queue": lambda: _queue(bench, rounds=2),
                "coordinator": lambda: _limits(bench, sessions=counts[-1], rounds=1),
            }
        )
    table = tables(figures, failed)
    print(table)
    if not quick:
        write_section("measured", table, page=PAGE)
    added = figures.get("one verification", {}).get("added_cpu_s", 0.0)
    if added > MOST_CPU_S:
        failed["added_cpu_s"] = f"labgrid adds {added:.2f} s of CPU to a verification, more than {MOST_CPU_S}"
    if failed:
        raise PartlyMeasured(figures, failed)
    return figures


def measured_parts(parts: Mapping[str, Callable[[], Figures]]) -> tuple[dict[str, Figures], dict[str, str]]:
    """Measure one part after the other; one that fails takes nothing from the others.

    Args:
        parts: by name; each returns its figures.
    Returns:
        Figures of the parts that were measured, and why the others failed.
    """
    figures: dict[str, Figures] = {}
    failed: dict[str, str] = {}
    for name, part in parts.items():
        began, before = time.perf_counter(), _cpu_s()
        try:
            figures[name] = part()
        except Exception as error:
            traceback.print_exc()
            failed[name] = f"{type(error).__name__}: {error}"
        told = ", ".join(f"{figure} {value:.4g}" for figure, value in figures.get(name, {}).items())
        took = f"{time.perf_counter() - began:.0f} s, {_cpu_s() - before:.0f} s of CPU"
        print(f"{name} ({took}): {told or 'FAILED'}", flush=True)
    return figures, failed


@contextmanager
def _bench(count: int, folder: Path) -> Iterator[Bench]:
    model, board = read_network(REFERENCE_MODEL), load_board(BOARD)
    image = build_image(model, board)
    expected = integer_oracle(model, Rounding.LITERT).run(ALL_CODES)

    def verify(place: Place) -> float:
        began = time.perf_counter()
        with (
            open_rig(board, place, tell=lambda _text: None) as rig,
            rig.open_device(image, timeout_s=120) as device,
        ):
            np.testing.assert_array_equal(device.infer(ALL_CODES), expected)
            rig.require_ours()
        return time.perf_counter() - began

    with ExitStack() as ended:
        rigs = [ended.enter_context(open_rig(board, shared=True, timeout_s=120)) for _ in range(count)]
        for rig in rigs:
            rig.flash(image)
        lines = {free_port(): rig.port for rig in rigs}
        ended.enter_context(ser2net(folder / "ser2net", lines))
        seats = [
            Seat(f"b{number}", port, tags={"kind": "twin", "pair": str(number // 2)})
            for number, port in enumerate(lines)
        ]
        farm = Farm(labgrid_environment(), folder / "farm", seats)
        ended.callback(farm.close)
        farm.start()
        for name, value in {**farm.variables, "TINYSINE_LABGRID_WAIT": f"{PATIENCE_S:.0f}"}.items():
            ended.enter_context(variable_kept(name))
            os.environ[name] = value
        boards = tuple(psutil.Process(rig.emulator.pid) for rig in rigs if rig.emulator is not None)
        yield Bench(farm, tuple(lines), boards, verify)


def _cpu_s() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _overhead(bench: Bench, *, rounds: int) -> Figures:
    """CPU of one verification, at the port itself and through labgrid, in turns; the least, for load adds to it."""
    spent: dict[str, list[float]] = {"direct": [], "labgrid": []}
    for _ in range(rounds):
        for name, place in (
            ("direct", AtPort(f"socket://127.0.0.1:{bench.ports[0]}")),
            ("labgrid", AtLabgrid("b0")),
        ):
            before = _cpu_s()
            bench.verify(place)
            spent[name].append(_cpu_s() - before)
    direct, through = (min(spent[name]) for name in ("direct", "labgrid"))
    return {"direct_cpu_s": direct, "labgrid_cpu_s": through, "added_cpu_s": through - direct}


def _together(bench: Bench, count: int) -> Figures:
    """Verify so many boards, each once, by a few clients at a time."""
    before, began = _cpu_s(), time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(bench.verify, [AtLabgrid(f"b{number}") for number in range(count)]))
    return {
        "wall_s": time.perf_counter() - began,
        "harness_cpu_s_a_board": (_cpu_s() - before) / count,
    }


def _memory(bench: Bench) -> Figures:
    """Return the memory and processor time that a board takes which nobody uses."""
    time.sleep(UNUSED_S)
    before = [sum(board.cpu_times()[:2]) for board in bench.boards]
    time.sleep(IDLE_S)
    busy = [sum(board.cpu_times()[:2]) - start for board, start in zip(bench.boards, before, strict=True)]
    own = statistics.mean(board.memory_full_info().uss for board in bench.boards)
    return {"memory_mb": own / 1e6, "idle_cpu_percent": 100 * statistics.mean(busy) / IDLE_S}


def _queue(bench: Bench, *, rounds: int) -> Figures:
    """Several clients want one of two places, again and again: the shortest and the longest that each was served."""
    wanted = AtLabgrid(tags=(("pair", "0"),))

    def client(_number: int) -> list[float]:
        return [bench.verify(wanted) for _ in range(rounds)]

    with ThreadPoolExecutor(CLIENTS) as clients:
        seconds = sorted(second for served in clients.map(client, range(CLIENTS)) for second in served)
    return {
        "clients": CLIENTS,
        "places": 2,
        "median_s": statistics.median(seconds),
        "longest_s": seconds[-1],
        "longest_to_median": seconds[-1] / statistics.median(seconds),
    }


def _limits(bench: Bench, *, sessions: int, rounds: int) -> Figures:
    """Hold all places at once, and then take and give back as fast as the coordinator does it."""
    assert bench.farm.coordinator is not None
    coordinator = psutil.Process(bench.farm.coordinator.pid)

    def claim(number: int) -> Claim:
        return Claim(AtLabgrid(f"b{number}"), board=BOARD, wait_s=PATIENCE_S, tell=lambda _text: None)

    with ThreadPoolExecutor(CLIENTS) as clients:
        held = list(clients.map(claim, range(sessions)))
        memory = coordinator.memory_info().rss
        helpers = [child for child in psutil.Process().children() if child.name().startswith("python")]
        helper = statistics.mean(child.memory_full_info().uss for child in helpers[-sessions:])
        list(clients.map(lambda one: one.close(), held))
        before, began = sum(coordinator.cpu_times()[:2]), time.perf_counter()
        cycles = sessions * rounds
        list(clients.map(lambda number: claim(number % sessions).close(), range(cycles)))
        wall = time.perf_counter() - began
        used = sum(coordinator.cpu_times()[:2]) - before
    return {
        "sessions": sessions,
        "memory_mb": memory / 1e6,
        "helper_memory_mb": helper / 1e6,
        "cpu_ms_a_cycle": 1000 * used / cycles,
        "cycles_a_second_a_core": cycles / used,
        "measured_cycles_a_second": cycles / wall,
    }


def tables(figures: Mapping[str, Figures], failed: Mapping[str, str]) -> str:
    """The figures as the page shows them, without those of parts that failed, which are named."""
    rows = [
        f"| {name.removesuffix(' boards')} | {row['wall_s']:.1f} | {row['harness_cpu_s_a_board']:.2f} |"
        for name, row in figures.items()
        if name.endswith(" boards")
    ]
    further: list[str] = []
    if one := figures.get("one verification"):
        further += [
            f"| CPU of one verification at the port itself | {one['direct_cpu_s']:.2f} s |",
            f"| the same through labgrid | {one['labgrid_cpu_s']:.2f} s |",
            f"| so labgrid adds | {one['added_cpu_s']:.2f} s |",
        ]
    if boards := figures.get("boards"):
        further += [
            f"| memory of an emulated board | {boards['memory_mb']:.0f} MB |",
            f"| CPU of a board that nobody has used for 20 s | {boards['idle_cpu_percent']:.2f} % of a core |",
        ]
    if queue := figures.get("queue"):
        further += [
            f"| {queue['clients']:.0f} clients for {queue['places']:.0f} places: median turn, longest turn "
            f"| {queue['median_s']:.1f} s, {queue['longest_s']:.1f} s |",
        ]
    if limits := figures.get("coordinator"):
        further += [
            f"| memory of the coordinator with {limits['sessions']:.0f} sessions | {limits['memory_mb']:.0f} MB |",
            f"| memory of a helper, one a run | {limits['helper_memory_mb']:.0f} MB |",
            f"| CPU of the coordinator for one place taken and given back | {limits['cpu_ms_a_cycle']:.1f} ms |",
            f"| that is, with one core | {limits['cycles_a_second_a_core']:.0f} a second |",
        ]
    parts = [
        f"Measured with `python -m benchmarks farm` on {os.cpu_count()} cores, which ran the boards, too. "
        f"Each board is asked all 256 inputs, every answer is checked; {CLIENTS} clients at a time."
    ]
    if rows:
        parts.append(
            "\n".join(["| boards | wall, s | CPU of the harness a board, s |", "|--:|--:|--:|", *rows])
        )
    if further:
        parts.append("\n".join(["| | |", "|---|--:|", *further]))
    if failed:
        parts.append(f"Not measured, because it failed: {', '.join(failed)}.")
    return "\n\n".join(parts)


if __name__ == "__main__":
    measure(quick="--quick" in sys.argv)
