"""Speed of a batch through the link and a board: sustained inferences a second, wire bytes an inference.

The yardstick is what a 115,200 baud wire carries at one byte an inference: 11,520 a second. Above that, on
real hardware the wire is the bottleneck, not the harness.
"""

from __future__ import annotations

import time

import numpy as np

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.graph import read_network
from tinysine.image import build_image
from tinysine.model import REFERENCE_MODEL
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.rigs import open_rig

WIRE_INFERENCES_PER_S = 11_520
BATCH = 256
BOARDS = ("nano33ble-sense", "host")


def measure(*, quick: bool = False, boards: tuple[str, ...] = BOARDS) -> dict[str, dict[str, float]]:
    """Run batches of 256 through each board until several thousand inferences are done, all of them checked.

    Args:
        quick: fewer batches.
        boards: names in the catalogue; each is started as its twin.
    Returns:
        By board: inferences_per_s, ratio_to_wire, sent_bytes_per_inference,
        received_bytes_per_inference, retries.
    """
    batches = 20 if quick else 100
    print(
        f"| board | inferences/s, {batches} batches of {BATCH} | ratio to {WIRE_INFERENCES_PER_S:,}/s "
        "| wire bytes/inference, there | back | retries |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    figures = {}
    for name in boards:
        figures[name] = row = _measure_board(name, batches)
        print(
            f"| {name} | {row['inferences_per_s']:,.0f} | {row['ratio_to_wire']:.2f} "
            f"| {row['sent_bytes_per_inference']:.4f} | {row['received_bytes_per_inference']:.4f} "
            f"| {row['retries']:.0f} |",
            flush=True,
        )
    return figures


def _measure_board(name: str, batches: int) -> dict[str, float]:
    model = read_network(REFERENCE_MODEL)
    board = load_board(name)
    image = build_image(model, board)
    rng = np.random.default_rng(0)
    inputs = [
        rng.permutation(np.arange(-128, 128, dtype=np.int8)).reshape(BATCH, model.input.count)
        for _ in range(batches)
    ]
    oracle = integer_oracle(model, Rounding.LITERT)
    expected = [oracle.run(codes) for codes in inputs]
    with open_rig(board) as rig:
        rig.flash(image)
        with Device.connect(rig.port) as device:
            device.require(image)
            device.infer(inputs[0], per_frame=BATCH)  # the emulator translates code the first time it runs
            before = device.stats
            began = time.perf_counter()
            answers = [device.infer(codes, per_frame=BATCH) for codes in inputs]
            seconds = time.perf_counter() - began
            after = device.stats
    np.testing.assert_array_equal(np.concatenate(answers), np.concatenate(expected))
    inferences = batches * BATCH
    return {
        "inferences_per_s": inferences / seconds,
        "ratio_to_wire": inferences / seconds / WIRE_INFERENCES_PER_S,
        "sent_bytes_per_inference": (after.sent_bytes - before.sent_bytes) / inferences,
        "received_bytes_per_inference": (after.received_bytes - before.received_bytes) / inferences,
        "retries": float(after.retries - before.retries),
    }


if __name__ == "__main__":
    measure()
