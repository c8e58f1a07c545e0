"""Random networks in the whole firmware on machines that nobody here modelled: QEMU's Cortex-M4, Cortex-M7 and AVR."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.flashing import open_rig
from tinysine.graph import parse_network
from tinysine.graph.random_networks import random_network
from tinysine.image import build_image
from tinysine.oracles import integer_oracle
from tinysine.quantization import Rounding
from trust.conformance.networks import PROFILES, vectors
from trust.conformance.trial import difference
from trust.page import Outcome

NETWORKS = 24
# Board, the widest layer that fits its RAM, its compilers.
BOARDS = {
    "qemu:mps2-an386": (32, ("gcc", "zig")),
    "qemu:mps2-an500": (32, ("gcc", "zig")),
    "qemu:arduino-uno": (12, ("gcc",)),
}
_SEED = 90_000


@dataclass(frozen=True)
class Tally:
    """What came of the networks of one board: how many, output values compared, one line for each that was wrong."""

    networks: int
    answers: int
    failures: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m trust whole_firmware`."""
    parser.add_argument("--networks", type=int, default=NETWORKS, help="on each board (default: %(default)s)")


def run(options: argparse.Namespace) -> Outcome:
    """Try the networks on each board; passed if every answer is right."""
    lines = ["| board | networks | output values compared | networks wrong |", "|---|---:|---:|---:|"]
    passed = True
    for board in BOARDS:
        tally = run_networks(board, range(options.networks))
        for failure in tally.failures:
            print(failure)
        lines.append(f"| `{board}` | {tally.networks} | {tally.answers:,} | {len(tally.failures)} |")
        passed = passed and not tally.failures
    return Outcome(passed=passed, table="\n".join(lines))


def run_networks(name: str, numbers: Sequence[int]) -> Tally:
    """Build, flash and ask over the link: both profiles and roundings, each compiler of the board, all ends.

    Args:
        name: of a board of BOARDS.
        numbers: the networks; a number is always the same network and build.
    """
    board = load_board(name)
    max_width, compilers = BOARDS[name]
    failures = []
    answers = 0
    with open_rig(board) as rig:
        for number in numbers:
            rng = np.random.default_rng(_SEED + number)
            data = random_network(rng, layers=3, max_width=max_width, input_type=None, output_type=None)
            model = parse_network(data, file=f"network {number}")
            rounding, compiler = list(Rounding)[number % 2], compilers[number // 2 % len(compilers)]
            profile = PROFILES[number // 4 % 2]
            image = build_image(model, board, rounding=rounding, optimize=profile, toolchain=compiler)
            rig.flash(image)
            inputs = vectors(model, seed=number)
            with Device.connect(rig.port) as device:
                device.require(image)
                got = device.infer(inputs)
            expected = integer_oracle(model, rounding).run(inputs)
            answers += expected.size
            if wrong := difference(inputs, np.asarray(got), expected):
                failures.append(f"network {number} on {name}, {compiler}, {profile}, {rounding}: {wrong}")
    return Tally(len(numbers), answers, failures)
