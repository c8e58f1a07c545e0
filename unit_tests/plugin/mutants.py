"""Wrong products on purpose, as a pytest plugin: `MUTANT=name pytest -p mutants hil_tests` must not pass.

Each mutant changes one thing behind the suite's back and leaves every name and hash as the suite expects it.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinysine import codegen, image, oracles
from tinysine.model import Model
from tinysine.quantization import Rounding

OTHER = {Rounding.LITERT: Rounding.TFLM, Rounding.TFLM: Rounding.LITERT}


def nothing() -> None:
    """The control: the suite passes when nothing is wrong."""


def flipped_weight() -> None:
    """One bit of one weight in the image: the one that changes the fewest answers, but at least one."""
    real = codegen.generate

    def generate(model: Model, *, rounding: Rounding, **options: Any) -> codegen.GeneratedEngine:
        return real(_least_harmful_flip(model, rounding), rounding=rounding, **options)

    codegen.generate = generate


def _least_harmful_flip(model: Model, rounding: Rounding) -> Model:
    codes = oracles.all_inputs(model).codes
    right = oracles.integer_oracle(model, rounding).run(codes)
    harm = {}
    for number, layer in enumerate(model.layers):
        for row, column in np.ndindex(layer.weights.shape):
            mutant = _flip(model, number, row, column)
            wrong = int(np.count_nonzero(oracles.integer_oracle(mutant, rounding).run(codes) != right))
            if wrong:
                harm[wrong] = mutant
    return harm[min(harm)]


def _flip(model: Model, number: int, row: int, column: int) -> Model:
    layer = model.layers[number]
    weights = layer.weights.copy()
    weights[row, column] ^= 1
    layers = list(model.layers)
    layers[number] = dataclasses.replace(layer, weights=weights)
    return dataclasses.replace(model, layers=tuple(layers))


def wrong_rounding() -> None:
    """Firmware of the other rounding, handed over as what was asked for."""
    real = image.build_image

    def build_image(*arguments: Any, rounding: Rounding, **options: Any) -> image.Image:
        built = real(*arguments, rounding=OTHER[rounding], **options)
        return dataclasses.replace(built, rounding=rounding)

    image.build_image = build_image


def forged_rounding() -> None:
    """Firmware that rounds the other way and says that it does not."""
    real = codegen.generate

    def generate(model: Model, *, rounding: Rounding, **options: Any) -> codegen.GeneratedEngine:
        engine = real(model, rounding=OTHER[rounding], **options)
        source = re.sub(r"\.rounding = \w+", f".rounding = TS_ROUNDING_{rounding.name}", engine.source)
        assert source != engine.source
        return dataclasses.replace(engine, source=source)

    codegen.generate = generate


def oracle_off_by_one() -> None:
    """The reference is wrong by one step, for one input."""
    real = oracles.available_oracles

    def available_oracles(model: Model) -> tuple[oracles.Oracle, ...]:
        return tuple(_off_by_one(oracle) for oracle in real(model))

    oracles.available_oracles = available_oracles


def _off_by_one(oracle: oracles.Oracle) -> oracles.Oracle:
    class OffByOne:
        name, version, detail = oracle.name, oracle.version, oracle.detail

        def run(self, inputs: np.ndarray) -> np.ndarray:
            right = oracle.run(inputs)
            wrong = inputs[:, 0] == 7
            return np.where(wrong[:, None], right - np.sign(right) - (right == 0), right).astype(right.dtype)

    return OffByOne() if oracle.name == "litert" else oracle


MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (nothing, flipped_weight, wrong_rounding, forged_rounding, oracle_off_by_one)
}


def pytest_configure() -> None:
    """Change the one thing."""
    MUTANTS[os.environ["MUTANT"]]()
