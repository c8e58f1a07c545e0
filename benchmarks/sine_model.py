"""The sine model that `tinysine run` makes: its error over all 256 codes, and what the whole run takes.

`python -m benchmarks.sine_model` ends with 1 where a promise is not kept; the seconds are promised for two idle cores.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.whole_commands import command_seconds
from tinysine.graph import parse_network
from tinysine.oracles import litert_oracle
from tinysine.quantization import dequantize
from tinysine.stimuli import all_inputs
from tinysine.training import TrainingSettings, convert, train

SEEDS = (1, 2, 3)
MOST_MAE = 0.025
MOST_SECONDS = 25.0


def int8_mae(seed: int) -> float:
    """Train and convert with a seed; mean absolute error of the int8 model against sin(x) over its 256 codes."""
    converted = convert(train(TrainingSettings(seed=seed)))
    model = parse_network(converted.int8_tflite, file=f"seed {seed}")
    codes = all_inputs(model).codes
    into, out_of = model.input.quantization, model.output.quantization
    assert into is not None
    assert out_of is not None
    x = dequantize(codes, into).astype(np.float64)
    return float(np.mean(np.abs(dequantize(litert_oracle(model).run(codes), out_of) - np.sin(x))))


def measure() -> dict[str, dict[str, float]]:
    """Measure, print the table, and return its figures."""
    print("| | measured | promised at most |\n|---|--:|--:|", flush=True)
    errors: dict[str, float] = {}
    for seed in SEEDS:
        error = errors[f"seed {seed}"] = int8_mae(seed)
        print(f"| int8 MAE against sin(x), 256 codes, seed {seed} | {error:.4f} | |", flush=True)
    median = statistics.median(errors.values())
    print(f"| median | {median:.4f} | {MOST_MAE} |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        seconds = command_seconds(["run", "--out", f"{folder}/out"], Path(folder), "cache")
    print(f"| `tinysine run`, nothing cached, seconds | {seconds:.1f} | {MOST_SECONDS:g} |")
    return {"int8 mae": {**errors, "median": median}, "run": {"seconds": seconds}}


def promises_kept(figures: dict[str, dict[str, float]]) -> bool:
    """Say whether both promises hold."""
    return figures["int8 mae"]["median"] <= MOST_MAE and figures["run"]["seconds"] <= MOST_SECONDS


if __name__ == "__main__":
    sys.exit(not promises_kept(measure()))
