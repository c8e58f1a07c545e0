"""CONV_2D: which kernel runs it."""

from __future__ import annotations

import dataclasses

from tinysine.codegen.kernels.convolution import plain, runs
from tinysine.codegen.kernels.lanes import lanes
from tinysine.codegen.steps import Step, Target
from tinysine.graph.convolution import Convolution


def plan(node: Convolution, number: int, target: Target) -> Step:
    """Choose the kernel of one convolution: for dual multiply-accumulates where they are wanted and it fits."""
    step = lanes(node, number) if target.dsp else ""
    if isinstance(step, Step):
        return step
    kernel = plain if node.groups > 1 else runs
    return dataclasses.replace(kernel(node, number), reason=f"plain C: {step}" if step else "plain C")
