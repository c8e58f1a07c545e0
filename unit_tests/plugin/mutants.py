"""Wrong products on purpose: `python mutants.py FOLDER NAME...` runs the board's suite on each, and it must not pass.

Each mutant changes one thing behind the suite's back and leaves every name and hash as the suite expects it. Each
session is a fork of one process, which has imported what all of them need.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import convolution_mutants
import numpy as np
import pytest

from tinysine import codegen, image, oracles, stimuli, verify
from tinysine.graph import Network
from tinysine.quantization import Rounding

OTHER = {Rounding.LITERT: Rounding.TFLM, Rounding.TFLM: Rounding.LITERT}


def nothing() -> None:
    """The control: the suite passes when nothing is wrong."""


def flipped_weight() -> None:
    """One bit of one weight in the image: the one that changes the fewest answers, but at least one."""
    real = codegen.generate

    def generate(model: Network, *, rounding: Rounding, **options: Any) -> codegen.GeneratedEngine:
        return real(_least_harmful_flip(model, rounding), rounding=rounding, **options)

    codegen.generate = generate


def _least_harmful_flip(model: Network, rounding: Rounding) -> Network:
    codes = stimuli.all_inputs(model).codes
    right = oracles.integer_oracle(model, rounding).run(codes)
    harm = {}
    for number, layer in enumerate(model.layers):
        for row, column in np.ndindex(layer.weights.shape):
            mutant = _flip(model, number, row, column)
            wrong = int(np.count_nonzero(oracles.integer_oracle(mutant, rounding).run(codes) != right))
            if wrong:
                harm[wrong] = mutant
    return harm[min(harm)]


def _flip(model: Network, number: int, row: int, column: int) -> Network:
    layer = model.layers[number]
    weights = layer.weights.copy()
    weights[row, column] ^= 1
    layers = list(model.layers)
    layers[number] = dataclasses.replace(layer, weights=weights)
    return dataclasses.replace(model, layers=tuple(layers))


def wrong_rounding() -> None:
    """Firmware of the other rounding, handed over as what was asked for."""
    real = verify.build_firmware

    def build_firmware(*what: Any, **more: Any) -> image.Image:
        model, board, options = what
        other = dataclasses.replace(options, rounding=OTHER[options.rounding])
        return dataclasses.replace(real(model, board, other, **more), rounding=options.rounding)

    verify.build_firmware = build_firmware


def forged_rounding() -> None:
    """Firmware that rounds the other way and says that it does not."""
    real = codegen.generate

    def generate(model: Network, *, rounding: Rounding, **options: Any) -> codegen.GeneratedEngine:
        engine = real(model, rounding=OTHER[rounding], **options)
        source = re.sub(r"\.reference = \w+", f".reference = TS_REFERENCE_{rounding.name}", engine.source)
        assert source != engine.source
        return dataclasses.replace(engine, source=source)

    codegen.generate = generate


def oracle_off_by_one() -> None:
    """The reference is wrong by one step, for one input."""
    real = oracles.available_oracles

    def available_oracles(model: Network, **options: Any) -> tuple[oracles.Oracle, ...]:
        return tuple(_off_by_one(oracle) for oracle in real(model, **options))

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
    for mutant in (
        *(nothing, flipped_weight, wrong_rounding, forged_rounding, oracle_off_by_one),
        *convolution_mutants.MUTANTS,
    )
}


def run_suite(mutant: str, folder: Path) -> int:
    """Change one thing and run the suite, in a fork. Gives pytest's exit code; the output is in a file."""
    child = os.fork()
    if child == 0:
        code = -1
        try:
            with (folder / f"{mutant}.txt").open("wb") as out:
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
            MUTANTS[mutant]()
            # It ends at the first failure, which is all that a mutant is asked for.
            arguments = ["-x", "hil_tests/test_outputs.py", "hil_tests/test_identity.py", "-q"]
            arguments += [
                "--tinysine-board=host",
                "-p",
                "no:cacheprovider",
                "--basetemp",
                str(folder / mutant),
            ]
            if MUTANTS[mutant] in convolution_mutants.MUTANTS:
                arguments.append(f"--tinysine-model={convolution_mutants.write_model(folder)}")
            # The plugin has been imported before pytest could rewrite its assertions, which are not what is tested.
            arguments += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
            code = int(pytest.main(arguments))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code & 0xFF)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path, mutants: list[str]) -> None:
    """Run the sessions of these mutants and write what came of them."""
    sessions = {
        mutant: {"code": run_suite(mutant, folder), "output": (folder / f"{mutant}.txt").read_text()}
        for mutant in mutants
    }
    (folder / "sessions.json").write_text(json.dumps(sessions))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
