"""The device's C link and the host's session over a faulty line: no wrong answer, no late call, no vague error."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tinysine.link import Session
from trust.link_faults.firmware import Firmware, build_library
from trust.link_faults.trials import NAMES, Tally, TimedSession, run_trial
from trust.page import Outcome

TRIALS = 100_000
PART = 1000  # trials that a worker takes at once
WORKERS = 2
SHOWN_EXAMPLES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this campaign."""
    parser.add_argument(
        "--trials", type=int, default=TRIALS, metavar="N", help="seeded trials (default: %(default)s)"
    )
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="seed of the first (default: 0)")


def run(options: argparse.Namespace) -> Outcome:
    """Run the trials on two cores."""
    tallies = {name: Tally() for name in NAMES}
    seeds = range(options.first, options.first + options.trials)
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(Path(folder))
        parts = [(library, seeds[at : at + PART]) for at in range(0, len(seeds), PART)]
        cpu_s = 0.0
        with ProcessPoolExecutor(WORKERS) as workers:
            for found, seconds in workers.map(_run_part, parts):
                cpu_s += seconds
                for name, tally in found.items():
                    tallies[name].add(tally)
    examples = [example for tally in tallies.values() for example in tally.examples]
    for example in examples[:SHOWN_EXAMPLES]:
        print(example)
    print(f"{cpu_s:.0f} s of processor time")
    passed = not examples and tallies["none"].clean == tallies["none"].trials
    return Outcome(tried=len(seeds), passed=passed, table=table_of(tallies))


def run_seeds(
    firmware: Firmware, seeds: Iterable[int], *, session: type[Session] = TimedSession
) -> dict[str, Tally]:
    """Run some trials in this process; returns the tallies by kind of fault."""
    tallies = {name: Tally() for name in NAMES}
    for seed in seeds:
        name, tally = run_trial(firmware, seed, session)
        tallies[name].add(tally)
    return tallies


def table_of(tallies: dict[str, Tally]) -> str:
    """The tallies as Markdown."""
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    rows = [_row(name, tally) for name, tally in tallies.items()]
    heads = (
        "fault",
        "trials",
        "all answered",
        "ended by an error",
        "wrong",
        "vague",
        "late",
        "run twice",
        "stuck",
    )
    lines = [
        f"{total.trials:,} seeded trials of {len(tallies) - 1} kinds of faults. Each connects, asks up to four "
        "things, and asks again when the line is well.",
        "",
        f"| {' | '.join(heads)} |",
        "|---|" + "---:|" * 2 + "---|" + "---:|" * 5,
        *rows,
        _row("**all**", total, errors=False),
    ]
    return "\n".join(lines)


def _row(name: str, tally: Tally, *, errors: bool = True) -> str:
    refused = ", ".join(f"{count:,} {error}" for error, count in tally.refused.most_common()) or "0"
    if not errors:
        refused = f"{tally.refused.total():,}"
    ours = (tally.wrong, tally.unspecific, tally.late, tally.twice, tally.stuck)
    cells = (name, f"{tally.trials:,}", f"{tally.recovered:,}", refused, *map(str, ours))
    return f"| {' | '.join(cells)} |"


def _run_part(part: tuple[Path, range]) -> tuple[dict[str, Tally], float]:
    library, seeds = part
    began = time.process_time()
    return run_seeds(Firmware(library), seeds), time.process_time() - began
