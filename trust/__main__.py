"""Run the campaigns: `python -m trust [NAME [OPTIONS]]`, all of them by default.

Each module or package of this folder is one campaign. It has a docstring, `add_arguments(parser)` and
`run(options) -> Outcome`. `--write` puts the campaign's table into docs/trust.md.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
from pathlib import Path

from trust.page import write_section

FOLDER = Path(__file__).parent
PARTS = ("page",)  # modules of this folder that are no campaign


def main(arguments: list[str] | None = None) -> int:
    """Run the named campaign, or all with their defaults; returns 1 if one found a fault."""
    names = sorted(m.name for m in pkgutil.iter_modules([str(FOLDER)]) if not m.name.startswith("_"))
    campaigns = {name: importlib.import_module(f"trust.{name}") for name in names if name not in PARTS}
    parser = argparse.ArgumentParser(prog="python -m trust", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the tables into docs/trust.md")
    chosen = parser.add_subparsers(dest="name", metavar="NAME")
    for name, campaign in campaigns.items():
        first_line = (campaign.__doc__ or "").split("\n")[0]
        campaign.add_arguments(chosen.add_parser(name, help=first_line, description=first_line))
    options = parser.parse_args(arguments)
    failed = []
    for name in [options.name] if options.name else sorted(campaigns):
        own = options if options.name else parser.parse_args([name])
        print(f"\n## {name}\n", flush=True)
        began = time.perf_counter()
        outcome = campaigns[name].run(own)
        print(outcome.table)
        print(f"\n{time.perf_counter() - began:.1f} s", flush=True)
        if options.write:
            write_section(name, outcome.table)
        if not outcome.passed:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
