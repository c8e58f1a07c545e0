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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan, Verdict
from tinysine.bench.port_words import TWIN
from tinysine.errors import EXIT_BENCH_FAILURE, EXIT_PASS, EXIT_PRODUCT_FAILURE
from tinysine.processes import Finished, run_program
from tinysine.variables import TIMEOUT

_Step = Callable[[Job, Orders, Path, threading.Event], tuple[Part, dict[str, Any] | None]]


class NightRun:
    """A night under way. What it has found can be asked for at any moment, and after an interruption.

    Args:
        plan: who is tested.
        orders: and how.
        on_part: called as each part ends.
    """

    def __init__(
        self, plan: Plan, orders: Orders, *, on_part: Callable[[Job, Part], None] = lambda _job, _part: None
    ) -> None:
        self._plan = plan
        self._orders = orders
        self._on_part = on_part
        self._stop = threading.Event()
        self._steps: dict[str, _Step] = {"verify": _verify, **({"suite": _suite} if orders.suite else {})}
        self._parts: dict[str, list[Part]] = {job.label: [] for job in plan.jobs}
        self._evidence: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        """Test every board of the plan. An interruption ends what runs, and is passed on."""
        for night in self._plan.missing:
            self._on_part(night.job, night.parts[0])
        with ThreadPoolExecutor(self._orders.at_once, thread_name_prefix="night") as workers:
            tests = [workers.submit(self._test, job) for job in self._plan.jobs]
            try:
                for test in as_completed(tests):
                    test.result()
            except BaseException:
                self._stop.set()
                for test in tests:
                    test.cancel()
                raise

    def boards(self) -> list[BoardNight]:
        """What came of each board so far, in the plan's order, the missing ones last.

        A board that is not done has a part that says so, as the bench's fault.
        """
        return [*(self._board(job) for job in self._plan.jobs), *self._plan.missing]

    def _board(self, job: Job) -> BoardNight:
        parts = list(self._parts[job.label])
        kind = ("hardware" if job.port else "twin") if parts else "not reached"
        evidence = self._evidence.get(job.label)
        if len(parts) < len(self._steps):
            ahead = list(self._steps)[len(parts)]
            parts.append(Part(ahead, "error", "the night was cut off before this was done"))
        return BoardNight(job, _kind(evidence) or kind, tuple(parts), evidence)

    def _test(self, job: Job) -> None:
        for name, step in self._steps.items():
            if self._stop.is_set():
                return
            evidence = None
            try:
                folder = self._orders.out / job.label
                folder.mkdir(parents=True, exist_ok=True)
                part, evidence = step(job, self._orders, folder, self._stop)
            except Exception as error:
                # Whatever it is, it is about this part of this board: the rest goes on.
                part = Part(name, "error", f"unexpected {type(error).__name__}: {error}")
            if evidence is not None:
                self._evidence[job.label] = evidence
            self._parts[job.label].append(part)
            self._on_part(job, part)


def _kind(evidence: Any) -> str:
    board = evidence.get("board") if isinstance(evidence, dict) else None
    kind = board.get("kind") if isinstance(board, dict) else None
    return kind if isinstance(kind, str) else ""


def _verify(
    job: Job, orders: Orders, folder: Path, stop: threading.Event
) -> tuple[Part, dict[str, Any] | None]:
    file = folder / "evidence.json"
    command = [sys.executable, "-m", "tinysine", "verify", str(orders.model), "--board", job.board]
    if job.port:
        command += ["--port", job.port]
    if orders.bench_file:
        command += ["--bench", orders.bench_file]
    if orders.soak:
        command += ["--soak", str(orders.soak)]
    command += ["--timeout", f"{orders.connect_s:g}", "--json", str(file), "--quiet"]
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
    reason = (
        "" if verdict == "pass" else _why(done, orders, stop) or f"exit code 0, but the evidence says {says}"
    )
    if verdict == "fail":
        reason = "; ".join(finding["reason"] for finding in evidence.get("findings", ())) or reason
    return Part("verify", verdict, reason, done.seconds, done.output), evidence


def _suite(job: Job, orders: Orders, folder: Path, stop: threading.Event) -> tuple[Part, None]:
    file = folder.resolve() / "suite.xml"
    command = [*orders.suite, f"--junitxml={file}"]
    done = _run(command, job, orders, log=folder / "suite.log", stop=stop)
    tests, says = _read_junit(file)
    verdict, reason = _believe(done, tests, says)
    reason = reason or _why(done, orders, stop)
    if verdict != "pass" and tests:
        reason += f" ({', '.join(f'{count} {name}' for name, count in tests.items())})"
    return Part("suite", verdict, reason, done.seconds, done.output, tests), None


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
    environment[TIMEOUT] = f"{orders.connect_s:g}"
    environment["TINYSINE_MODEL"] = str(orders.model.resolve())
    if orders.bench_file:
        environment["TINYSINE_BENCH"] = str(Path(orders.bench_file).resolve())
    try:
        done = run_program(command, timeout_s=orders.timeout_s, env=environment, stop=stop)
    except OSError as error:
        done = Finished(tuple(command), EXIT_BENCH_FAILURE, f"{command[0]}: {error.strerror or error}\n", 0.0)
    log.write_text(done.output, encoding="utf-8")
    return done


def _why(done: Finished, orders: Orders, stop: threading.Event) -> str:
    if done.exit_code is None:
        why = "the night was cut off" if stop.is_set() else f"no end within {orders.timeout_s:g} s"
        return f"{why}: killed"
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
    except (OSError, ET.ParseError, ValueError, LookupError):  # the last for an encoding that nobody knows
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
