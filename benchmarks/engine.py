"""The generated engine on every board whose twin runs here: instructions, cycles, flash, stack, arena, RAM.

Each row was verified first: an engine whose 256 outputs are not all equal to the reference has no figures. Pruned
engines and tables of answers stand in tables of their own, beside the engines, never among them.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

from tinysine.boards import Board, list_boards
from tinysine.errors import BenchError, BuildError, ConfigError
from tinysine.image import BuildOptions
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.settings import Optimize
from tinysine.verify import verify

PROFILES: tuple[Optimize, ...] = ("speed", "size")
FIGURES = {
    "instructions": "instructions",
    "estimated_cycles": "estimated cycles",
    "engine_bytes": "engine and model",
    "flash_bytes": "flash, all",
    "arena_bytes": "arena",
    "engine_stack_bytes": "stack, inference",
    "stack_bytes": "stack, all",
    "static_ram_bytes": "static RAM",
}


def measure(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Verify the reference sine model in every profile.

    Args:
        quick: the default toolchain only.
    Returns:
        By "board toolchain profile rounding", by the same and "pruned", and by "board toolchain table" for a table of
        all 256 answers: the figures above; one that cannot be measured is absent.
    """
    figures: dict[str, dict[str, float]] = {}
    beside: dict[str, dict[str, dict[str, float]]] = {"--prune": {}, "--optimize table": {}}
    _print_head()
    for board in list_boards():
        for toolchain in _toolchains(board, quick=quick):
            build = f"{board.name} {toolchain}"
            for profile in PROFILES:
                for rounding in INTERPRETED:
                    options = BuildOptions(toolchain=toolchain, optimize=profile, rounding=rounding)
                    name = f"{build} {profile} {rounding}"
                    if row := _measure(name, board, options):
                        figures[name] = row
                        _print_row(name, row)
                    name = f"{name} pruned"
                    beside["--prune"][name] = _measure(name, board, replace(options, prune=True))
            name = f"{build} table"
            beside["--optimize table"][name] = _measure(
                name, board, BuildOptions(toolchain=toolchain, optimize="table", rounding=Rounding.LITERT)
            )
    for option, rows in beside.items():
        print(f"\nBeside them, with `{option}`:\n")
        _print_head()
        for name, row in rows.items():
            if row:
                figures[name] = row
                _print_row(name, row)
    return figures


def _print_head() -> None:
    print(f"| board | {' | '.join(FIGURES.values())} |")
    print(f"|---|{'---:|' * len(FIGURES)}")


def _print_row(name: str, row: dict[str, float]) -> None:
    cells = (f"{row[key]:,.0f}" if key in row else "" for key in FIGURES)
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _toolchains(board: Board, *, quick: bool) -> list[str]:
    if not board.has_twin or not board.core.startswith("cortex-m"):
        return []  # instructions cannot be counted there
    installed = ["gcc"] if shutil.which("arm-none-eabi-gcc") else []
    return (installed or ["zig"])[:1] if quick else [*installed, "zig"]


def _measure(name: str, board: Board, options: BuildOptions) -> dict[str, float]:
    try:
        evidence = verify(REFERENCE_MODEL, board=board, options=options)
    except (ConfigError, BuildError, BenchError) as error:
        print(f"| {name} | not measured: {error.message} |")
        return {}
    if evidence.verdict != "pass":
        raise AssertionError(f"{name}: {evidence.verdict}")
    latency, memory = evidence.latency, evidence.memory
    row = {key: getattr(memory, key) for key in FIGURES if hasattr(memory, key)}
    if latency is not None and latency.unit == "instructions":
        row["instructions"] = latency.median
        row["estimated_cycles"] = latency.estimated_cycles
    return {key: float(value) for key, value in row.items() if value is not None}


if __name__ == "__main__":
    measure()
