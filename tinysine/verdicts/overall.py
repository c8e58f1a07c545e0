"""One word for everything: "pass" only when every judge that had to speak has spoken, and said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinysine.verdicts.latency import LatencyVerdict
from tinysine.verdicts.memory import MemoryVerdict
from tinysine.verdicts.outputs import OutputsVerdict
from tinysine.verdicts.stages import Finding, Stage


@dataclass(frozen=True)
class Verdict:
    """Attributes: verdict, and everything that is wrong, the likeliest cause first."""

    verdict: Literal["pass", "fail"]
    findings: tuple[Finding, ...]


def judge_overall(
    *,
    outputs: OutputsVerdict | None,
    latency: LatencyVerdict | None,
    memory: MemoryVerdict | None,
    latency_required: bool = False,
    memory_required: bool = True,
    tasks: tuple[Finding, ...] = (),
    extra: tuple[Finding, ...] = (),
) -> Verdict:
    """Add the verdicts up.

    Args:
        outputs: must be there, with at least one inference checked.
        latency: None where the board has no counter; then it must not have been required.
        memory: None where foreign firmware does not tell it; then it must not have been required.
        latency_required: a latency budget was given.
        memory_required: the firmware is our own, which always tells.
        tasks: findings about what the model is for.
        extra: findings from elsewhere, such as a fault record; any of them fails.
    """
    findings = list(extra)
    if outputs is None or outputs.checked == 0:
        findings.append((outputs and outputs.finding) or Finding(Stage.HARNESS, "no answer was checked"))
    elif not outputs.passed or outputs.mismatches:
        findings.append(outputs.finding or Finding(Stage.ENGINE, f"{outputs.mismatches} answers are wrong"))
    findings.extend(tasks)
    if latency is None and latency_required:
        findings.append(
            Finding(Stage.LATENCY, "there is a latency budget, but this board cannot measure latency")
        )
    if latency is not None and latency.finding:
        findings.append(latency.finding)
    if memory is not None:
        findings.extend(memory.findings)
    elif memory_required:
        findings.append(Finding(Stage.MEMORY, "memory was not measured"))
    return Verdict("fail" if findings else "pass", tuple(findings))
