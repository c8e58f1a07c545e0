"""Training against Keras' own `model.fit`: same settings and data, one run; seconds, error against the sine.

`python -m benchmarks.training [--quick]`; quick trains for fewer epochs, and the table says so.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import subprocess
import sys
import time

import numpy as np

from tinysine.training import Dataset, TrainingSettings, make_dataset, tensorflow_quietly, train

SEEDS = (1, 2, 3)
QUICK_EPOCHS = 60
PROMISED_TIME_RATIO = 1 / 3
PROMISED_ERROR_RATIO = 1.1

POINTS = np.linspace(0.0, 2.0 * np.pi, 1000, endpoint=False, dtype=np.float32)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One training run.

    Attributes:
        seconds: of the fit alone.
        mae_vs_sine: mean absolute error against sin(x) at 1,000 points of one turn.
    """

    seconds: float
    mae_vs_sine: float


def plain_fit(settings: TrainingSettings, dataset: Dataset) -> Outcome:
    """Train as any Keras tutorial does: the same layers, data and settings, `compile` and `fit`."""
    with tensorflow_quietly() as tf:
        keras = tf.keras
        keras.utils.set_random_seed(settings.seed)
        *hidden, last = settings.layer_sizes[1:]
        model = keras.Sequential([keras.Input((1,))])
        for width in hidden:
            model.add(keras.layers.Dense(width, activation="relu"))
        model.add(keras.layers.Dense(last))
        model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
        began = time.perf_counter()
        model.fit(
            dataset.train.x,
            dataset.train.y,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            validation_data=(dataset.validation.x, dataset.validation.y),
            verbose=0,
        )
        seconds = time.perf_counter() - began
        predicted = model.predict(POINTS, verbose=0)[:, 0]
    return Outcome(seconds, _mae_vs_sine(predicted))


def tinysine_fit(settings: TrainingSettings, dataset: Dataset) -> Outcome:
    """Train as `tinysine train` does."""
    trained = train(settings, dataset=dataset)
    return Outcome(trained.seconds, _mae_vs_sine(trained.predict(POINTS)))


def measure(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Train both ways with three seeds, print the table, and return its figures.

    Args:
        quick: 60 epochs in place of 600.
    """
    recipe = TrainingSettings(epochs=QUICK_EPOCHS) if quick else TrainingSettings()
    ours, plain = [], []
    for seed in SEEDS:
        settings = dataclasses.replace(recipe, seed=seed)
        dataset = make_dataset(settings)
        ours.append(tinysine_fit(settings, dataset))
        plain.append(plain_fit(settings, dataset))
    rows = {"plain model.fit": _medians(plain), "tinysine": _medians(ours)}
    ratio = {key: rows["tinysine"][key] / rows["plain model.fit"][key] for key in ("seconds", "mae_vs_sine")}
    cold = _cold_start(recipe)
    cut = f", cut down to {recipe.epochs} epochs" if quick else f", {recipe.epochs} epochs"
    print(f"{recipe.network}{cut}, medians of seeds {', '.join(map(str, SEEDS))}\n")
    print("| | seconds | MAE against sin(x) |\n|---|--:|--:|")
    for name, row in rows.items():
        print(f"| {name} | {row['seconds']:.2f} | {row['mae_vs_sine']:.4f} |")
    print(f"| ratio | {ratio['seconds']:.3f} | {ratio['mae_vs_sine']:.2f} |")
    print(f"| promised at most | {PROMISED_TIME_RATIO:.3f} | {PROMISED_ERROR_RATIO:.2f} |")
    print(f"\nSeed to .tflite files in a new process, tensorflow's import and all: {cold:.1f} s")
    return {**rows, "ratio": ratio, "seed to .tflite": {"seconds": cold, "epochs": recipe.epochs}}


def _medians(outcomes: list[Outcome]) -> dict[str, float]:
    return {
        field.name: statistics.median(getattr(outcome, field.name) for outcome in outcomes)
        for field in dataclasses.fields(Outcome)
    }


def _mae_vs_sine(predicted: np.ndarray) -> float:
    return float(np.mean(np.abs(predicted.astype(np.float64) - np.sin(POINTS.astype(np.float64)))))


def _cold_start(settings: TrainingSettings) -> float:
    script = (
        "from tinysine.training import TrainingSettings, convert, train\n"
        f"convert(train(TrainingSettings(epochs={settings.epochs})))"
    )
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True)
    return time.perf_counter() - began


def promises_kept(figures: dict[str, dict[str, float]]) -> bool:
    """Say whether both promises hold; the error is only promised for a whole training."""
    ratio = figures["ratio"]
    whole = figures["seed to .tflite"]["epochs"] != QUICK_EPOCHS
    return ratio["seconds"] <= PROMISED_TIME_RATIO and (
        not whole or ratio["mae_vs_sine"] <= PROMISED_ERROR_RATIO
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_EPOCHS} epochs in place of 600")
    sys.exit(not promises_kept(measure(quick=parser.parse_args().quick)))
