"""Windows that slide over images, tap by tap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph.windows import Window


def seen_by_taps(
    images: NDArray[Any], window: Window, *, fill: float = 0
) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """Yield each tap of a window and what it sees.

    Args:
        images: [n, rows, columns, channels].
        window: over rows and columns.
        fill: of the padding.
    Yields:
        (row, column, [n, output rows, output columns, channels]), a view.
    """
    reach = [(taps - 1) * apart + 1 for taps, apart in zip(window.kernel, window.dilation, strict=True)]
    after = [
        max((count - 1) * step + far - before - size, 0)
        for count, step, far, before, size in zip(
            window.output, window.stride, reach, window.before, images.shape[1:3], strict=True
        )
    ]
    rows, columns = zip(window.before, after, strict=True)
    padded = np.pad(images, ((0, 0), rows, columns, (0, 0)), constant_values=fill)
    for row in range(window.kernel[0]):
        for column in range(window.kernel[1]):
            seen = padded[
                :,
                row * window.dilation[0] :: window.stride[0],
                column * window.dilation[1] :: window.stride[1],
            ]
            yield row, column, seen[:, : window.output[0], : window.output[1]]
