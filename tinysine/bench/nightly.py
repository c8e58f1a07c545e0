"""A night: every board verified and put through its suite, with nobody watching.

Each step is a process of its own with a deadline, so that nothing that a board or a tool does can keep the rest from
being tested. A board that ought to be there and is not counts against the bench, never as a pass.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan, Verdict
from tinysine.bench.port_words import TWIN
from tinysine.errors import EXIT_BENCH_FAILURE, EXIT_PASS, EXIT_PRODUCT_FAILURE
from tinysine.processes import Finished, run_program


def run_night(
    plan: Plan,
    orders: Orders,
    *,
    on_part: Callable[[Job, Part], None] = lambda _job, _part: None,
    on_board: Callable[[BoardNight], None] = lambda _night: None,
) -> None:
    """Test every board of a plan. An interruption ends what runs, and is passed on.

    Args:
        on_part: called as each part ends.
        on_board: called with what came of each board, the missing ones first.
    """
    for night in plan.missing:
        on_part(night.job, night.parts[0])
        on_board(night)
    stop = threading.Event()
    with ThreadPoolExecutor(orders.at_once, thread_name_prefix="night") as workers:
        tests = [workers.submit(_test, job, orders, on_part, stop) for job in plan.jobs]
        try:
            for test in as_completed(tests):
                on_board(test.result())
        except BaseException:
            stop.set()
            for test in tests:
                test.cancel()
            raise


def in_order(plan: Plan, done: Iterable[BoardNight]) -> list[BoardNight]:
    """What came of each board, in the plan's order, the missing ones last; of those not reached, that they were not."""
    by_label = {night.job.label: night for night in done}
    cut_off = Part("verify", "error", "the night was cut off before this board was done")
    nights = [by_label.get(job.label) or BoardNight(job, "not reached", (cut_off,)) for job in plan.jobs]
    return [*nights, *plan.missing]


def _test(
    job: Job, orders: Orders, on_part: Callable[[Job, Part], None], stop: threading.Event
) -> BoardNight:
    folder = orders.out / job.label
    folder.mkdir(parents=True)
    part, evidence = _verify(job, orders, folder, stop)
    on_part(job, part)
    parts = [part]
    if orders.suite:
        parts.append(_suite(job, orders, folder, stop))
        on_part(job, parts[-1])
    kind = str(((evidence or {}).get("board") or {}).get("kind") or "")
    return BoardNight(job, kind or ("hardware" if job.port else "twin"), tuple(parts), evidence)


def _verify(
    job: Job, orders: Orders, folder: Path, stop: threading.Event
) -> tuple[Part, dict[str, Any] | None]:
    file = folder / "evidence.json"
    command = [sys.executable, "-m", "tinysine", "verify", str(orders.model), "--board", job.board]
    if job.port:
        command += ["--port", job.port]
    if orders.bench_file:
        command += ["--bench", orders.bench_file]
    command += ["--json", str(file), "--quiet"]
    done = _run(command, job, orders, log=folder / "verify.log", stop=stop)
    try:
        evidence = json.loads(file.read_text(encoding="utf-8"))
        says = evidence["verdict"]
    except (OSError, ValueError, KeyError, TypeError):
        evidence, says = None, "nothing"
    expected = {"pass": EXIT_PASS, "fail": EXIT_PRODUCT_FAILURE}
    verdict: Verdict = "error"
    if done.exit_code is not None and expected.get(says) == done.exit_code:
        verdict = says
    reason = "" if verdict == "pass" else _why(done, orders) or f"exit code 0, but the evidence says {says}"
    if verdict == "fail":
        reason = "; ".join(finding["reason"] for finding in evidence.get("findings", ())) or reason
    return Part("verify", verdict, reason, done.seconds, done.output), evidence


def _suite(job: Job, orders: Orders, folder: Path, stop: threading.Event) -> Part:
    file = folder.resolve() / "suite.xml"
    command = [*orders.suite, f"--junitxml={file}"]
    done = _run(command, job, orders, log=folder / "suite.log", stop=stop)
    tests, says = _read_junit(file)
    verdict, reason = _believe(done, tests, says)
    reason = reason or _why(done, orders)
    if verdict != "pass" and tests:
        reason += f" ({', '.join(f'{count} {name}' for name, count in tests.items())})"
    return Part("suite", verdict, reason, done.seconds, done.output, tests)


def _believe(done: Finished, tests: dict[str, int], says: str) -> tuple[Verdict, str]:
    """Hold a suite's exit code against its report: a wrapper can lose the one, a crash the other.

    Returns:
        The verdict, and why, where the suite's own last words do not say it.
    """
    if says == "product failure" and done.exit_code is not None:
        return "fail", "exit code 0, but the report says product failure" if done.exit_code == 0 else ""
    if done.exit_code != 0:
        return "error", ""
    wrong = tests.get("failed", 0) + tests.get("errors", 0)
    if wrong:
        return "error", f"exit code 0, but the report counts {wrong} failure{'s' * (wrong != 1)}"
    if says not in ("", "pass"):
        return "error", f"exit code 0, but the report says {says}"
    if not tests.get("passed"):
        return "error", "the suite ended well without a single test that passed"
    return "pass", ""


def _run(command: Sequence[str], job: Job, orders: Orders, *, log: Path, stop: threading.Event) -> Finished:
    environment = {**os.environ, "TINYSINE_BOARD": job.board, "TINYSINE_PORT": job.port or TWIN}
    environment["TINYSINE_MODEL"] = str(orders.model.resolve())
    if orders.bench_file:
        environment["TINYSINE_BENCH"] = str(Path(orders.bench_file).resolve())
    try:
        done = run_program(command, timeout_s=orders.timeout_s, env=environment, stop=stop)
    except OSError as error:
        done = Finished(tuple(command), EXIT_BENCH_FAILURE, f"{command[0]}: {error.strerror or error}\n", 0.0)
    log.write_text(done.output, encoding="utf-8")
    return done


def _why(done: Finished, orders: Orders) -> str:
    if done.exit_code is None:
        return f"no end within {orders.timeout_s:g} s, or interrupted: killed"
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    if done.exit_code == 0:
        return ""
    return (errors or lines or [f"exit code {done.exit_code}, without a word"])[-1].removeprefix("error: ")


def _read_junit(file: Path) -> tuple[dict[str, int], str]:
    """Counts of a suite's report, and the worst verdict that the plugin wrote into it; nothing where there is none."""
    names = ("tests", "failures", "errors", "skipped")
    try:
        root = ET.parse(file).getroot()
        if any(int(suite.get(name, 0)) < 0 for suite in root.iter("testsuite") for name in names):
            return {}, ""
        total, failed, errors, skipped = (_count(root, name) for name in names)
    except (OSError, ET.ParseError, ValueError):
        return {}, ""
    # pytest counts a test that passed and whose teardown failed twice; fewer than none never passed.
    passed = max(total - failed - errors - skipped, 0)
    counts = {"passed": passed, "failed": failed, "errors": errors, "skipped": skipped}
    verdicts = [
        item.get("value", "") for item in root.iter("property") if item.get("name") == "tinysine.verdict"
    ]
    worst = ("product failure", *(says for says in verdicts if says != "pass"), "pass")
    return counts, next((says for says in worst if says in verdicts), "")


def _count(element: ET.Element, name: str) -> int:
    """A count of the suites below an element, each test once: a suite of suites repeats what they count."""
    inner = sum(_count(suite, name) for suite in element.findall("testsuite"))
    return max(inner, int(element.get(name, 0)) if element.tag == "testsuite" else 0)
