"""Model -> C for exactly that model: plan, then emit."""

from tinysine.codegen.answers import has_few_answers
from tinysine.codegen.engine import EngineLayer, GeneratedEngine
from tinysine.codegen.generate import generate
from tinysine.codegen.plan import Kernel, LayerPlan, Plan
from tinysine.codegen.steps import Room
from tinysine.codegen.text import layer_at_line
from tinysine.settings import Optimize

__all__ = [
    "EngineLayer",
    "GeneratedEngine",
    "Kernel",
    "LayerPlan",
    "Optimize",
    "Plan",
    "Room",
    "generate",
    "has_few_answers",
    "layer_at_line",
]
