"""The generated engine beside bakenn's C, portable and with CMSIS-NN, on one layer of each kind: in one run.

Each row's answer is held against the reference first. The layers end in a relu, which every engine takes. Cores without
dual multiply-accumulates are measured against the portable C alone. The ratio is to bakenn's portable C on the same
board.
"""

from __future__ import annotations

import numpy as np

from tinysine.boards import load_board
from tinysine.errors import BuildError, ConfigError
from tinysine.graph import Network, parse_network
from tinysine.image import BuildOptions, build_image, choose_engine
from tinysine.oracles import integer_oracle
from tinysine.profiling.trace import trace_call
from tinysine.quantization import Quantization, Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tflite.graph_writer import GraphWriter

BOARDS = {
    "microbit": ("bakenn",),
    "qemu:lm3s6965evb": ("bakenn",),
    "nano33ble-sense": ("bakenn", "bakenn-cmsis-nn"),
}
# Image with its channels, kernel, outputs, whether depthwise.
LAYERS = {
    "3x3, 16 channels, 16x16": ((16, 16, 16), (3, 3), 16, False),
    "depthwise 3x3, 16 channels, 16x16": ((16, 16, 16), (3, 3), 16, True),
    "pointwise, 64 to 64, 8x8": ((8, 8, 64), (1, 1), 64, False),
}
_RELU, _SAME = 1, 0


def measure(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Run each layer with each engine.

    Args:
        quick: on the first board only.
    Returns:
        By "layer, board, engine": instructions of one inference, ratio, flash and stack in bytes; an engine that is not
        installed has no row.
    """
    figures: dict[str, dict[str, float]] = {}
    print("| layer, board, engine | instructions | ratio | flash | stack |")
    print(f"|---|{'---:|' * 4}")
    for layer, (image, kernel, outputs, depthwise) in LAYERS.items():
        model = parse_network(one_layer(image, kernel, outputs, depthwise=depthwise), file=layer)
        for board, engines in list(BOARDS.items())[: 1 if quick else None]:
            rows = {
                engine: row for engine in ("generated", *engines) if (row := _measure(model, board, engine))
            }
            for engine, row in rows.items():
                if base := rows.get("bakenn"):
                    row["ratio"] = round(row["instructions"] / base["instructions"], 3)
                name = f"{layer}, {board}, {engine}"
                figures[name] = row
                keys = ("instructions", "ratio", "flash", "stack")
                cells = (f"{row[key]:,.10g}" if key in row else "" for key in keys)
                print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return figures


def one_layer(
    image: tuple[int, int, int], kernel: tuple[int, int], outputs: int, *, depthwise: bool
) -> bytes:
    """Write a model of one convolution with random weights, a stride of 1, and as much padding as it needs."""
    rng, graph = np.random.default_rng(0), GraphWriter()
    source, result = Quantization(1 / 16, -128), Quantization(1 / 4, -128)
    scales = (rng.uniform(0.5, 1.5, outputs) * 0.01).astype(np.float32)
    shape = (1, *kernel, outputs) if depthwise else (outputs, *kernel, image[2])
    weights = rng.integers(-127, 128, shape).astype(np.int8)
    bias = rng.integers(-5000, 5000, outputs).astype(np.int32)
    first, last = (
        graph.tensor(name, "int8", (1, *image[:2], channels), scale=q.scale, zero_point=q.zero_point)
        for name, channels, q in (("input", image[2], source), ("output", outputs, result))
    )
    tensors = [
        first,
        graph.tensor("weights", "int8", shape, scale=scales, dimension=3 if depthwise else 0, data=weights),
        graph.tensor("bias", "int32", (outputs,), scale=source.scale * scales.astype(float), data=bias),
    ]
    options = {"padding": _SAME, "strideH": 1, "strideW": 1, "fusedActivationFunction": _RELU}
    if depthwise:
        options["depthMultiplier"] = 1
    name = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    graph.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", tensors, [last], name, options)
    return graph.finish([first], [last])


def _measure(model: Network, board: str, engine: str) -> dict[str, float]:
    try:
        options = BuildOptions(rounding=Rounding.TFLM, engine=choose_engine(engine))
        image = build_image(model, load_board(board), options=options)
    except (BuildError, ConfigError) as error:
        print(f"| {board}, {engine} | not measured: {error.message} |")
        return {}
    asked = sample_inputs(model, seed=0, count=1).codes
    wanted = integer_oracle(model, Rounding.TFLM).run(asked).tobytes()
    trace = trace_call(image, inputs=(asked[:1].tobytes(),), output_bytes=(model.output.nbytes,))
    if trace.outputs[0] != wanted[: model.output.nbytes]:
        raise AssertionError(f"{board}, {engine}: another answer")
    row = {"instructions": len(trace.addresses), "flash": image.sizes.flash_bytes, "stack": trace.stack_bytes}
    return {key: float(value) for key, value in row.items()}


if __name__ == "__main__":
    measure()
