"""The layers of a run: by the same build as the whole model's, and into the same evidence."""

from __future__ import annotations

from dataclasses import replace

from tinysine.device import Device
from tinysine.errors import BenchError, ConfigError, DeviceError, IdentityMismatch, ProtocolError
from tinysine.evidence import Run
from tinysine.graph import parse_network
from tinysine.image import BuildOptions, Engine, Image, build_image
from tinysine.link import Capability, LinkStats
from tinysine.link.expectation import ForeignFirmware
from tinysine.model import Model
from tinysine.rigs import Build, Flashing, Rig
from tinysine.settings import Firmware
from tinysine.verdicts import wrong_rows
from tinysine.verify.announced_layers import announced_layers
from tinysine.verify.contradictions import is_ours
from tinysine.verify.layers import CUT, BuildCut, layer_inputs, verify_layers

_CUT_ARENA_BYTES = 256  # what a small model cut off may need beyond a quarter more than the whole


def refuse_layers_of_others(firmware: Firmware, flash: Flashing) -> None:
    """Refuse `--layers` where no firmware of a cut model can be flashed, and ours announces no layers.

    Raises:
        ConfigError: always then.
    """
    if firmware == "own" and flash == "never":
        raise ConfigError(
            "--layers needs firmware of the model cut off behind each layer, and --flash never keeps it from being "
            "flashed",
            hint="leave --layers out, or let tinysine flash the board",
            key="layers",
        )


def announces_layers(device: Device, image: Build) -> bool:
    """Tell whether a device shows its layers by itself, so that no cut model is needed.

    Args:
        image: that it runs.
    Raises:
        ConfigError: it does not, and nothing can be built for it.
    """
    if Capability.LAYERS in device.capabilities and not is_ours(image):
        return True
    if isinstance(image, ForeignFirmware):
        raise ConfigError(
            f"--layers: the firmware at {device.session.port.name} does not announce layers, and no model cut off "
            "behind each can be built for it",
            hint="leave --layers out; docs/protocol.md says how firmware announces them",
            key="layers",
        )
    return False


def ask_announced(run: Run, model: Model, device: Device, image: Build) -> None:
    """Ask a device for the layers that it announces; a wrong one is the first finding of the run.

    Args:
        run: with the whole model's answers compared.
    Raises:
        as `announced_layers`.
    """
    assert run.inputs is not None
    assert run.device_answers is not None
    assert run.outputs is not None
    wrong = wrong_rows(run.device_answers, run.answers[run.outputs.reference])
    with run.stage("layers"):
        run.layers = announced_layers(
            model,
            device,
            rounding=image.rounding,
            inputs=layer_inputs(run.inputs, wrong, seed=run.provenance.seed),
            answers=layer_inputs(run.device_answers, wrong, seed=run.provenance.seed),
            tolerance=run.tolerance,
            on_progress=lambda steps, done, note: run.on_progress("layers", steps, done, note),
        )
    if run.layers.finding is not None:
        run.findings.insert(0, run.layers.finding)


def cut_builder(whole: Image, engine: Engine | None) -> BuildCut:
    """Return what builds firmware of a cut model as that of the whole model was built.

    Args:
        whole: the whole model's.
        engine: of the user's; None for the generated one, which has to understand the cut model.
    """

    if engine is not None and engine.arena_search:
        # A cut model takes no more, but for what the planner wastes; a search for each would take minutes.
        assert whole.arena_bytes is not None
        arena_bytes = whole.arena_bytes + whole.arena_bytes // 4 + _CUT_ARENA_BYTES
        engine = replace(engine, arena_bytes=arena_bytes)
    options = BuildOptions(
        rounding=whole.rounding,
        optimize=whole.optimize,
        prune=whole.prune,
        toolchain=whole.toolchain.name,
        engine=engine,
    )

    def build(cut: Model) -> Image:
        return build_image(
            parse_network(cut.source, file=CUT) if engine is None else cut, whole.board, options
        )

    return build


def layers_of_run(
    run: Run, model: Model, whole: Image, rig: Rig, *, engine: Engine | None, timeout_s: float
) -> LinkStats | None:
    """Ask each layer by itself; a wrong one is the first finding of the run.

    If the bench failed, or fails now, after the whole model's answers were wrong, the run keeps what it knows.

    Args:
        run: with the whole model's answers compared.
        whole: what the board runs.
        engine: as for `cut_builder`.
        timeout_s: how long connecting may take.
    Returns:
        what the link went through; None where the bench failed.
    Raises:
        as `verify_layers`.
    """
    if run.bench_failure is not None:
        return None
    try:
        return _layers(run, model, whole, rig, engine=engine, timeout_s=timeout_s)
    except IdentityMismatch:
        raise
    except (BenchError, ProtocolError, DeviceError) as error:
        if not run.is_wrong():
            raise
        run.cut_short(error)
        return None


def _layers(
    run: Run, model: Model, whole: Image, rig: Rig, *, engine: Engine | None, timeout_s: float
) -> LinkStats:
    assert run.inputs is not None
    assert run.device_answers is not None
    assert run.outputs is not None

    wrong = wrong_rows(run.device_answers, run.answers[run.outputs.reference])
    with run.stage("layers"):
        run.layers, stats = verify_layers(
            model,
            whole,
            rig,
            build=cut_builder(whole, engine),
            engine=run.provenance.device.engine if run.provenance.device is not None else "",
            rounding=whole.rounding,
            inputs=layer_inputs(run.inputs, wrong, seed=run.provenance.seed),
            seed=run.provenance.seed,
            timeout_s=timeout_s,
            tolerance=run.tolerance,
            on_progress=lambda steps, done, note: run.on_progress("layers", steps, done, note),
        )
    if run.layers.finding is not None:
        run.findings.insert(0, run.layers.finding)
    return stats
