"""Gates on the command line: read before the work, judged after it, and said with the commits in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tinysine.errors import PRODUCT, ConfigError

if TYPE_CHECKING:
    from tinysine.evidence import Evidence
    from tinysine.history import Gate, HistoryRun


def gates_to_judge(texts: Sequence[str] | None, history: Path | None, *, bench: str = "") -> tuple[Gate, ...]:
    """Read the gates of a command, before its work starts.

    Args:
        texts: rules and files of rules.
        history: of earlier runs.
        bench: the bench file that was named, whose ids a file of rules may name; "" for the one that is found.
    Raises:
        ConfigError: one means nothing, or needs a history that was not named.
    """
    if not texts:
        return ()
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415
    from tinysine.history import need_history, read_gates  # noqa: PLC0415

    ids = {entry.id: entry.name for entry in find_bench(bench).entries}
    gates = read_gates(texts, ids=ids)
    if need_history(gates) and history is None:
        growth = next(gate for gate in gates if gate.kind == "growth")
        raise ConfigError(
            f"the gate {growth.text!r} compares with earlier runs, and there is no history",
            hint="--history FILE, to which this run is added",
            key="gate",
        )
    return gates


def history_run(
    evidence: Evidence, model: Path | None, *, file: Path | None = None, place: str = ""
) -> HistoryRun:
    """Return what a history keeps of a run.

    Args:
        evidence: of the run.
        model: the user's file, whose repository has the commit; None for a model that was made just now.
        file: that holds the evidence.
        place: id of the board in the bench file; "" where none was named.
    """
    from tinysine.evidence import document_of  # noqa: PLC0415
    from tinysine.history import commit_of, run_of  # noqa: PLC0415

    commit = None if model is None else commit_of(model)
    return run_of(document_of(evidence), evidence=file, commit=commit, place=place)


def gated(
    evidence: Evidence,
    gates: Sequence[Gate],
    history: Path | None,
    model: Path,
    unjudged: list[Exception],
    *,
    place: str = "",
) -> Evidence:
    """Judge a run by its gates: one that breaks makes a pass a failure, and is a finding.

    Args:
        evidence: of the run; an error of the bench stays one.
        gates: limits.
        history: of earlier runs, without this one.
        model: whose repository has the commits.
        unjudged: what kept growth from being judged is added here; budgets are judged nevertheless.
        place: id of the board in the bench file; "" where none was named.
    """
    if not gates or evidence.verdict == "error":
        return evidence
    from tinysine.commands.screen import say_aside  # noqa: PLC0415
    from tinysine.history import judge_run  # noqa: PLC0415

    judged = judge_run(history_run(evidence, model, place=place), gates, history=history, model=model)
    if judged.obstacle is not None:
        unjudged.append(judged.obstacle)
    for remark in judged.remarks:
        say_aside(remark)
    if judged.cause is not PRODUCT:
        return evidence
    return replace(evidence, verdict="fail", findings=(*evidence.findings, *judged.findings))
