"""Random networks compiled for each core by each compiler, and run there, against exact integers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from trust.conformance.campaign import (
    BUILDS,
    ENGINES_AN_IMAGE,
    GRAPHS,
    HOSTED,
    SHOWN,
    Kind,
    Tally,
    run_further,
    run_networks,
)
from trust.conformance.coverage import KERNELS, missed, table
from trust.conformance.graph_coverage import HOST, graph_table, missed_by_graphs
from trust.conformance.graphs import OPERATORS, numbers_of
from trust.page import Outcome

NETWORKS, ON_CORES, ON_HOST = 1024, 3072, 384
# A kernel must be met once in so many networks, on each core by each compiler; a detail (a width, a number of pairs)
# once in so many; a graph's kernel and operator once in so many graphs.
KERNEL_ONCE_IN, DETAIL_ONCE_IN, GRAPH_ONCE_IN = 512, 1000, 1500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m trust conformance`."""
    parser.add_argument(
        "--networks",
        type=int,
        default=NETWORKS,
        help="how many chains of dense layers, each in one build (10000 take about 10 minutes of processor time)",
    )
    parser.add_argument(
        "--graphs",
        type=int,
        default=ON_CORES,
        help="how many operators and graphs, each in one build (default: %(default)s)",
    )
    parser.add_argument(
        "--hosted",
        type=int,
        default=ON_HOST,
        help="how many operators and graphs on this computer, under sanitizers (default: %(default)s)",
    )
    parser.add_argument(
        "--operator", choices=OPERATORS, metavar="NAME", help="graphs of one operator alone, such as CONV_2D"
    )
    parser.add_argument(
        "--alone",
        action="store_true",
        help="each engine in an image alone, as a build has it; about ten times as long",
    )
    parser.add_argument("--seed", type=int, default=0, help="the number of the first one of each kind")


def run(options: argparse.Namespace) -> Outcome:
    """Try networks and graphs; returns the tables, passed if all answers are right and every kernel was met often."""
    first = options.seed
    often, once = options.networks // KERNEL_ONCE_IN, options.networks // DETAIL_ONCE_IN
    graphs_often = options.graphs // GRAPH_ONCE_IN
    most = 1 if options.alone else ENGINES_AN_IMAGE
    chains = run_networks(range(first, first + options.networks), most=most)
    graphs = run_networks(_numbers(GRAPHS, options.graphs, options), kind=GRAPHS, most=most)
    if not options.operator:
        graphs = run_further(graphs, graphs_often, first=first + options.graphs, most=most)
    hosted = run_networks(_numbers(HOSTED, options.hosted, options), kind=HOSTED, most=most)
    for tally in (chains, graphs, hosted):
        if len(tally.failures) > SHOWN:
            print(f"{len(tally.failures):,} are wrong, of which the first {SHOWN} are shown")
    lacking = missed(chains.counts, often, BUILDS, among=KERNELS) + missed(chains.counts, once, BUILDS)
    if graphs_often and not options.operator:
        lacking += missed_by_graphs(graphs.counts, graphs_often, BUILDS)
    for line in lacking:
        print(line)
    demands = (
        f" A kernel had to be met at least {often} times, each other line {once}, in each column."
        if once
        else "",
        f" An operator and a kernel had to be met at least {graphs_often} times in each column."
        if graphs_often
        else "",
        "",
    )
    parts = [
        f"{_summary(what, tally, first)}{demand}"
        for what, tally, demand in zip(
            ("networks", "operators and graphs", "more on this computer"),
            (chains, graphs, hosted),
            demands,
            strict=True,
        )
        if tally.networks
    ]
    counts = graphs.counts + hosted.counts
    tables = [table(chains.counts, BUILDS)] if options.networks else []
    tables += [graph_table(counts, [*BUILDS, HOST])] if options.graphs or options.hosted else []
    wrong = chains.failures or graphs.failures or hosted.failures
    tried = sum(tally.networks for tally in (chains, graphs, hosted))
    return Outcome(tried=tried, passed=not wrong and not lacking, table="\n\n".join([*parts, *tables]))


def _numbers(kind: Kind, count: int, options: argparse.Namespace) -> Sequence[int]:
    numbers = range(options.seed, options.seed + count)
    return numbers_of(options.operator, numbers, kind.variants) if options.operator else numbers


def _summary(what: str, tally: Tally, first: int) -> str:
    return (
        f"{tally.networks:,} {what} from number {first}, {tally.answers:,} output values compared, "
        f"{len(tally.failures):,} wrong."
    )
