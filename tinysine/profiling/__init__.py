"""The cost of each layer of an engine, counted in an emulated core."""

from tinysine.profiling.layer_costs import LayerCost, layer_costs

__all__ = ["LayerCost", "layer_costs"]
