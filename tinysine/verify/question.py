"""Request of a verification, and the callbacks that follow it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinysine.errors import ConfigError
from tinysine.evidence import Evidence
from tinysine.graph import read_judged
from tinysine.model import Model
from tinysine.settings import SAMPLED_INPUTS
from tinysine.stimuli import check_count, is_exhaustive
from tinysine.verdicts import Tolerance
from tinysine.verify.asked import Asked
from tinysine.verify.tolerance import checked_tolerance

LEAST_SAMPLES = 64  # fewer show next to nothing; the corners of three inputs alone are 27


@dataclass(frozen=True)
class Question:
    """Request of a verification: inputs, limits and tolerances.

    Attributes:
        seed: chooses the sampled inputs of a model that cannot be checked exhaustively, and the timed ones.
        samples: how many inputs then, corners included; at least 64.
        data: a file with the inputs to ask instead, and labels perhaps; see tinysine.stimuli.read_data.
        float_model: a float32 .tflite file, whose accuracy on labelled data is told beside the others'.
        tolerance: codes by which outputs of engines and firmware of others may differ; 0 demands equality.
        tolerance_abs: by which its float32 outputs may differ; floats that it computes need it.
        latency_budget: the most that one inference may cost, in the unit that the board counts in.
        soak: so many further inferences of known answer, over resets of the board.
        layers: hold every layer against the reference, too, by the model cut off behind it; see `verify_layers`.
    """

    seed: int = 0
    samples: int = SAMPLED_INPUTS
    data: str | os.PathLike[str] | None = None
    float_model: str | os.PathLike[str] | None = None
    tolerance: int = 0
    tolerance_abs: float = 0.0
    latency_budget: int | None = None
    soak: int = 0
    layers: bool = False

    def allowed(self, model: Model, *, foreign: bool) -> Tolerance:
        """Return the tolerance that outputs are judged with; see `checked_tolerance`."""
        return checked_tolerance(model, foreign=foreign, codes=self.tolerance, absolute=self.tolerance_abs)

    def asked(self, model: Model, *, shown_folder: Path | None = None) -> Asked | None:
        """Read what the user brings to be asked; None where the harness chooses.

        Args:
            shown_folder: as for `verify`.
        Raises:
            ConfigError, ModelError: a file that is missing, damaged, or does not fit the model; too few samples.
        """
        if self.data is not None:
            return Asked.read(model, self.data, self.float_model, shown=shown_as(self.data, shown_folder))
        if self.float_model is not None:
            raise ConfigError(
                "a float model is told apart by its accuracy, and there is no labelled data",
                hint="--data FILE with labels",
                key="float",
            )
        _check_samples(model, self.samples)
        return None


def _ignore(*_told: object) -> None:
    """Take no notice."""


@dataclass(frozen=True)
class Watcher:
    """Callbacks that follow a run.

    Attributes:
        on_evidence: called with the evidence when the run ends; also when an error of the bench ends it, with
            the verdict "error", so that nothing is lost; not after a usage error.
        on_begin: called with a stage's name as it begins.
        on_stage: called with its name and seconds as it ends.
        on_progress: called with the name of a long stage, its steps, those that are done, and a note.
    """

    on_evidence: Callable[[Evidence], None] = _ignore
    on_begin: Callable[[str], None] = _ignore
    on_stage: Callable[[str, float], None] = _ignore
    on_progress: Callable[[str, int, int, str], None] = _ignore


def check_question(model_path: str | os.PathLike[str], question: Question) -> None:
    """Make sure that a model can be asked as `verify` would ask it, whatever engine is to answer.

    Args:
        model_path, question: as for `verify`.
    Raises:
        ConfigError, ModelError: it cannot.
    """
    model = read_judged(model_path, own=False)
    question.allowed(model, foreign=True)
    question.asked(model)


def shown_as(path: str | os.PathLike[str], folder: Path | None) -> str:
    """Return what the evidence calls a file: its path, or its name in the folder where it is going to be."""
    return os.fspath(path if folder is None else folder / Path(path).name)


def _check_samples(model: Model, samples: int) -> None:
    check_count(model, samples)
    if samples < LEAST_SAMPLES and not is_exhaustive(model, samples):
        bits = 8 * sum(tensor.nbytes for tensor in model.inputs)
        raise ConfigError(
            f"{samples} of 2^{bits:,} inputs {'is' if samples == 1 else 'are'} too few for a verdict on this model",
            hint=f"--inputs {LEAST_SAMPLES}, or more",
            key="inputs",
        )
