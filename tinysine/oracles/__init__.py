"""Expected answers, from independent sources: LiteRT, TensorFlow Lite Micro, integers."""

from tinysine.oracles.comparison import Disagreements, available_oracles, disagreements
from tinysine.oracles.integer import float32_product_oracle, fully_connected_s8, integer_oracle
from tinysine.oracles.litert import litert_oracle, xnnpack_oracle
from tinysine.oracles.oracle import (
    TFLM_FLOAT32,
    Oracle,
    integer_oracle_name,
    matching_oracle_name,
    rounding_of,
)
from tinysine.oracles.tflm import tflm_oracle

__all__ = [
    "TFLM_FLOAT32",
    "Disagreements",
    "Oracle",
    "available_oracles",
    "disagreements",
    "float32_product_oracle",
    "fully_connected_s8",
    "integer_oracle",
    "integer_oracle_name",
    "litert_oracle",
    "matching_oracle_name",
    "rounding_of",
    "tflm_oracle",
    "xnnpack_oracle",
]
