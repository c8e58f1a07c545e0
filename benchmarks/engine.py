"""The generated engine on every board whose twin runs here: instructions, flash, stack, arena, RAM.

Each row was verified first: an engine whose 256 outputs are not all equal to the reference has no figures.
"""

from __future__ import annotations

import shutil

from tinysine.boards import Board, list_boards
from tinysine.errors import BenchError, BuildError, ConfigError
from tinysine.image import BuildOptions
from tinysine.model import REFERENCE_MODEL
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.settings import Optimize
from tinysine.verify import verify

PROFILES: tuple[Optimize, ...] = ("speed", "size")
BESIDE: Optimize = "table"  # of all 256 answers: shown beside the engines, never as one of them
FIGURES = {
    "instructions": "instructions",
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
        By "board toolchain profile rounding", and by "board toolchain table" for a table of answers: the figures
        above; one that cannot be measured is absent.
    """
    _print_head()
    figures = {}
    beside = {}
    for board in list_boards():
        for toolchain in _toolchains(board, quick=quick):
            for profile in PROFILES:
                for rounding in INTERPRETED:
                    name = f"{board.name} {toolchain} {profile} {rounding}"
                    row = _measure(board, toolchain, profile, rounding)
                    if row:
                        figures[name] = row
                        _print_row(name, row)
            row = _measure(board, toolchain, BESIDE, Rounding.LITERT)
            if row:
                beside[f"{board.name} {toolchain} {BESIDE}"] = row
    print("\nBeside them, as a table of all 256 answers (`--optimize table`):\n")
    _print_head()
    for name, row in beside.items():
        _print_row(name, row)
    return {**figures, **beside}


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


def _measure(board: Board, toolchain: str, profile: Optimize, rounding: Rounding) -> dict[str, float]:
    try:
        evidence = verify(
            REFERENCE_MODEL,
            board=board,
            options=BuildOptions(toolchain=toolchain, optimize=profile, rounding=rounding),
        )
    except (ConfigError, BuildError, BenchError) as error:
        print(f"| {board.name} {toolchain} | not measured: {error.message} |")
        return {}
    if evidence.verdict != "pass":
        raise AssertionError(f"{board.name} {toolchain} {profile} {rounding}: {evidence.verdict}")
    latency, memory = evidence.latency, evidence.memory
    row = {key: getattr(memory, key) for key in FIGURES if hasattr(memory, key)}
    if latency is not None and latency.unit == "instructions":
        row["instructions"] = latency.median
    return {key: float(value) for key, value in row.items() if value is not None}


if __name__ == "__main__":
    measure()
