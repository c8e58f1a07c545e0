"""Answers that the generated C must compute, in exact integers: one file an operator."""

from tinysine.oracles.integer.fully_connected import fully_connected_s8
from tinysine.oracles.integer.oracle import float32_product_oracle, integer_oracle

__all__ = ["float32_product_oracle", "fully_connected_s8", "integer_oracle"]
