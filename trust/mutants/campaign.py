"""Mutants drawn, shared out to processes, judged."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trust.mutants.avr import AVR_FILES, judge_on_avr
from trust.mutants.engines import INVALID, generated_cases, judge_generated, judge_kernel, judges_of
from trust.mutants.firmware import KERNEL_TESTS, REPOSITORY, TESTS, copy_tests, import_tests, judge_firmware
from trust.mutants.places import Mutant, mutants, shuffled

GENERATED = "generated C"
# How many of each are known: noticed, or explained. Those of the firmware's tests come first: while they wait, others
# run.
SHARES = {
    "app/main.c": 3,
    "app/demo.c": 4,
    "app/stack.c": 6,
    "app/fault.c": 3,
    "app/arena.c": 2,
    "link/frame.c": 14,
    "link/request.c": 6,
    "link/infer.c": 8,
    "link/text.c": 6,
    "link/number.c": 4,
    "link/decimal.c": 4,
    "link/crc32.c": 2,
    "include/tinysine/link.h": 4,
    "include/tinysine/fault.h": 2,
    "include/tinysine/status.h": 2,
    "include/tinysine/engine.h": 3,
    "include/tinysine/quantize.h": 7,
    "engine/rows.h": 20,
    "engine/wide.h": 10,
    "engine/plain.h": 14,
    "engine/compact.h": 8,
    "engine/requantize.h": 10,
    "engine/bytes.h": 4,
    "engine/add.h": 6,
    "engine/add_tables.h": 3,
    "engine/blocks.h": 3,
    "engine/conv.h": 4,
    "engine/conv_depthwise.h": 5,
    "engine/conv_runs.h": 6,
    "engine/copy.h": 1,
    "engine/dense_lanes.h": 7,
    "engine/depthwise.h": 8,
    "engine/depthwise_planes.h": 5,
    "engine/lanes.h": 12,
    "engine/lookup.h": 1,
    "engine/mul.h": 2,
    "engine/pairs.h": 2,
    "engine/planes.h": 4,
    "engine/pointwise_8.h": 5,
    "engine/pool.h": 5,
    "engine/pool_wide.h": 4,
    "engine/reduce.h": 3,
    "engine/rgb.h": 6,
    "engine/scaled.h": 2,
    "engine/softmax.h": 4,
    "engine/taps.h": 6,
    "engine/winograd.h": 7,
    "engine/winograd_2x2.h": 4,
    "engine/winograd_4x4.h": 6,
    "engine/winograd_products.h": 6,
    "engine/winograd_tiles.h": 3,
    GENERATED: 38,
}
KNOWN = sum(SHARES.values())
MUTANTS = 210  # a run; of each group a part, at least one, and another turn takes other ones
_GENERATED_CASES = 18


@dataclass(frozen=True)
class Verdict:
    """One mutant, and what noticed it; empty if nothing did."""

    mutant: Mutant
    noticed_by: str

    @property
    def group(self) -> str:
        """The file that was changed, or GENERATED."""
        return GENERATED if self.mutant.file.startswith("network") else self.mutant.file


def run_mutants(
    count: int | None,
    *,
    turn: int = 0,
    seed: int = 0,
    only: str = "",
    tell: Callable[[Verdict], None] | None = None,
) -> list[Verdict]:
    """Judge mutants.

    Args:
        count: how many, of all files; None for every place there is.
        turn: where to begin among the known ones; as many turns as there are in a group take each of them.
        seed: another one is another choice, of which nothing is known.
        only: of these, those of the files whose names contain this.
        tell: called with each one as soon as it is judged.
    Returns:
        In the order of SHARES. Those that do not compile are none; others of the same file take their place.
    """
    groups = [group for group in SHARES if only in group]
    drawn = {group: iter(rotated(_drawn(group, seed), SHARES[group], turn)) for group in groups}
    wanted = [(group, None if count is None else share_of(group, count)) for group in groups]
    for group in groups:
        if group not in TESTS and group != GENERATED:
            judges_of(group)  # once, for all processes
    verdicts = []
    with (
        tempfile.TemporaryDirectory(prefix="tinysine-mutants-") as folder,
        # One process more than there are cores: some wait for a firmware that hangs.
        ProcessPoolExecutor((os.cpu_count() or 1) + 1, initializer=_start, initargs=(folder,)) as pool,
    ):
        first = [mutant for group, number in wanted for mutant in itertools.islice(drawn[group], number)]
        waiting = {pool.submit(_judge, mutant): mutant for mutant in first}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                verdict = Verdict(waiting.pop(future), future.result())
                if verdict.noticed_by != INVALID:
                    verdicts.append(verdict)
                    if tell is not None:
                        tell(verdict)
                elif (another := next(drawn[verdict.group], None)) is not None:
                    waiting[pool.submit(_judge, another)] = another
    return sorted(verdicts, key=lambda verdict: (groups.index(verdict.group), verdict.mutant.name))


def share_of(group: str, count: int) -> int:
    """Count the mutants of a group among `count` mutants of all groups: at least one."""
    return max(1, round(SHARES[group] * count / KNOWN))


def rotated(candidates: list[Mutant], known: int, turn: int) -> list[Mutant]:
    """Begin at another of the first `known` in each turn; those that follow them stay behind them.

    Those that do not compile are replaced from what follows: a part is always taken from the same ones as the whole.
    """
    known = min(known, len(candidates)) or 1
    start = turn % known
    return [*candidates[start:known], *candidates[:start], *candidates[known:]]


def _drawn(group: str, seed: int) -> list[Mutant]:
    if group != GENERATED:
        text = (REPOSITORY / "firmware" / group).read_text(encoding="utf-8")
        return shuffled(mutants(group, text, assembly=group not in TESTS), seed=seed)
    each = [
        shuffled(
            [m for m in mutants(f"network {case.number}", case.source, assembly=False) if _matters(m)],
            seed=seed,
        )
        for case in generated_cases(_GENERATED_CASES)
    ]
    # One of every network in turn.
    return [mutant for turn in itertools.zip_longest(*each) for mutant in turn if mutant is not None]


def _matters(mutant: Mutant) -> bool:
    """Tell whether a line of generated C has to do with answers: the description of the model has not."""
    return not mutant.line.startswith((".", "0x", "#define TS_ENGINE"))


_folder = Path()


def _start(parent: str) -> None:
    global _folder  # noqa: PLW0603 - of one process
    _folder = Path(parent) / str(os.getpid())
    copy_tests(_folder)
    import_tests(_folder)


def _judge(mutant: Mutant) -> str:
    if mutant.file.startswith("network"):
        number = int(mutant.file.split()[1])
        case = next(each for each in generated_cases(_GENERATED_CASES) if each.number == number)
        return judge_generated(case, mutant.of(case.source))
    root = _folder / "firmware"
    with _changed(mutant):
        if (
            found := judge_firmware(mutant.file, _folder)
            if mutant.file in TESTS
            else judge_kernel(mutant.file, root)
        ):
            return found
        if mutant.file in KERNEL_TESTS and (found := judge_firmware(mutant.file, _folder)):
            return found
        return judge_on_avr(mutant.file, root) if mutant.file in AVR_FILES else ""


@contextmanager
def _changed(mutant: Mutant) -> Iterator[None]:
    """Put the change into this process's copy of the firmware, and take it back."""
    file = _folder / "firmware" / mutant.file
    text = file.read_text(encoding="utf-8")
    file.write_text(mutant.of(text), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")
