"""PACK of sizes into a list, known while reading."""

from __future__ import annotations

import numpy as np

from tinysine.graph.operator_reader import OperatorReader

OPTIONS = 59  # PackOptions
MOST_NUMBERS = 8  # as many dimensions as a tensor has


def read(reader: OperatorReader) -> None:
    """Fold one list of sizes.

    Raises:
        ModelError: data is packed, or sizes that are not alone.
    """
    reader.demand_inputs(*range(1, MOST_NUMBERS + 1))
    parts = [reader.known(position) for position in range(reader.input_count)]
    if any(part.shape != () for part in parts):
        reader.refuse("packs lists; only single sizes are supported")
    reader.axis(reader.option(1, "i", kind=OPTIONS), 1)
    reader.fold(np.array(parts, np.int32))
