"""A night: every board verified and put through its suite, with nobody watching.

Each step is a process of its own with a deadline, so that nothing that a board or a tool does can keep the rest from
being tested. A board that ought to be there and is not counts against the bench, never as a pass.
"""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from tinysine.bench.agreement import Agreement, agreements
from tinysine.bench.night import BoardNight, Job, Orders, Part, Plan
from tinysine.bench.night_parts import Step, Stop, Watch, gates_part, kind_of, suite_part, verify_part
from tinysine.errors import BENCH, PASS, PRODUCT
from tinysine.evidence import Document
from tinysine.process_guard import Guard


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
        self._watch = Watch(self._stop, Guard())
        # A twin needs a core; a real board waits most of the time.
        self._cores = threading.BoundedSemaphore(max(1, orders.at_once or os.cpu_count() or 1))
        steps: dict[str, tuple[Step, object]] = {
            "verify": (verify_part, True),
            "gates": (gates_part, orders.gates),
            "suite": (suite_part, orders.suite),
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
        return BoardNight(job, kind_of(evidence) or kind, tuple(parts), evidence)

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

    def _tried(self, step: Step, job: Job, folder: Path) -> tuple[Part, Document | None]:
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
