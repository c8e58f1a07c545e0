"""A soak of the board of a run: over resets through its rig, and in the sight of its twin."""

from __future__ import annotations

from collections.abc import Sequence

from tinysine.device import Device
from tinysine.errors import FlashError
from tinysine.evidence import Run
from tinysine.link.expectation import ForeignFirmware
from tinysine.rigs import Rig
from tinysine.verdicts import Finding, Stage
from tinysine.verify.builds import Build, offered
from tinysine.verify.lies import lies_about_life
from tinysine.verify.soak import soak
from tinysine.verify.witness import look


def soak_board(
    run: Run,
    rig: Rig,
    image: Build,
    device: Device,
    *,
    names: Sequence[str],
    count: int,
    seed: int,
    timeout_s: float,
) -> None:
    """Soak; the first wrong answer, and what the twin saw otherwise, become findings of the run.

    Args:
        run: with the inputs and the references' answers compared.
        names: of the model's outputs.
        count: inferences.
        seed: decides their order.
        timeout_s: for the board to come back from a reset.
    Raises:
        BenchError, ProtocolError, DeviceError: the link failed, or the board does not come back as what it was.
    """
    assert run.inputs is not None
    assert run.outputs is not None
    before = look(rig)

    def reset() -> Device:
        return reset_and_prove(rig, image, device, timeout_s=timeout_s)

    done = soak(
        device,
        run.inputs,
        run.answers[run.outputs.reference],
        count=count,
        seed=seed,
        names=names,
        reset=None if isinstance(image, ForeignFirmware) else reset,
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
        fault=offered(device.last_fault, image),
        ordered_resets=done.resets,
    )
    run.findings += [Finding(Stage.FIRMWARE, lie) for lie in lies]


def reset_and_prove(rig: Rig, image: Build, device: Device, *, timeout_s: float) -> Device:
    """Reset the board through its rig, or by its own request where the rig cannot, and prove what it runs.

    Raises:
        BenchError, ProtocolError, IdentityMismatch: it does not come back as what it was.
    """
    try:
        rig.reset()
    except FlashError:
        device.reset(timeout_s=timeout_s)
    else:
        device.resync(timeout_s=timeout_s)
    device.require(image)
    return device


def _note(asked: int, resets: int) -> str:
    return f"{asked:,} inferences, {resets} resets"
