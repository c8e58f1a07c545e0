"""A night: every board verified and put through its suite, with nobody watching.

Each step is a process of its own with a deadline, so that nothing that a board or a tool does can keep the rest from
being tested. A board that ought to be there and is not counts against the bench, never as a pass.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from tinysine.bench.agreement import Agreement, agreements
from tinysine.bench.night import LINK_WAS_FLAKY, BoardNight, Job, Orders, Part, Plan
from tinysine.bench.suite_report import read_suite, reconcile_exit_and_report
from tinysine.errors import BAD_INPUT, BENCH, INTERRUPTED, PASS, PRODUCT, ConfigError
from tinysine.evidence import Document, add_findings, read_evidence
from tinysine.history import commit_of, judge_run, run_of
from tinysine.place import TWIN
from tinysine.process_guard import Guard
from tinysine.processes import Finished, python_command, python_environment, run_program
from tinysine.result_files import EVIDENCE_FILE
from tinysine.settings import BENCH as BENCH_FILE
from tinysine.settings import (
    BOARD,
    BOARDS,
    DATA,
    ENGINE,
    FIRMWARE,
    HISTORY,
    MODEL,
    OPTIMIZE,
    PLACE,
    PORT,
    PROBE,
    PRUNE,
    REFERENCE,
    SETTINGS,
    SOAK,
    TIMEOUT,
    TOOLCHAIN,
)

# What `verify` builds and asks when it is told nothing, for suites whose own settings say otherwise.
_BUILD = {setting.variable: setting.default for setting in (FIRMWARE, PRUNE, TOOLCHAIN)}
# Every other setting is the night's to make: a variable that was left behind must not have it test less, or another
# firmware, and no report would say so.
_OF_THE_COMPUTER = (BENCH_FILE, BOARDS, PROBE)
_OF_THE_NIGHT = frozenset(
    variable for setting in SETTINGS if setting not in _OF_THE_COMPUTER for variable in setting.variables
)


class Stop(threading.Event):
    """Set when the night ends before its time.

    Attributes:
        why: as a sentence.
    """

    why = "the night was cut off"


@dataclass(frozen=True)
class _Watch:
    """Reasons for which the processes of a part end before their time: the night ends, or this process does."""

    stop: Stop
    guard: Guard


_Step = Callable[[Job, Orders, Path, _Watch, Document | None], tuple[Part, Document | None]]


class NightRun:
    """A night under way. What it has found can be asked for at any moment, and after an interruption.

    Args:
        plan: who is tested.
        orders: and how.
        on_part: called as each part ends.

    Attributes:
        agreements: of boards with the same model, when all of them are done.
    """

    def __init__(
        self, plan: Plan, orders: Orders, *, on_part: Callable[[Job, Part], None] = lambda _job, _part: None
    ) -> None:
        self._plan = plan
        self._orders = orders
        self._on_part = on_part
        self._stop = Stop()
        self._watch = _Watch(self._stop, Guard())
        # A twin needs a core; a real board waits most of the time.
        self._cores = threading.BoundedSemaphore(max(1, orders.at_once or os.cpu_count() or 1))
        steps: dict[str, tuple[_Step, object]] = {
            "verify": (_verify, True),
            "gates": (_gates, orders.gates),
            "suite": (_suite, orders.suite),
        }
        self._steps = {name: step for name, (step, is_ordered) in steps.items() if is_ordered}
        self._parts: dict[str, list[Part]] = {job.label: [] for job in plan.jobs}
        self._evidence: dict[str, Document] = {}
        self.agreements: tuple[Agreement, ...] = ()

    def run(self) -> None:
        """Test every board of the plan. An interruption ends what runs, and is passed on; the limit of the night ends
        what runs, and the boards that it kept from being judged say so.
        """
        for night in self._plan.missing:
            self._on_part(night.job, night.parts[0])
        most = self._orders.at_once or max(1, len(self._plan.jobs))
        with (
            self._watch.guard,
            self._limited(),
            ThreadPoolExecutor(most, thread_name_prefix="night") as workers,
        ):
            tests = [workers.submit(self._test, job) for job in self._plan.jobs]
            try:
                for test in as_completed(tests):
                    test.result()
            except BaseException:
                self._stop.set()
                for test in tests:
                    test.cancel()
                raise
        self._agree()

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        limit_s = self._orders.night_timeout_s
        if limit_s is None:
            yield
            return

        def end() -> None:
            self._stop.why = f"the night reached its limit of {limit_s:,g} s"
            self._stop.set()

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _agree(self) -> None:
        """Hold the boards' answers against each other: one that differs has a part of its own that fails."""
        jobs = {job.label: job for job in self._plan.jobs}
        known = {label: self._evidence[label] for label in jobs if label in self._evidence}
        self.agreements = agreements(known, self._orders.out)
        for agreement in self.agreements:
            for label, reason in agreement.outliers.items():
                part = Part("agreement", PRODUCT, reason)
                self._parts[label].append(part)
                self._on_part(jobs[label], part)

    def boards(self) -> list[BoardNight]:
        """Results of the boards so far, in the plan's order, the missing ones last.

        A board that is not done has a part that says so, as the bench's fault.
        """
        return [*(self._board(job) for job in self._plan.jobs), *self._plan.missing]

    def _board(self, job: Job) -> BoardNight:
        parts = list(self._parts[job.label])
        kind = ("unknown" if job.port else "twin") if parts else "not reached"
        evidence = self._evidence.get(job.label)
        if len(parts) < len(self._steps):
            ahead = list(self._steps)[len(parts)]
            parts.append(Part(ahead, BENCH, f"{self._stop.why} before this was done", cut_off=True))
        return BoardNight(job, _kind(evidence) or kind, tuple(parts), evidence)

    def _test(self, job: Job) -> None:
        with self._cores if job.port is None else contextlib.nullcontext():
            self._test_now(job)

    def _test_now(self, job: Job) -> None:
        for name, step in self._steps.items():
            if self._stop.is_set():
                return
            evidence, folder = None, self._orders.out / job.label
            try:
                folder.mkdir(parents=True, exist_ok=True)
                part, evidence = self._tried(step, job, folder)
            except Exception as error:
                # Whatever it is, it is about this part of this board: the rest goes on.
                trace = traceback.format_exc()
                part = Part(name, BENCH, f"unexpected {type(error).__name__}: {error}", output=trace)
                with (
                    contextlib.suppress(OSError),
                    (folder / f"{name}.log").open("a", encoding="utf-8") as log,
                ):
                    log.write(trace)
            if evidence is not None:
                self._evidence[job.label] = evidence
            self._parts[job.label].append(part)
            self._on_part(job, part)

    def _tried(self, step: _Step, job: Job, folder: Path) -> tuple[Part, Document | None]:
        """One part, tried again where the bench has failed it; a pass after that is flaky."""
        failures: list[str] = []
        while True:
            part, evidence = step(job, self._orders, folder, self._watch, self._evidence.get(job.label))
            if not part.failed_at_board or len(failures) >= self._orders.retries or self._stop.is_set():
                break
            failures.append(part.reason)
        if failures and part.cause is PASS:
            tried = "; ".join(
                [f"tried {len(failures) + 1} times: {failures[0]}", *[part.flaky] * bool(part.flaky)]
            )
            part = replace(part, flaky=tried)
        return part, evidence


def _kind(evidence: Document | None) -> str:
    return "" if evidence is None or evidence.board is None else evidence.board.kind


def _verify(
    job: Job, orders: Orders, folder: Path, watch: _Watch, _earlier: Document | None
) -> tuple[Part, Document | None]:
    file = folder / EVIDENCE_FILE
    command = python_command("-m", "tinysine", "verify", str(orders.model), "--board", job.board)
    if job.place:
        command += ["--place", job.place]
    elif job.port:
        command += ["--port", job.port]
    if orders.bench_file:
        command += ["--bench", orders.bench_file]
    # Also where it is 0, as every variable below: what the night was told outdoes the environment.
    command += ["--soak", str(orders.soak), "--optimize", orders.optimize]
    if orders.data is not None:
        command += ["--data", str(orders.data)]
    command += ["--timeout", f"{orders.connect_s:g}", "--json", str(file), "--quiet"]
    done = _run(command, job, orders, python_environment(), log=folder / "verify.log", watch=watch)
    evidence, strange = None, ""
    try:
        evidence = read_evidence(file)
    except ConfigError as error:
        strange = error.message if file.exists() else ""
    says = "nothing" if evidence is None else evidence.verdict
    by_verdict = {"pass": PASS, "fail": PRODUCT}
    cause = next((cause for cause in (BAD_INPUT, INTERRUPTED) if done.exit_code == cause.exit_code), BENCH)
    if (says_so := by_verdict.get(says)) is not None and done.exit_code == says_so.exit_code:
        cause = says_so
    reason = (
        ""
        if cause is PASS
        else (_why(done, orders, watch.stop) or strange or f"exit code 0, but the evidence says {says}")
    )
    if cause is PRODUCT:
        reason = "; ".join(finding.reason for finding in (evidence.findings if evidence else ())) or reason
    if cause is PASS and job.required and (kind := _kind(evidence)) != "hardware":
        cause = BENCH
        reason = f"it must be attached, and {job.port} is {kind or 'unknown'}: unique_id in the bench file proves it"
    flaky = LINK_WAS_FLAKY if cause is PASS and _is_flaky(evidence) else ""
    cut_off = _is_cut_off(done, watch.stop)
    return Part("verify", cause, reason, done.seconds, done.output, flaky=flaky, cut_off=cut_off), evidence


def _is_flaky(evidence: Document | None) -> bool:
    return bool(evidence and evidence.provenance and evidence.provenance.flaky)


def _gates(
    job: Job, orders: Orders, folder: Path, _watch: _Watch, evidence: Document | None
) -> tuple[Part, Document | None]:
    began = time.perf_counter()
    if evidence is None or evidence.verdict != "pass":
        return Part("gates", BENCH, "there is no pass to judge"), None
    commit, place = commit_of(orders.model), job.place or job.port or ""
    run = run_of(evidence, command="nightly", commit=commit, place=place)
    judged = judge_run(run, orders.gates, history=orders.history, model=orders.model, write=False)
    said = [f"{result.gate.text}: {result.reason or 'holds'}" for result in judged.results]
    reasons = [finding.reason for finding in judged.findings]
    if judged.obstacle is not None:
        reasons.append(judged.obstacle.message)
    reasons += judged.remarks
    (folder / "gates.log").write_text("".join(f"{line}\n" for line in said), encoding="utf-8")
    failed = None
    try:
        failed = add_findings(folder / EVIDENCE_FILE, judged.findings) if judged.findings else None
    except ConfigError as error:  # a product that failed has failed all the same
        reasons.append(f"its evidence could not be told: {error.message}")
    return Part(
        "gates", judged.cause, "; ".join(reasons), time.perf_counter() - began, "\n".join(said)
    ), failed


def _suite(
    job: Job, orders: Orders, folder: Path, watch: _Watch, evidence: Document | None
) -> tuple[Part, None]:
    file = folder.resolve() / "suite.xml"
    command = [*orders.suite, f"--junitxml={file}"]
    done = _run(command, job, orders, os.environ, log=folder / "suite.log", watch=watch)
    report = read_suite(file)
    cause, reason = reconcile_exit_and_report(done, report, job, evidence)
    if not reason and done.exit_code is not None and report.wrong:
        reason = report.wrong[0].reason.partition("\n")[0]  # pytest's own last words are a count
    reason = reason or _why(done, orders, watch.stop)
    if cause is not PASS and report.tests:
        reason += f" ({', '.join(f'{count} {name}' for name, count in report.tests.items())})"
    flaky = report.flaky if cause is PASS else ""
    part = Part("suite", cause, reason, done.seconds, done.output, report.tests, report.wrong, flaky)
    return replace(part, cut_off=_is_cut_off(done, watch.stop)), None


def _run(
    command: Sequence[str],
    job: Job,
    orders: Orders,
    variables: Mapping[str, str],
    *,
    log: Path,
    watch: _Watch,
) -> Finished:
    environment = {
        name: value for name, value in variables.items() if name not in (*_OF_THE_NIGHT, HISTORY.variable)
    }
    environment[BOARD.variable] = job.board
    environment |= {PLACE.variable: job.place} if job.place else {PORT.variable: job.port or TWIN}
    environment[TIMEOUT.variable] = f"{orders.connect_s:g}"
    environment[SOAK.variable] = str(orders.soak)
    environment[MODEL.variable] = str(orders.model.resolve())
    environment |= {ENGINE.variable: orders.engine, REFERENCE.variable: orders.reference}
    environment[OPTIMIZE.variable] = orders.optimize
    if orders.data is not None:
        environment[DATA.variable] = str(orders.data)
    environment |= _BUILD  # the suite's build has to be the one that `verify` judged
    if orders.bench_file:
        environment[BENCH_FILE.variable] = str(Path(orders.bench_file).resolve())
    try:
        done = run_program(
            command, timeout_s=orders.timeout_s, env=environment, stop=watch.stop, beside=watch.guard.over
        )
    except OSError as error:
        done = Finished(tuple(command), BENCH.exit_code, f"{command[0]}: {error.strerror or error}\n", 0.0)
    log.write_text(done.output, encoding="utf-8")
    return done


def _is_cut_off(done: Finished, stop: Stop) -> bool:
    return done.exit_code is None and stop.is_set()


def _why(done: Finished, orders: Orders, stop: Stop) -> str:
    if done.exit_code is None:
        why = stop.why if stop.is_set() else f"no end within {orders.timeout_s:g} s"
        return f"{why}: killed"
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    if done.exit_code == 0:
        return ""
    return (errors or lines or [f"exit code {done.exit_code}, without a word"])[-1].removeprefix("error: ")
