"""The generated engine on a machine that nobody here modelled: QEMU's Cortex-M4, through the whole firmware."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.flashing import open_rig
from tinysine.image import build_image
from tinysine.model import parse_model
from tinysine.model.random_networks import random_network
from tinysine.oracles import integer_oracle, sample_inputs
from tinysine.quantization import Rounding

NETWORKS = 6


def test_random_networks_in_qemu_equal_integer_oracle(require: Callable[[str], str]) -> None:
    """A seeded sample of networks, both compilers, profiles and roundings, each asked over the link."""
    require("qemu-system-arm")
    board = load_board("qemu:mps2-an386")
    with open_rig(board) as rig:
        for seed in range(NETWORKS):
            rng = np.random.default_rng(90_000 + seed)
            model = parse_model(random_network(rng, max_width=32), file=f"network {seed}")
            rounding = list(Rounding)[seed % 2]
            image = build_image(
                model,
                board,
                rounding=rounding,
                optimize=("speed", "size")[seed // 2 % 2],
                toolchain=("gcc", "zig")[seed % 2],
            )
            rig.flash(image)
            inputs = sample_inputs(model, seed=seed, count=64).codes
            with Device.connect(rig.port) as device:
                device.require(image)
                answers = device.infer(inputs)
            np.testing.assert_array_equal(answers, integer_oracle(model, rounding).run(inputs), str(seed))
