"""Run the campaigns: `python -m trust [--write] [NAME [OPTIONS]]`, all of them by default.

Each module or package of this folder is one campaign. It has a docstring, `add_arguments(parser)` and
`run(options) -> Outcome`. `--write` puts the campaign's table into docs/trust.md.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
import sys
import time
from pathlib import Path
from types import ModuleType

from trust.page import write_section

FOLDER = Path(__file__).parent
PARTS = ("operators", "page")  # modules of this folder that are no campaign


def main(arguments: list[str] | None = None) -> int:
    """Run the named campaign, or all with their defaults; returns 1 if one found a fault."""
    names = campaigns()
    given = sys.argv[1:] if arguments is None else arguments
    # What follows the name are the campaign's own options.
    own = next((at for at, each in enumerate(given) if not each.startswith("-")), len(given)) + 1
    options = _parser(names).parse_args(given[:own])
    failed = [
        name
        for name in ([options.name] if options.name else names)
        if not _run(name, given[own:], write=options.write)
    ]
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def campaigns() -> list[str]:
    """Name all campaigns; none of them is imported."""
    found = (module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return sorted(name for name in found if not name.startswith("_") and name not in PARTS)


def _parser(names: list[str]) -> argparse.ArgumentParser:
    lines = (f"  {name:16}{_first_line(name)}" for name in names)
    parser = argparse.ArgumentParser(
        prog="python -m trust",
        usage="%(prog)s [-h] [--write] [NAME [OPTIONS]]",
        description="Run the campaigns behind docs/trust.md: one, or all of them with their defaults.",
        epilog="\n".join(["campaigns (python -m trust NAME --help shows the options of one):", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/trust.md")
    parser.add_argument("name", nargs="?", choices=names, metavar="NAME", help="one of the campaigns below")
    return parser


def _first_line(name: str) -> str:
    """The first line of a campaign's docstring, read and not imported: they need much."""
    file = FOLDER / name / "__init__.py"
    source = file if file.exists() else FOLDER / f"{name}.py"
    return (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _run(name: str, arguments: list[str], *, write: bool) -> bool:
    campaign: ModuleType = importlib.import_module(f"trust.{name}")
    parser = argparse.ArgumentParser(prog=f"python -m trust {name}", description=_first_line(name))
    campaign.add_arguments(parser)
    options = parser.parse_args(arguments)
    print(f"\n## {name}\n", flush=True)
    began = time.perf_counter()
    outcome = campaign.run(options)
    if not outcome.tried:
        parser.error(f"nothing was tried with {' '.join(arguments) or 'its defaults'}, which is no pass")
    print(outcome.table)
    print(f"\n{time.perf_counter() - began:.1f} s", flush=True)
    if write:
        write_section(name, outcome.table)
    return bool(outcome.passed)


if __name__ == "__main__":
    sys.exit(main())
