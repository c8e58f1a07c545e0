"""Cost on the wire of an input larger than a frame: a 96 x 96 image, written, run and read in parts."""

from __future__ import annotations

import numpy as np
from msgspec import structs

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.graph import parse_network
from tinysine.image import build_image
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from tinysine.rigs import open_rig
from trust.operators.dense_chain import random_network

IMAGE_BYTES = 96 * 96
FRAMES = (256, 512)


def measure(*, quick: bool = False) -> dict[str, dict[str, float]]:
    """Send images through the firmware of this computer, all answers checked.

    Args:
        quick: fewer images.
    Returns:
        By size of a frame: wire_bytes_per_byte, both ways together, for each byte of the model's inputs and outputs.
    """
    images = 5 if quick else 100
    print(
        f"| frame, bytes | wire bytes for each byte of a {IMAGE_BYTES:,}-byte input and its output, both ways |"
    )
    print("|---:|---:|")
    rng = np.random.default_rng(0)
    data = random_network(rng, widths=(IMAGE_BYTES, 2, 3), style="trained")
    model = parse_network(data, file="96x96")
    inputs = rng.integers(-128, 128, (images, IMAGE_BYTES)).astype(np.int8)
    expected = integer_oracle(model, Rounding.LITERT).run(inputs)
    figures = {}
    for payload_bytes in FRAMES:
        host = load_board("host")
        board = structs.replace(host, limits=structs.replace(host.limits, payload_bytes=payload_bytes))
        image = build_image(model, board)
        with open_rig(board) as rig:
            rig.flash(image)
            with Device.connect(rig.port) as device:
                device.require(image)
                before = device.stats
                answers = device.infer(inputs)
                after = device.stats
        np.testing.assert_array_equal(answers, expected)
        carried = after.sent_bytes + after.received_bytes - before.sent_bytes - before.received_bytes
        cost = carried / (inputs.nbytes + expected.nbytes)
        figures[f"{payload_bytes}-byte frames"] = {"wire_bytes_per_byte": cost}
        print(f"| {payload_bytes} | {cost:.4f} |", flush=True)
    return figures


if __name__ == "__main__":
    measure()
