"""Random networks compiled for each core by each compiler, and run there, against exact integers."""

from __future__ import annotations

import argparse

from trust.conformance.campaign import BUILDS, run_networks
from trust.conformance.coverage import KERNELS, missed, table
from trust.page import Outcome

NETWORKS = 1024
# A kernel must be met once in so many networks, on each core by each compiler; a detail (a width, a number of pairs)
# once in so many.
KERNEL_ONCE_IN, DETAIL_ONCE_IN = 512, 1000
SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m trust conformance`."""
    parser.add_argument(
        "--networks",
        type=int,
        default=NETWORKS,
        help="how many, each in one build (10000 take about 80 minutes of processor time)",
    )
    parser.add_argument("--seed", type=int, default=0, help="the number of the first one")


def run(options: argparse.Namespace) -> Outcome:
    """Try the networks; returns the table, passed if all answers are right and every kernel was met often."""
    tally = run_networks(range(options.seed, options.seed + options.networks))
    often, once = options.networks // KERNEL_ONCE_IN, options.networks // DETAIL_ONCE_IN
    lacking = missed(tally.counts, often, BUILDS, among=KERNELS) + missed(tally.counts, once, BUILDS)
    for line in [*tally.failures[:SHOWN], *lacking]:
        print(line)
    if len(tally.failures) > SHOWN:
        print(f"... and {len(tally.failures) - SHOWN:,} more networks")
    demand = f"A kernel had to be met at least {often} times, each other line {once}, in each column."
    summary = (
        f"{tally.networks:,} networks from number {options.seed}, {tally.answers:,} output values compared, "
        f"{len(tally.failures):,} networks wrong. {demand}"
    )
    return Outcome(
        passed=not tally.failures and not lacking, table=f"{summary}\n\n{table(tally.counts, BUILDS)}"
    )
