"""CONV_2D: which kernel runs it."""

from __future__ import annotations

import dataclasses

from tinysine.codegen.kernels.convolution import plain
from tinysine.codegen.kernels.lanes import lanes
from tinysine.codegen.steps import Step, Target
from tinysine.graph.convolution import Convolution


def plan(node: Convolution, number: int, target: Target) -> Step:
    """Choose the kernel of one convolution."""
    if not target.dsp:
        return plain(node, number)
    step = lanes(node, number)
    return (
        step
        if isinstance(step, Step)
        else dataclasses.replace(plain(node, number), reason=f"plain C: {step}")
    )
