"""Model -> C for exactly that model: plan, then emit."""

from tinysine.codegen.generate import GeneratedEngine, generate
from tinysine.codegen.plan import LayerPlan, Optimize, Plan

__all__ = ["GeneratedEngine", "LayerPlan", "Optimize", "Plan", "generate"]
