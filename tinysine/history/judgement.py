"""A run judged by its gates: for `verify`, for nights and for tests alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinysine.errors import PASS, PRODUCT, Cause, TinysineError, cause_of
from tinysine.history.gate_words import broken
from tinysine.history.gates import Gate, GateResult, judge_gates, need_history
from tinysine.history.records import HistoryRun
from tinysine.history.store import History
from tinysine.verdicts import Finding, Stage


@dataclass(frozen=True)
class Judgement:
    """Result of the gates of a run.

    Attributes:
        results: of each gate that could be asked.
        findings: one for each that broke, with the first bad run and the commits between.
        obstacle: what kept growth from being judged; budgets are judged nevertheless.
        nothing: why no gate was asked, though there are some; "" where one was.
    """

    results: tuple[GateResult, ...]
    findings: tuple[Finding, ...]
    obstacle: TinysineError | None = None
    nothing: str = ""

    @property
    def unjudged(self) -> tuple[GateResult, ...]:
        """Gates that nothing could be said about, each with its reason."""
        return tuple(result for result in self.results if result.passed is None)

    @property
    def cause(self) -> Cause:
        """Return the verdict: a gate that broke is the product's fault, whatever kept others from being judged."""
        if self.findings:
            return PRODUCT
        return PASS if self.obstacle is None else cause_of(self.obstacle)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return a sentence for each gate that was not judged: it is no failure, and no pass either."""
        said = (f"gate {result.gate.text!r} was not judged: {result.reason}" for result in self.unjudged)
        return (*filter(None, [self.nothing]), *said)


def judge_run(
    run: HistoryRun, gates: Sequence[Gate], *, history: Path | None, model: Path, write: bool = True
) -> Judgement:
    """Judge a run by its gates.

    Args:
        run: not in the history yet.
        gates: limits.
        history: file of earlier runs; None where there is none.
        model: whose repository has the commits.
        write: a history that is not there may be begun.
    """
    obstacle: TinysineError | None = None
    try:
        if history is None or not need_history(gates):
            results = judge_gates(run, gates, None)
        else:
            with History(history, write=write) as kept:
                results = judge_gates(run, gates, kept)
    except TinysineError as error:
        obstacle = error
        results = judge_gates(run, [gate for gate in gates if gate.kind != "growth"], None)
    findings = tuple(
        Finding(Stage.GATE, broken(result, run, model)) for result in results if result.passed is False
    )
    is_for_others = bool(gates) and not any(gate.is_for(run) for gate in gates)
    nothing = f"no gate was judged: all are for other boards than {run.title}" if is_for_others else ""
    return Judgement(results, findings, obstacle, nothing)
