"""The layers of a run: by the same build as the whole model's, and into the same evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tinysine.errors import BenchError, ConfigError, DeviceError, IdentityMismatch, ProtocolError
from tinysine.evidence import Run
from tinysine.graph import parse_network
from tinysine.image import BuildOptions, Engine, Image, build_image
from tinysine.link import LinkStats
from tinysine.model import Model
from tinysine.rigs import Rig
from tinysine.verdicts import wrong_rows
from tinysine.verify.builds import Flashing
from tinysine.verify.layers import CUT, BuildCut, layer_inputs, verify_layers

_CUT_ARENA_BYTES = 256  # what a small model cut off may need beyond a quarter more than the whole


def refuse_layers_of_others(firmware: Literal["own", "foreign"], flash: Flashing) -> None:
    """Refuse `--layers` where no firmware of a cut model can be built and flashed.

    Raises:
        ConfigError: always then.
    """
    if firmware == "foreign" or flash == "never":
        whose = "foreign firmware cannot be" if firmware == "foreign" else "--flash never keeps it from being"
        raise ConfigError(
            f"--layers needs firmware of the model cut off behind each layer, and {whose} built and flashed here",
            hint="leave --layers out, or let tinysine build the firmware",
            key="layers",
        )


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
