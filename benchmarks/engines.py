"""The generated engine beside bakenn's C, portable and with CMSIS-NN, on one layer of each kind: in one run.

`python -m benchmarks.engines [FILE ...]` prints the table by itself: of the layers, or of model files, of which each
board runs those that fit it and that an engine takes. The exit code is 1 where, on a core without dual
multiply-accumulates, the generated engine needs more than half of the portable C's instructions. A network that ends
in a softmax ends before it here, for every engine: bakenn takes none.

Each row's answer is held against the reference first. The layers end in a relu, which every engine takes. Cores without
dual multiply-accumulates are measured against the portable C alone. The ratio is to bakenn's portable C on the same
board. The generated engine with `--prune` stands beside the one without, and is never judged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tinysine.boards import load_board
from tinysine.errors import BuildError, ConfigError, ModelError
from tinysine.graph import Network, parse_network, read_network
from tinysine.image import BuildOptions, build_image, choose_engine
from tinysine.oracles import integer_oracle
from tinysine.profiling.trace import trace_call
from tinysine.quantization import Quantization, Rounding
from tinysine.stimuli import sample_inputs
from tinysine.tflite.cut import cut_behind, cut_points
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
GENERATED = "generated"
PRUNED = f"{GENERATED}, pruned"
COLUMNS = ("instructions", "estimated cycles", "ratio", "flash", "static RAM", "stack")
MOST_OF_PORTABLE = (
    0.5  # of bakenn's portable C, in instructions, where there are no dual multiply-accumulates
)
_RELU, _SAME = 1, 0


def measure(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Run each layer with each engine.

    Args:
        quick: on the first board only.
    Returns:
        By "layer, board, engine": instructions of one inference, ratio, flash and stack in bytes; an engine that is not
        installed has no row.
    """
    models = {
        layer: parse_network(one_layer(image, kernel, outputs, depthwise=depthwise), file=layer)
        for layer, (image, kernel, outputs, depthwise) in LAYERS.items()
    }
    return compare(models, list(BOARDS)[: 1 if quick else None])


def compare(models: Mapping[str, Network], boards: Sequence[str]) -> dict[str, dict[str, float]]:
    """Run models with each engine of each board, and print a table.

    Args:
        models: by name.
        boards: keys of BOARDS.
    Returns:
        as `measure`.
    """
    figures: dict[str, dict[str, float]] = {}
    print(f"| layer, board, engine | {' | '.join(COLUMNS)} |")
    print(f"|---|{'---:|' * len(COLUMNS)}")
    for layer, model in models.items():
        for board in boards:
            engines = (GENERATED, PRUNED, *BOARDS[board])
            rows = {engine: row for engine in engines if (row := _measure(model, board, engine))}
            for engine, row in rows.items():
                if base := rows.get("bakenn"):
                    row["ratio"] = round(row["instructions"] / base["instructions"], 3)
                name = f"{layer}, {board}, {engine}"
                figures[name] = row
                cells = (f"{row[key]:,.10g}" if key in row else "" for key in COLUMNS)
                print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return figures


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="models; by default one layer of each kind"
    )
    parser.add_argument("--board", action="append", choices=list(BOARDS), help="one or more; by default all")
    options = parser.parse_args(arguments)
    models = {file.name: _without_softmax(file) for file in options.files}
    boards = options.board or list(BOARDS)
    figures = compare(models, boards) if models else measure()
    slow = [
        name
        for name, row in figures.items()
        if name.endswith(f", {GENERATED}")
        and ", nano33" not in name
        and row.get("ratio", 0) > MOST_OF_PORTABLE
    ]
    for name in slow:
        print(f"{name}: {figures[name]['ratio']} of bakenn's portable C, more than {MOST_OF_PORTABLE}")
    return 1 if slow else 0


def _without_softmax(file: Path) -> Network:
    data = read_network(file).source
    *before, last = cut_points(data, file=file.name)
    if last.operator != "SOFTMAX":
        return parse_network(data, file=file.name)
    return parse_network(cut_behind(data, before[-1], file=file.name), file=file.name)


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
        pruned = engine == PRUNED
        chosen = choose_engine(GENERATED if pruned else engine)
        options = BuildOptions(rounding=Rounding.TFLM, engine=chosen, prune=pruned)
        image = build_image(model, load_board(board), options=options)
    except (BuildError, ConfigError, ModelError) as error:
        print(f"| {board}, {engine} | not measured: {error.message} |")
        return {}
    asked = sample_inputs(model, seed=0, count=1).codes
    wanted = integer_oracle(model, Rounding.TFLM).run(asked).tobytes()
    trace = trace_call(image, inputs=(asked[:1].tobytes(),), output_bytes=(model.output.nbytes,))
    if trace.outputs[0] != wanted[: model.output.nbytes]:
        raise AssertionError(f"{board}, {engine}: another answer")
    row = {
        "instructions": len(trace.addresses),
        "flash": image.sizes.flash_bytes,
        "static RAM": image.sizes.static_ram_bytes,
        "stack": trace.stack_bytes,
    }
    if load_board(board).core == "cortex-m4":
        row["estimated cycles"] = round(sum(trace.tenths) / 10)
    return {key: float(value) for key, value in row.items()}


if __name__ == "__main__":
    sys.exit(main())
