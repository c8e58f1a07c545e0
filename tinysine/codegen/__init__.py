"""Model -> C for exactly that model: plan, then emit."""

from tinysine.codegen.answers import has_few_answers
from tinysine.codegen.generate import EngineLayer, GeneratedEngine, generate
from tinysine.codegen.plan import Kernel, LayerPlan, Plan
from tinysine.codegen.prune import PrunedNeuron, prune_constant_neurons
from tinysine.codegen.prune_graph import PrunedChannels, prune_graph
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
    "PrunedChannels",
    "PrunedNeuron",
    "Room",
    "generate",
    "has_few_answers",
    "layer_at_line",
    "prune_constant_neurons",
    "prune_graph",
]
