"""Inferences that are asked once more: an engine may not change its inputs, and may not remember."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from tinysine.link.requests import Capability
from tinysine.tensor_values import Values, bytes_of, inferences_of, numbers_of, rows_of
from tinysine.verdicts import wrong_rows
from tinysine.verdicts.wording import numbers_in_words

if TYPE_CHECKING:
    from tinysine.device import Device


# Beside the first and the last, chosen from all of them.
_RUN_AGAIN = 4
_ASKED_AGAIN = 8
_ASKED_LAST = 16


def ask_again(device: Device, inputs: Values, answers: Values, *, seed: int) -> str:
    """Ask for some inferences once more, in another order and one in a frame.

    Args:
        inputs: [n, count] in the model's input dtype; a tuple of these for several inputs.
        answers: [n, count], what the device answered to them; a tuple of these for several outputs.
        seed: chooses those that are asked, and their order.
    Returns:
        What the engine did that tinysine/engine.h forbids; "" for nothing.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the device refused.
    """
    chosen = np.random.default_rng(seed).permutation(inferences_of(inputs))[:_ASKED_AGAIN]
    asked, first = rows_of(inputs, chosen), rows_of(answers, chosen)
    wrong = answered_otherwise(asked, first, device.infer(asked, per_frame=1))
    return f"the engine answers otherwise when it is asked again, in another order: {wrong}" if wrong else ""


def ask_last(device: Device, inputs: Values, answers: Values, *, seed: int) -> str:
    """Ask for some inferences once more after all others: what came last is not held against anything else.

    Args:
        inputs, answers: as for `ask_again`.
        seed: shuffles those that are asked, which are spread over all inputs.
    Returns:
        What the engine answers otherwise; "" for nothing.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the device refused.
    """
    spread = {*np.linspace(0, inferences_of(inputs) - 1, _ASKED_LAST).astype(int).tolist()}
    chosen = np.random.default_rng(seed).permutation(sorted(spread))
    asked, first = rows_of(inputs, chosen), rows_of(answers, chosen)
    wrong = answered_otherwise(asked, first, device.infer(asked))
    return f"the engine answers otherwise when it is asked again, last of all: {wrong}" if wrong else ""


def answered_otherwise(inputs: Values, first: Values, then: Values) -> str:
    """Say which answer is another one the second time, bit for bit; "" for none.

    Args:
        inputs: [n, count], as for `ask_again`.
        first, then: [n, count], what the device answered to them both times; tuples of these for several outputs.
    """
    otherwise = np.flatnonzero(wrong_rows(then, first))
    if not len(otherwise):
        return ""
    at = int(otherwise[0])
    asked, before, now = (numbers_in_words(numbers_of(values, at)) for values in (inputs, first, then))
    return f"input {asked}: first {before}, then {now}"


def rerun(device: Device, inputs: Values, answers: Values, *, seed: int) -> str:
    """Run some inputs twice without writing them again.

    Args:
        device: that takes inputs in parts; others cannot be asked.
        inputs: [n, count] in the model's input dtype; a tuple of these for several inputs.
        answers: [n, count], what the device answered to them; a tuple of these for several outputs.
        seed: chooses those that are run, beside the first and the last.
    Returns:
        What the engine did that docs/protocol.md and tinysine/engine.h forbid; "" for nothing.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the device refused.
    """
    if Capability.PARTS not in device.capabilities:
        return ""
    count = inferences_of(inputs)
    chosen = {0, count - 1, *np.random.default_rng(seed).permutation(count)[:_RUN_AGAIN].tolist()}
    for number in sorted(chosen):
        first, again = device.rerun(rows_of(inputs, number))
        if again is None:
            return "the engine writes into its inputs: after an inference they hold something else"
        if again != first:
            return "the engine answers otherwise when the same inputs are run again: it keeps something"
        if first != zlib.crc32(b"".join(bytes_of(answers, number))):
            return "the engine answers otherwise when its inputs are written in parts"
    return ""
