"""Figures of a board, measured and recorded as `verify` does, without a verdict over what it answers."""

from __future__ import annotations

from tinysine.device import Device
from tinysine.evidence import (
    BoardFacts,
    DataFacts,
    Evidence,
    Provenance,
    Run,
    identity_record,
    link_record,
    utc_now,
)
from tinysine.image import Image
from tinysine.rigs import Rig
from tinysine.tensor_values import Values
from tinysine.verify.latency import time_inferences
from tinysine.verify.memory import measure_memory
from tinysine.verify.question import Watcher


def measure_figures(
    device: Device,
    rig: Rig,
    inputs: Values,
    *,
    image: Image,
    model_file: str,
    data: DataFacts | None,
    seed: int,
) -> Evidence:
    """Measure latency and memory of a board that runs an image.

    Args:
        device: connected, and proved to run the image.
        inputs: [n, input.count] in the model's input dtype; a tuple of these for several inputs.
        model_file: its name.
        data: the user's file of inputs; None where the harness chose them.
        seed: chooses the inputs that are timed.
    Returns:
        Evidence of both, "fail" where a figure is not to be believed.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the device refused.
    """
    board, nobody = image.board, Watcher()
    run = Run(
        provenance=Provenance(
            model_file=model_file,
            model_sha256=image.model_sha256,
            rounding=image.rounding.value,
            optimize=image.optimize,
            prune=image.prune if image.is_generated else None,
            engine=image.engine,
            seed=seed,
            data=data,
            started_utc=utc_now(),
            finished_utc="",
        ),
        board=board,
        on_begin=nobody.on_begin,
        on_stage=nobody.on_stage,
        facts=BoardFacts(board.name, rig.kind, board.chip, board.clock_hz, rig.port, rig.proof),
    )
    run.know_image(image)
    run.know(device=identity_record(device.identity))
    with run.stage("latency"):
        answers = device.infer(inputs)
        run.latency = time_inferences(device, rig, inputs, answers=answers, image=image, seed=seed)
    with run.stage("memory"):
        run.memory = measure_memory(board, image, rig, device)
    run.know(link=link_record(device))
    if run.latency is not None and run.latency.finding is not None:
        run.findings.append(run.latency.finding)
    run.findings += run.memory.findings
    return run.evidence("fail" if run.findings else "pass")
