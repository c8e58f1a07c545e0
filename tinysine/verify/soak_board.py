"""A soak of the board of a run: over resets, and in the sight of its twin."""

from __future__ import annotations

from collections.abc import Sequence

from tinysine.evidence import Run
from tinysine.link import Capability
from tinysine.link.expectation import ForeignFirmware
from tinysine.rigs import Installation
from tinysine.verdicts import Finding, Stage
from tinysine.verify.announced import Announced
from tinysine.verify.lies import lies_about_life
from tinysine.verify.soak import soak
from tinysine.verify.witness import look


def soak_board(
    run: Run,
    installation: Installation,
    announced: Announced,
    *,
    names: Sequence[str],
    count: int,
    seed: int,
) -> None:
    """Soak; the first wrong answer, and what the twin saw otherwise, become findings of the run.

    Args:
        run: with the inputs and the references' answers compared.
        installation: on the board.
        announced: of the device there.
        names: of the model's outputs.
        count: inferences.
        seed: decides their order.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the board does not come back as what it was.
    """
    assert run.inputs is not None
    assert run.outputs is not None
    rig, image, device = installation.rig, installation.firmware, installation.device
    before = look(rig)
    done = soak(
        device,
        run.inputs,
        run.answers[run.outputs.reference],
        count=count,
        seed=seed,
        names=names,
        reset=None if isinstance(image, ForeignFirmware) else installation.reset,
        tolerance=run.tolerance,
        on_progress=lambda asked, resets: run.on_progress("soak", count, asked, _note(asked, resets)),
    )
    run.soak = done
    if done.wrong is not None:
        run.findings.append(Finding(Stage.ENGINE, str(done.wrong)))
    after = look(rig)
    lies = lies_about_life(
        before,
        after,
        inferences=done.asked,
        fault=announced.ask(Capability.FAULT, device.last_fault),
        ordered_resets=done.resets,
    )
    run.findings += [Finding(Stage.FIRMWARE, lie) for lie in lies]


def _note(asked: int, resets: int) -> str:
    return f"{asked:,} inferences, {resets} resets"
