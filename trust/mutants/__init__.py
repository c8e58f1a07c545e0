"""One place of the C changed at a time: the tests must notice, or the change be explained as changing nothing."""

from __future__ import annotations

import argparse
import datetime
import tomllib
from collections import Counter
from pathlib import Path

from trust.mutants.campaign import KNOWN, MUTANTS, SHARES, Verdict, run_mutants
from trust.page import Outcome

EXPLANATIONS = Path(__file__).with_name("equivalent.toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m trust mutants`."""
    parser.add_argument(
        "--mutants",
        type=int,
        default=MUTANTS,
        help=f"how many (default: %(default)s of the {KNOWN} that are noticed or explained)",
    )
    parser.add_argument(
        "--turn",
        type=int,
        default=datetime.datetime.now(datetime.UTC).toordinal(),
        help="which of them: each number takes others (default: that of the day, %(default)s)",
    )
    parser.add_argument(
        "--every", action="store_true", help="every place that can be changed, which takes hours"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="another one is another choice (default: %(default)s)"
    )
    parser.add_argument("--only", default="", metavar="FILE", help="those of files whose names contain this")
    parser.add_argument("--all", action="store_true", help="print what noticed each of them")


def run(options: argparse.Namespace) -> Outcome:
    """Judge the mutants; passed if each is noticed or explained, and none is both."""
    if not options.every:
        print(f"the same ones again: --mutants {options.mutants} --turn {options.turn}\n", flush=True)
    verdicts = run_mutants(
        None if options.every else options.mutants,
        turn=options.turn,
        seed=options.seed,
        only=options.only,
        tell=_tell if options.all else None,
    )
    return judged(verdicts, tomllib.loads(EXPLANATIONS.read_text(encoding="utf-8")))


def _tell(verdict: Verdict) -> None:
    print(f"{verdict.noticed_by or 'SURVIVED'}: {verdict.mutant.name}", flush=True)


def judged(verdicts: list[Verdict], explanations: dict[str, str]) -> Outcome:
    """Hold verdicts against the explanations."""
    alive = [v for v in verdicts if not v.noticed_by]
    unexplained = [v for v in alive if v.mutant.name not in explanations]
    refuted = [v for v in verdicts if v.noticed_by and v.mutant.name in explanations]
    for verdict in unexplained:
        print(f"survived: {verdict.mutant.name}")
    for verdict in refuted:
        print(f"explained as equal, but noticed by {verdict.noticed_by}: {verdict.mutant.name}")
    passed = not unexplained and not refuted
    return Outcome(tried=len(verdicts), passed=passed, table=_table(verdicts, explanations))


def _table(verdicts: list[Verdict], explanations: dict[str, str]) -> str:
    lines = [
        "| changed | mutants | noticed | change nothing, explained | survived |",
        "|---|---:|---:|---:|---:|",
    ]
    total: Counter[str] = Counter()
    for group in SHARES:
        own = [v for v in verdicts if v.group == group]
        counts = Counter(
            "noticed" if v.noticed_by else "explained" if v.mutant.name in explanations else "survived"
            for v in own
        )
        total += counts
        if own:
            lines.append(_row(f"`{group}`", counts))
    lines.append(_row("all", total))
    return "\n".join(lines)


def _row(name: str, counts: Counter[str]) -> str:
    cells = (counts.total(), counts["noticed"], counts["explained"], counts["survived"])
    return f"| {name} | {' | '.join(map(str, cells))} |"
