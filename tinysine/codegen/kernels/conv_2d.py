"""CONV_2D: which kernel runs it."""

from __future__ import annotations

import dataclasses

from tinysine.codegen.kernels.convolution import plain, runs
from tinysine.codegen.kernels.lanes import lanes
from tinysine.codegen.kernels.pointwise_8 import plan_pointwise_8
from tinysine.codegen.kernels.rgb import plan_rgb
from tinysine.codegen.kernels.taps import plan_taps, taps_cycles
from tinysine.codegen.kernels.winograd import LARGE, SMALL, winograd
from tinysine.codegen.steps import Step, Target
from tinysine.graph.convolution import Convolution

_PLAIN_CYCLES = 6  # of a multiplication and addition in plain C, about


def plan(node: Convolution, number: int, target: Target) -> Step:
    """Choose the kernel of one convolution: for dual multiply-accumulates where they are wanted and it fits."""
    step: Step | str = ""
    if target.dsp:
        step = plan_pointwise_8(node, number) or plan_rgb(node, number) or lanes(node, number)
    if node.inputs == 1 and target.dsp and (isinstance(step, str) or taps_cycles(node) < step.cycles):
        step = plan_taps(node, number) or step
    if isinstance(step, Step):
        return step
    kernel = plain if node.groups > 1 else runs
    return dataclasses.replace(
        kernel(node, number),
        cycles=_PLAIN_CYCLES * node.multiply_accumulates,
        reason=f"plain C: {step}" if step else "plain C",
    )


def alternatives(node: Convolution, number: int, target: Target) -> tuple[Step, ...]:
    """Plan the ways that take fewer multiplications and more memory than the usual one."""
    if not target.dsp:
        return ()
    return tuple(step for tile in (LARGE, SMALL) if isinstance(step := winograd(node, number, tile), Step))
