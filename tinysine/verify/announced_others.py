"""Requests that foreign firmware announces and no figure needs: each is asked once, so that it is there."""

from __future__ import annotations

import numpy as np

from tinysine.device import Device
from tinysine.errors import LinkTimeout
from tinysine.evidence import Run
from tinysine.link import Capability
from tinysine.link.inference import codes_of, per_frame
from tinysine.quantization import dequantize
from tinysine.tensor_values import Values, inferences_of, rows_of
from tinysine.verdicts import Finding, Stage
from tinysine.verify.announced import Announced
from tinysine.verify.reruns import answered_otherwise

_TYPED = "?"  # docs/protocol.md: answered with what can be typed
_REAL_INPUTS = 8


def ask_others(run: Run, announced: Announced, *, seed: int) -> None:
    """Ask foreign firmware for INFER_F32, DEMO and TEXT, where it announces them; what is wrong goes into `run`.

    RESET is left out: what a product does as it starts is its owner's affair. The evidence says so.

    Args:
        run: has the inputs and the device's answers to them.
        announced: the device, which must not be one of our own.
        seed: chooses the inputs that are asked as real numbers.
    Raises:
        BenchError, ProtocolError, DeviceError: what is not the firmware's own contradiction.
    """
    device, inputs, answers = announced.device, run.inputs, run.device_answers
    wrong = [
        announced.ask(Capability.DEMO, lambda: _demo(device)),
        announced.ask(Capability.TEXT, lambda: device.text(_TYPED) and ""),
    ]
    if inputs is not None and answers is not None and inferences_of(answers) == inferences_of(inputs):
        wrong.append(announced.ask(Capability.INFER_F32, lambda: _as_reals(device, inputs, answers, seed)))
    run.findings += [Finding(Stage.FIRMWARE, reason) for reason in wrong if reason]


def _demo(device: Device) -> str:
    """Switch the demo off, and back to what it was; returns what is wrong."""
    try:
        before = device.demo(on=False)
    except LinkTimeout:  # it is sent once only, and the line may have lost it
        device.resync()
        before = device.demo(on=False)
    if device.demo(on=before):
        return "it announces DEMO, and is still on after it was switched off"
    return ""


def _as_reals(device: Device, inputs: Values, answers: Values, seed: int) -> str:
    """Ask for some inputs as real numbers, which the device has to quantise to the same codes; says what is wrong."""
    (tensor, *further) = device.identity.inputs
    real_bytes = np.dtype(np.float32).itemsize * tensor.count
    if further or isinstance(inputs, tuple) or not per_frame(device.identity, real_bytes):
        return "it announces INFER_F32, which is for one input that fits a frame as float32"
    if tensor.quantization is None and tensor.dtype != np.float32:
        return ""  # it does not tell what its codes stand for
    chosen = np.random.default_rng(seed).permutation(len(inputs))[:_REAL_INPUTS]
    asked, first = rows_of(inputs, chosen), rows_of(answers, chosen)
    assert not isinstance(asked, tuple)
    real = asked if tensor.quantization is None else dequantize(asked, tensor.quantization)
    exact = np.flatnonzero((codes_of(real, tensor) == asked).all(axis=1))
    if not len(exact):
        return ""
    wrong = answered_otherwise(rows_of(asked, exact), rows_of(first, exact), device.infer_f32(real[exact]))
    return f"INFER_F32 is answered otherwise than INFER: {wrong}" if wrong else ""
