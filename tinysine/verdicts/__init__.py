"""Expected and got, turned into verdicts: outputs, latency, memory. No I/O here.

Two rules hold throughout. Nothing that was not measured can pass: no answers, no counts or no figures is a
failure or is absent, never a zero. And a failure names the stage that most likely broke, with the facts that
point there.
"""

from tinysine.verdicts.every_output import judge_every_output
from tinysine.verdicts.latency import Latency, LatencyVerdict, judge_latency
from tinysine.verdicts.layers import (
    LayerDifference,
    LayerRow,
    Layers,
    LayersVerdict,
    compare_layer,
    judge_layers,
)
from tinysine.verdicts.memory import Memory, MemoryVerdict, judge_memory
from tinysine.verdicts.noisy_latency import MAD_TO_SIGMA, NOISY_UNITS, judge_noisy_latency
from tinysine.verdicts.outputs import (
    Against,
    Comparison,
    Difference,
    OutputsVerdict,
    OutputVerdict,
    choose_reference,
    judge_outputs,
    stood_in_for,
)
from tinysine.verdicts.overall import Verdict, judge_overall
from tinysine.verdicts.proof import Proof
from tinysine.verdicts.soak import Soak, WrongAnswer
from tinysine.verdicts.stages import Finding, Stage
from tinysine.verdicts.tolerance import EQUAL, Tolerance, wrong_rows

__all__ = [
    "EQUAL",
    "MAD_TO_SIGMA",
    "NOISY_UNITS",
    "Against",
    "Comparison",
    "Difference",
    "Finding",
    "Latency",
    "LatencyVerdict",
    "LayerDifference",
    "LayerRow",
    "Layers",
    "LayersVerdict",
    "Memory",
    "MemoryVerdict",
    "OutputVerdict",
    "OutputsVerdict",
    "Proof",
    "Soak",
    "Stage",
    "Tolerance",
    "Verdict",
    "WrongAnswer",
    "choose_reference",
    "compare_layer",
    "judge_every_output",
    "judge_latency",
    "judge_layers",
    "judge_memory",
    "judge_noisy_latency",
    "judge_outputs",
    "judge_overall",
    "stood_in_for",
    "wrong_rows",
]
