"""Measure everything the project promises, write it down, and show the change against the committed figures.

`python -m benchmarks [--quick] [NAME ...]`. Each module in this folder measures one thing: `measure()`, or
`measure(*, quick)` where fewer repetitions make sense, prints a Markdown table and returns the figures,
nested by row and column. A figure that could not be measured is absent. One of several parts of which some failed
raises PartlyMeasured with the figures of the others.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._partly import PartlyMeasured

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
JSON_FILE = RESULTS / "latest.json"
MARKDOWN_FILE = RESULTS / "latest.md"

Figures = dict[str, object]


def main(arguments: list[str] | None = None) -> int:
    """Run the named benchmarks, or all; returns how many failed."""
    names = sorted(
        module.name for module in pkgutil.iter_modules([str(FOLDER)]) if not module.name.startswith("_")
    )
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer repetitions, where a benchmark knows how; shown, not written",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all by default")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(names)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names)}")

    committed = _committed()
    measured: Figures = {}
    fresh: list[str] = []
    failed = []
    for name in options.names or names:
        print(f"\n## {name}\n", flush=True)
        began = time.perf_counter()
        try:
            measured[name] = _measure(name, quick=options.quick)
            fresh.append(name)
        except PartlyMeasured as error:
            # Of the parts that failed the committed figures stay.
            kept = committed.get(name)
            measured[name] = {**(kept if isinstance(kept, dict) else {}), **error.figures}
            fresh += [f"{name} / {part}" for part in error.figures]
            print(f"{name}: {error}", file=sys.stderr)
            failed.append(name)
        except Exception:
            # The others may still be measured; this one's figures are absent, and the run fails.
            traceback.print_exc()
            failed.append(name)
        print(f"\n{time.perf_counter() - began:.1f} s", flush=True)

    now, before = flatten(measured), flatten(committed)
    moved = {path: value for path, value in now.items() if before.get(path) != value}
    print(f"\n## change against the committed figures ({len(now) - len(moved)} are the same)\n")
    print(change_table(moved, before))
    if not options.quick:
        write(measured, committed, fresh=fresh)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def _measure(name: str, *, quick: bool) -> object:
    measure = importlib.import_module(f"benchmarks.{name}").measure
    return measure(quick=quick) if "quick" in inspect.signature(measure).parameters else measure()


def write(measured: Figures, committed: Figures, *, fresh: Iterable[str]) -> None:
    """Write both files; what was not measured this time keeps its committed figures, and their dates.

    Args:
        measured, committed: the figures, by benchmark.
        fresh: the paths of those that were measured just now, each a benchmark or a part of one.
    """
    RESULTS.mkdir(exist_ok=True)
    today = datetime.now(UTC).date().isoformat()
    dates = _dates(committed)
    for path in fresh:
        dates = {old: date for old, date in dates.items() if not _is_in(old, path)} | {path: today}
    about = {
        "date": today,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    merged = {**committed, **measured, "about": about, "dates": dates}
    JSON_FILE.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    line = f"{about['date']}, Python {about['python']}, {about['machine']}"
    table = change_table(flatten(merged), flatten(committed), dates)
    MARKDOWN_FILE.write_text(f"# Benchmarks\n\n{line}\n\n{table}\n", encoding="utf-8")
    print(f"\nwrote {JSON_FILE} and {MARKDOWN_FILE}")


def flatten(figures: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    """Every number, by its path; what is no number is left out.

    Args:
        figures: nested mappings and sequences.
        prefix: of the path so far.
    """
    flat: dict[str, float] = {}
    for key, value in figures.items():
        path = f"{prefix} / {key}" if prefix else str(key)
        if isinstance(value, Mapping):
            flat.update(flatten(value, path))
        elif isinstance(value, (list, tuple)):
            flat.update(flatten({str(place): item for place, item in enumerate(value)}, path))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            flat[path] = value
    return flat


def change_table(
    now: Mapping[str, float], before: Mapping[str, float], dates: Mapping[str, str] | None = None
) -> str:
    """A Markdown table of figures, with the change where there is an earlier one.

    Args:
        now, before: figures by path.
        dates: when they were measured, by the paths of benchmarks and of their parts; None for no such column.
    """
    heads = ("figure", "now", "committed", "change", *(() if dates is None else ("measured",)))
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for path, value in now.items():
        old = before.get(path)
        change = "" if not old else f"{(value - old) / abs(old):+.1%}"
        cells = [path, f"{value:.6g}", "" if old is None else f"{old:.6g}", change]
        if dates is not None:
            cells.append(dates[max((part for part in dates if _is_in(path, part)), key=len)])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _is_in(path: str, whole: str) -> bool:
    return f"{path} / ".startswith(f"{whole} / ")


def _dates(committed: Figures) -> dict[str, str]:
    """Dates of committed figures: the file's own, where it was written before each benchmark had one."""
    known, about = committed.get("dates"), committed.get("about")
    written = str(about["date"]) if isinstance(about, dict) else "unknown"
    names = {name: written for name in committed if name not in ("about", "dates")}
    return names | (known if isinstance(known, dict) else {})


def _committed() -> Figures:
    """The figures of the last commit: the file beside this may be a measurement of five minutes ago."""
    shown = subprocess.run(
        ["git", "-C", str(FOLDER), "show", "HEAD:./results/latest.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    text = shown.stdout if shown.returncode == 0 else None
    if text is None and JSON_FILE.exists():
        text = JSON_FILE.read_text(encoding="utf-8")
    return {} if text is None else dict(json.loads(text))


if __name__ == "__main__":
    raise SystemExit(main())
