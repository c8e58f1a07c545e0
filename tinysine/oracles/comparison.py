"""Comparison of the references of a model with each other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.bits import differing, largest_difference
from tinysine.errors import ConfigError, ModelError
from tinysine.graph import DenseChain, Network, parse_network
from tinysine.model import Model
from tinysine.oracles.integer import float32_product_oracle, integer_oracle
from tinysine.oracles.litert import LiteRT, litert_oracle
from tinysine.oracles.oracle import Oracle, integer_oracle_name, matching_oracle_name
from tinysine.oracles.tflm import tflm_oracle
from tinysine.oracles.trial import refuse_contradictions, tflm_oracle_apart
from tinysine.quantization import INTERPRETED, Rounding
from tinysine.tensor_values import Values, arrays_of

_log = logging.getLogger("tinysine.oracles")


@dataclass(frozen=True, eq=False)
class Disagreements:
    """Each oracle against each other, over the same inputs.

    Attributes:
        names: k oracles.
        mismatches: int64 [k, k], inferences whose outputs differ anywhere.
        max_abs_diff: float64 [k, k], largest difference of one output; codes for integers; NaN where an answer is
            no finite number.
        checked: inferences compared.
        outputs: the same of each output tensor, where there are several; the figures above are of all of them.
    """

    names: tuple[str, ...]
    mismatches: NDArray[np.int64]
    max_abs_diff: NDArray[np.float64]
    checked: int
    outputs: tuple[Disagreements, ...] = ()


def available_oracles(
    model: Model,
    *,
    needed: Rounding | None = None,
    of_devices: bool = False,
    on_refusal: Callable[[str, ModelError], None] | None = None,
) -> tuple[Oracle, ...]:
    """Return every reference that this computer can ask about the model.

    litert always; tflm where the wheel is installed; of a network of the generated engine, integer-single and
    integer-double unless integers provably cannot equal their reference on it. Integers stand in for an interpreter
    that is not installed, never for one that refuses the model.

    Args:
        model: any.
        needed: the reference that firmware is to be held against; if its interpreter refuses the model, that is an
            error even where another takes it. TFLM_FLOAT32, which no interpreter here is, is among the oracles then.
        of_devices: also what TensorFlow Lite Micro computes on a device, where that may differ from `tflm`.
        on_refusal: called with the name of an interpreter that refuses the model although another takes it, or of
            integers that cannot equal theirs on it.
    Raises:
        ModelError: no interpreter takes the model, or the needed one does not; its refusal.
    """
    oracles, refusals = _interpreters(model)
    if needed is not None and (refusal := refusals.get(matching_oracle_name(needed.kernels))):
        others = ", ".join(oracle.name for oracle in oracles)
        hint = f"{others} takes it: --reference {others}" if others else ""
        raise ModelError(refusal.message, hint=hint, **refusal.facts) from refusal
    if not oracles:
        raise next(iter(refusals.values()))
    for name, refusal in refusals.items():
        _log.info("%s", refusal)
        if on_refusal is not None:
            on_refusal(name, refusal)
    if isinstance(model, Network):
        for rounding in INTERPRETED:
            if matching_oracle_name(rounding) in refusals:
                continue
            try:
                oracles.append(integer_oracle(model, rounding))
            except ModelError as error:
                _log.info("no integer oracle for the rounding %s: %s", rounding, error)
                if on_refusal is not None:
                    on_refusal(integer_oracle_name(rounding), error)
    if variant := _float32_product(model, refusals, needed=needed, of_devices=of_devices):
        oracles.append(variant)
    return tuple(oracles)


def _float32_product(
    model: Model, refusals: Mapping[str, ModelError], *, needed: Rounding | None, of_devices: bool
) -> Oracle | None:
    """TensorFlow Lite Micro as on a device, in our integers: where it is needed, or may explain a difference."""
    if needed is Rounding.TFLM_FLOAT32:
        return integer_oracle(_integers_can(model), needed)
    if not of_devices or not isinstance(model, Network) or matching_oracle_name(Rounding.TFLM) in refusals:
        return None
    try:
        return float32_product_oracle(model)
    except ModelError as error:
        _log.info("no integer oracle for %s: %s", Rounding.TFLM_FLOAT32, error)
        return None


def _integers_can(model: Model) -> Network:
    if isinstance(model, Network):
        return model
    try:
        return parse_network(model.source, file=Rounding.TFLM_FLOAT32)
    except ModelError as error:
        raise ModelError(
            f"only tinysine's own integers answer as {Rounding.TFLM_FLOAT32}, and they do not take this model: "
            f"{error.message}",
            hint="--reference tflm",
            **error.facts,
        ) from error


def _interpreters(model: Model) -> tuple[list[Oracle], dict[str, ModelError]]:
    """Those that are installed and take the model, and by name the refusals of the others."""
    oracles: list[Oracle] = []
    refusals: dict[str, ModelError] = {}
    litert: LiteRT | None = None
    try:
        litert = litert_oracle(model)
        oracles.append(litert)
    except ModelError as error:
        refusals["litert"] = error
    try:
        # It reads a file as it stands, which LiteRT verifies first, and so does our reader of networks.
        if litert is not None and not isinstance(model, DenseChain):
            refuse_contradictions(model, litert.shapes())
        oracles.append(tflm_oracle(model) if litert is not None else tflm_oracle_apart(model))
    except ConfigError as error:
        _log.info("%s", error)
    except ModelError as error:
        refusals["tflm"] = error
    return oracles, refusals


def disagreements(oracles: Sequence[Oracle], inputs: Values) -> Disagreements:
    """Ask every oracle the same and count the differences.

    Args:
        oracles: k of them, of one model.
        inputs: as `Oracle.run` takes them.
    """
    names = tuple(oracle.name for oracle in oracles)
    answers = [arrays_of(oracle.run(inputs)) for oracle in oracles]
    each = tuple(_compared(names, [(array,) for array in tensor]) for tensor in zip(*answers, strict=True))
    return each[0] if len(each) == 1 else replace(_compared(names, answers), outputs=each)


def _compared(names: tuple[str, ...], answers: Sequence[tuple[NDArray[Any], ...]]) -> Disagreements:
    k = len(answers)
    mismatches, largest = np.zeros((k, k), np.int64), np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1, k):
            pairs = list(zip(answers[i], answers[j], strict=True))
            rows = np.any([differing(one, other) for one, other in pairs], axis=0)
            mismatches[i, j] = mismatches[j, i] = np.count_nonzero(rows)
            if rows.any():
                each = [largest_difference(one, other) for one, other in pairs]
                known = [most for most in each if most is not None]
                largest[i, j] = largest[j, i] = max(known) if len(known) == len(each) else np.nan
    mismatches.flags.writeable = largest.flags.writeable = False
    return Disagreements(names=names, mismatches=mismatches, max_abs_diff=largest, checked=len(answers[0][0]))
