"""Mutants drawn, shared out to processes, judged."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trust.mutants.engines import CORES, INVALID, generated_cases, judge_generated, judge_kernel
from trust.mutants.firmware import REPOSITORY, TESTS, copy_tests, judge_firmware
from trust.mutants.places import Mutant, draw, mutants

GENERATED = "generated C"
# How many of each, for every 200.
SHARES = {
    "engine/rows.h": 30,
    "engine/wide.h": 16,
    "engine/plain.h": 18,
    "engine/compact.h": 8,
    "engine/requantize.h": 12,
    "engine/bytes.h": 8,
    "include/tinysine/quantize.h": 8,
    GENERATED: 40,
    "link/frame.c": 14,
    "link/request.c": 14,
    "link/text.c": 6,
    "link/number.c": 4,
    "link/decimal.c": 4,
    "link/crc32.c": 2,
    "app/stack.c": 6,
    "app/demo.c": 4,
    "app/fault.c": 3,
    "app/main.c": 2,
    "app/arena.c": 1,
}
_SPARE = 1.5  # drawn for each one wanted: some do not compile
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
    count: int, *, only: str = "", tell: Callable[[Verdict], None] | None = None
) -> list[Verdict]:
    """Judge mutants.

    Args:
        count: how many, of all files.
        only: of these, those of the files whose names contain this.
        tell: called with each one, as soon as it and those before it are judged.
    """
    wanted = {group: max(1, round(share * count / 200)) for group, share in SHARES.items() if only in group}
    drawn = [mutant for group, number in wanted.items() for mutant in _drawn(group, round(number * _SPARE))]
    verdicts = []
    with (
        tempfile.TemporaryDirectory(prefix="tinysine-mutants-") as folder,
        ProcessPoolExecutor(os.cpu_count(), initializer=_start, initargs=(folder,)) as pool,
    ):
        for mutant, by in zip(drawn, pool.map(_judge, drawn), strict=True):
            verdict = Verdict(mutant, by)
            if by != INVALID and wanted[verdict.group] > 0:
                wanted[verdict.group] -= 1
                verdicts.append(verdict)
                if tell is not None:
                    tell(verdict)
    return verdicts


def _drawn(group: str, count: int) -> list[Mutant]:
    if group != GENERATED:
        text = (REPOSITORY / "firmware" / group).read_text(encoding="utf-8")
        return draw(mutants(group, text, assembly=group in CORES), count)
    own = generated_cases(_GENERATED_CASES)
    each = -(-count // len(own))
    return [
        mutant
        for case in own
        for mutant in draw(
            [m for m in mutants(f"network {case.number}", case.source, assembly=False) if _matters(m)], each
        )
    ][:count]


def _matters(mutant: Mutant) -> bool:
    """Whether a line of generated C has to do with answers: the description of the model has not."""
    return not mutant.line.startswith((".", "0x", "#define TS_ENGINE"))


_folder = Path()


def _start(parent: str) -> None:
    global _folder  # noqa: PLW0603 - of one process
    _folder = Path(parent) / str(os.getpid())
    copy_tests(_folder)


def _judge(mutant: Mutant) -> str:
    if mutant.file.startswith("network"):
        number = int(mutant.file.split()[1])
        case = next(each for each in generated_cases(_GENERATED_CASES) if each.number == number)
        return judge_generated(case, mutant.of(case.source))
    with _changed(mutant):
        if mutant.file in TESTS:
            return judge_firmware(mutant.file, _folder)
        return judge_kernel(mutant.file, _folder / "firmware")


@contextmanager
def _changed(mutant: Mutant) -> Iterator[None]:
    """Put the change into this process's copy of the firmware, and take it back."""
    file = _folder / "firmware" / mutant.file
    text = file.read_text(encoding="utf-8")
    file.write_text(mutant.of(text), encoding="utf-8")
    try:
        yield
    finally:
        shutil.copy(REPOSITORY / "firmware" / mutant.file, file)
