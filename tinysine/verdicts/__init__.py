"""Expected and got, turned into verdicts: outputs, error against the sine, latency, memory. No I/O here.

Two rules hold throughout. Nothing that was not measured can pass: no answers, no counts or no figures is a
failure or is absent, never a zero. And a failure names the stage that most likely broke, with the facts that
point there.
"""

from tinysine.verdicts.budget import ErrorBudget, budget_of, error_budget, real_network
from tinysine.verdicts.latency import LatencyVerdict, judge_latency
from tinysine.verdicts.memory import MemoryVerdict, judge_memory
from tinysine.verdicts.noisy_latency import judge_noisy_latency
from tinysine.verdicts.outputs import (
    Against,
    Difference,
    OutputsVerdict,
    choose_reference,
    judge_outputs,
    stood_in_for,
)
from tinysine.verdicts.overall import Verdict, judge_overall
from tinysine.verdicts.proof import Proof
from tinysine.verdicts.sine import SINE_CRITERION, SineVerdict, judge_sine, sine_likeness
from tinysine.verdicts.stages import Finding, Stage

__all__ = [
    "SINE_CRITERION",
    "Against",
    "Difference",
    "ErrorBudget",
    "Finding",
    "LatencyVerdict",
    "MemoryVerdict",
    "OutputsVerdict",
    "Proof",
    "SineVerdict",
    "Stage",
    "Verdict",
    "budget_of",
    "choose_reference",
    "error_budget",
    "judge_latency",
    "judge_memory",
    "judge_noisy_latency",
    "judge_outputs",
    "judge_overall",
    "judge_sine",
    "real_network",
    "sine_likeness",
    "stood_in_for",
]
