"""What the answer should be, by independent minds: LiteRT, TensorFlow Lite Micro, integers."""

from tinysine.oracles.comparison import Disagreements, available_oracles, disagreements
from tinysine.oracles.integer import fully_connected_s8, integer_oracle
from tinysine.oracles.litert import litert_oracle, xnnpack_oracle
from tinysine.oracles.oracle import (
    Oracle,
    integer_oracle_name,
    matching_oracle_name,
    rounding_of,
)
from tinysine.oracles.tflm import tflm_oracle

__all__ = [
    "Disagreements",
    "Oracle",
    "available_oracles",
    "disagreements",
    "fully_connected_s8",
    "integer_oracle",
    "integer_oracle_name",
    "litert_oracle",
    "matching_oracle_name",
    "rounding_of",
    "tflm_oracle",
    "xnnpack_oracle",
]
