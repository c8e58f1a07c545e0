"""Parts of a board's night: `verify`, its gates, and its suite.

`verify` and the suite are processes with a deadline. What each says counts only with what it wrote down.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinysine.bench.night import LINK_WAS_FLAKY, Job, Orders, Part
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
class Watch:
    """Reasons for which the processes of a part end before their time: the night ends, or this process does."""

    stop: Stop
    guard: Guard


Step = Callable[[Job, Orders, Path, Watch, Document | None], tuple[Part, Document | None]]


def kind_of(evidence: Document | None) -> str:
    """Return what evidence says stood behind the port; "" where it does not say."""
    return "" if evidence is None or evidence.board is None else evidence.board.kind


def verify_part(
    job: Job, orders: Orders, folder: Path, watch: Watch, _earlier: Document | None
) -> tuple[Part, Document | None]:
    """Run `tinysine verify` on a board.

    Args:
        folder: of the board, for its evidence and the log.
    Returns:
        The part, and the evidence that was written; None for none that can be read.
    """
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
    if cause is PASS and job.required and (kind := kind_of(evidence)) != "hardware":
        cause = BENCH
        reason = f"it must be attached, and {job.port} is {kind or 'unknown'}: unique_id in the bench file proves it"
    flaky = LINK_WAS_FLAKY if cause is PASS and _is_flaky(evidence) else ""
    cut_off = _is_cut_off(done, watch.stop)
    return Part("verify", cause, reason, done.seconds, done.output, flaky=flaky, cut_off=cut_off), evidence


def _is_flaky(evidence: Document | None) -> bool:
    return bool(evidence and evidence.provenance and evidence.provenance.flaky)


def gates_part(
    job: Job, orders: Orders, folder: Path, _watch: Watch, evidence: Document | None
) -> tuple[Part, Document | None]:
    """Judge the figures of `verify` by the gates.

    Args:
        folder: of the board, for the log.
        evidence: of `verify`.
    Returns:
        The part, and the evidence where a gate broke, with that as a finding; else None.
    """
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


def suite_part(
    job: Job, orders: Orders, folder: Path, watch: Watch, evidence: Document | None
) -> tuple[Part, None]:
    """Run the suite on a board.

    Args:
        folder: of the board, for the suite's report and the log.
        evidence: of `verify`: the suite has to have tested the same board, model and build.
    """
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
    watch: Watch,
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
