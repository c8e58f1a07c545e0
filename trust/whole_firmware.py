"""Random networks in the whole firmware on machines that nobody here modelled: QEMU's Cortex-M4, Cortex-M7 and AVR."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from tinysine.boards import load_board
from tinysine.device import Device
from tinysine.errors import TinysineError
from tinysine.graph import parse_chain
from tinysine.image import BuildOptions, build_image
from tinysine.oracles import integer_oracle
from tinysine.quantization import INTERPRETED
from tinysine.rigs import Rig, open_rig
from trust.conformance.networks import PROFILES, vectors
from trust.conformance.trial import difference
from trust.operators.dense_chain import random_network
from trust.page import Outcome

NETWORKS = 24
# Board, the widest layer that fits its RAM, its compilers.
AVR = "qemu:arduino-uno"
BOARDS = {
    "qemu:mps2-an386": (32, ("gcc", "zig")),
    "qemu:mps2-an500": (32, ("gcc", "zig")),
    AVR: (12, ("gcc",)),
}
_SEED = 90_000
_PATIENT_S = 60.0  # answers are judged here, not their time, and the computer is busy


@dataclass(frozen=True)
class Tally:
    """Results of the networks of one board: how many, output values compared, one line for each that was wrong."""

    networks: int
    answers: int
    failures: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m trust whole_firmware`."""
    parser.add_argument("--networks", type=int, default=NETWORKS, help="on each board (default: %(default)s)")


def run(options: argparse.Namespace) -> Outcome:
    """Try the networks on each board; passed if every answer is right."""
    lines = ["| board | networks | output values compared | networks wrong |", "|---|---:|---:|---:|"]
    passed, tried = True, 0
    # QEMU runs beside this process: one board for each core.
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tallies = pool.map(run_networks, BOARDS, [range(options.networks)] * len(BOARDS))
        for board, tally in zip(BOARDS, tallies, strict=True):
            for failure in tally.failures:
                print(failure, flush=True)
            lines.append(f"| `{board}` | {tally.networks} | {tally.answers:,} | {len(tally.failures)} |")
            passed, tried = passed and not tally.failures, tried + tally.networks
    return Outcome(tried=tried, passed=passed, table="\n".join(lines))


def run_networks(name: str, numbers: Sequence[int]) -> Tally:
    """Build, flash and ask over the link: both profiles and roundings, each compiler of the board, all ends.

    Args:
        name: of a board of BOARDS.
        numbers: the networks; a number is always the same network and build.
    """
    failures = []
    answers = 0
    with open_rig(load_board(name)) as rig:
        for number in numbers:
            compared, wrong = _try_network(rig, number)
            answers += compared
            if wrong:
                failures.append(f"network {number} on {name}, {wrong}")
    return Tally(len(numbers), answers, failures)


def _try_network(rig: Rig, number: int) -> tuple[int, str]:
    """(how many output values were compared, what was wrong; empty if nothing)."""
    max_width, compilers = BOARDS[rig.board.name]
    rng = np.random.default_rng(_SEED + number)
    data = random_network(rng, layers=3, max_width=max_width, input_type=None, output_type=None)
    model = parse_chain(data, file=f"network {number}")
    rounding, compiler = INTERPRETED[number % 2], compilers[number // 2 % len(compilers)]
    profile = PROFILES[number // 4 % 2]
    inputs = vectors(model, seed=number)
    try:
        image = build_image(
            model, rig.board, options=BuildOptions(rounding=rounding, optimize=profile, toolchain=compiler)
        )
        rig.flash(image)
        with Device.connect(rig.port, timeout_s=_PATIENT_S, request_timeout_s=_PATIENT_S) as device:
            device.require(image)
            device.memory()  # paints the stack below itself, and infers
            got = device.infer(inputs)
    except TinysineError as error:
        return 0, f"{compiler}, {profile}, {rounding}: {error}"
    expected = integer_oracle(model, rounding).run(inputs)
    wrong = difference(inputs, np.asarray(got), expected)
    return expected.size, f"{compiler}, {profile}, {rounding}: {wrong}" if wrong else ""
