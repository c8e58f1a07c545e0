"""The cost of each layer of an engine, counted in an emulated core."""

from tinysine.profiling.layer_costs import LayerCost, layer_costs
from tinysine.profiling.trace import Trace, trace_call

__all__ = ["LayerCost", "Trace", "layer_costs", "trace_call"]
