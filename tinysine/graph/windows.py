"""Windows that slide over an image: kernel, stride, dilation and padding of convolutions and pools."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.graph.operator_reader import OperatorReader
from tinysine.tflite.refusal import CONVERT_AGAIN

_SAME, _VALID = 0, 1
MAX_EXTENT = (
    32767  # rows, columns and channels are 16 bits in the generated tables, and int on the smallest core
)
MAX_STEP = 255  # kernels, strides and dilations are bytes in the generated tables


@dataclass(frozen=True)
class Window:
    """Windows of inputs for each output, in (rows, columns) each.

    Attributes:
        kernel: how many taps.
        stride: from one output to the next, in inputs.
        dilation: from one tap to the next, in inputs.
        before: how many inputs of padding are before the first.
        output: how many outputs.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]
    output: tuple[int, int]


def check_extents(reader: OperatorReader, *extents: int) -> None:
    """Refuse images, paddings and outputs beyond what the generated tables hold.

    Args:
        reader: to refuse with.
        extents: rows, columns, channels, images, inputs of padding.
    Raises:
        ModelError: one is too large.
    """
    if max(extents) > MAX_EXTENT:
        reader.refuse(f"has {max(extents):,} rows, columns or channels; up to {MAX_EXTENT:,} are supported")


def read_window(
    reader: OperatorReader,
    *,
    kind: int,
    image: tuple[int, int],
    kernel: tuple[int, int],
    dilation_slots: tuple[int, int] | None = None,
) -> Window:
    """Read padding, strides and dilation, and work out the outputs of a window.

    Args:
        reader: of the operator. Convolutions and pools have padding and strides at the same places of their options.
        kind: of the options, as for `OperatorReader.option`.
        image: rows and columns of the input.
        kernel: (rows, columns).
        dilation_slots: of (rows, columns) in the options; None where there is no dilation.
    Raises:
        ModelError: values that make no sense, or a padding that leaves no output.
    Source:
        ComputePaddingWithOffset and ComputeOutSize of TensorFlow Lite: SAME pads so that outputs are inputs by
        stride, rounded up, with the odd one behind.
    """
    check_extents(reader, *image)
    padding = reader.option(0, "b", kind=kind)
    stride = (reader.option(2, "i", kind=kind), reader.option(1, "i", kind=kind))
    dilation = (1, 1)
    if dilation_slots is not None:
        rows, columns = dilation_slots
        dilation = (reader.option(rows, "i", 1, kind=kind), reader.option(columns, "i", 1, kind=kind))
    for what, pair in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        if not all(1 <= n <= MAX_STEP for n in pair):
            reader.refuse(f"has the {what} {pair[0]} x {pair[1]}; each from 1 to {MAX_STEP} is supported")
    if padding not in {_SAME, _VALID}:
        reader.refuse(f"has padding of kind {padding}; SAME and VALID are supported")
    before, output = [], []
    for size, taps, step, apart in zip(image, kernel, stride, dilation, strict=True):
        reach = (taps - 1) * apart + 1
        count = -(-size // step) if padding == _SAME else (size - reach) // step + 1
        if count < 1:
            reader.refuse(
                f"leaves no output: a window of {reach} on {size}, with padding VALID", hint=CONVERT_AGAIN
            )
        output.append(count)
        before.append(max((count - 1) * step + reach - size, 0) // 2 if padding == _SAME else 0)
    return Window(kernel, stride, dilation, (before[0], before[1]), (output[0], output[1]))
