"""DEPTHWISE_CONV_2D: which kernel runs it."""

from __future__ import annotations

from dataclasses import replace

from tinysine.codegen.kernels.convolution import plain
from tinysine.codegen.kernels.depthwise_3x3 import plan_3x3
from tinysine.codegen.kernels.taps import plan_taps
from tinysine.codegen.steps import Step, Target
from tinysine.graph.convolution import Convolution


def plan(node: Convolution, number: int, target: Target) -> Step:
    """Choose the kernel of one convolution."""
    fast = (plan_3x3(node, number) or plan_taps(node, number)) if target.dsp else None
    return fast or _plain(node, number)


def _plain(node: Convolution, number: int) -> Step:
    """Any depthwise convolution, on any core."""
    return replace(
        plain(node, number),
        kernel="ts_depthwise_s8",
        headers=("conv_depthwise.h",),
        call=f"ts_depthwise_s8(&ts_engine_layer_{number}, {{source0}}, {{target}});",
        reason="plain C, depthwise",
    )
