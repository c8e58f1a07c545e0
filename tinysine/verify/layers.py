"""Each layer by itself: the model is cut off behind it, built, flashed, asked, and held against the reference."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tinysine.device import Device
from tinysine.errors import (
    BenchError,
    BuildError,
    ConfigError,
    DeviceError,
    IdentityMismatch,
    LinkTimeout,
    ModelError,
    PortUnavailable,
    ProtocolError,
)
from tinysine.flashing.tool import tell_on_stderr
from tinysine.graph import as_network
from tinysine.image import Image
from tinysine.link import FaultRecord, LinkStats
from tinysine.model import Model, parse_model
from tinysine.model.reader import damage_reported
from tinysine.oracles import Oracle, available_oracles
from tinysine.quantization import Rounding
from tinysine.rigs import Installation, Rig
from tinysine.tensor_values import Values, inferences_of, rows_of
from tinysine.tflite.cut import cut_behind, cut_points
from tinysine.verdicts import (
    EQUAL,
    Finding,
    LatencyVerdict,
    LayerRow,
    LayersVerdict,
    Stage,
    Tolerance,
    choose_reference,
    compare_layer,
    judge_layers,
)
from tinysine.verify.contradictions import refuse_miscount
from tinysine.verify.crash import ERRORS, Crash, crash_behind
from tinysine.verify.latency import time_inferences
from tinysine.verify.paced import Countdown

MOST_INPUTS = 256
# Of inputs and answers of one layer together: at 115,200 baud, some 90 seconds. A layer may be as wide as an image.
MOST_BYTES = 1 << 20
LEAST_INPUTS = 8
WHOLE, CUT = "the model", "the model cut off behind it"

BuildCut = Callable[[Model], Image]


@dataclass(frozen=True, eq=False)
class _Cut:
    """A model that ends with one layer.

    Attributes:
        row: which layer.
        model: the cut model; None where it cannot be asked.
        image: its firmware.
    """

    row: LayerRow
    model: Model | None = None
    image: Image | None = None


def layer_inputs(inputs: Values, wrong: NDArray[np.bool_], *, seed: int) -> Values:
    """Choose the inputs that each layer is asked: those that the whole model answered wrongly first.

    Args:
        inputs: [n, inputs] that the whole model was asked, or the answers to them; a tuple of these for several.
        wrong: bool [n], whether its answer differs.
        seed: chooses the others.
    Returns:
        at most MOST_INPUTS of them, the wrong ones first; the same rows of answers as of inputs.
    """
    others = np.random.default_rng(seed).permutation(np.flatnonzero(~wrong))
    return rows_of(inputs, np.concatenate([np.flatnonzero(wrong), others])[:MOST_INPUTS])


def verify_layers(
    model: Model,
    whole: Image,
    rig: Rig,
    *,
    build: BuildCut,
    engine: str,
    rounding: Rounding,
    inputs: Values,
    seed: int,
    timeout_s: float,
    tolerance: Tolerance = EQUAL,
    on_progress: Callable[[int, int, str], None] = lambda _steps, _done, _note: None,
    tell: Callable[[str], None] = tell_on_stderr,
) -> tuple[LayersVerdict, LinkStats]:
    """Hold every layer of a model, as the device computes it, against the reference.

    For each tensor that an operator writes, the model cut off behind it is built, flashed and asked. A layer whose
    tensor an engine cannot end with is not asked, and its row says why. A board that was there before has the whole
    model again at the end.

    Args:
        model: the whole one.
        whole: its firmware.
        rig: that is flashed; nobody else may be connected to it.
        build: makes firmware of a cut model; a ModelError, ConfigError or BuildError says why it cannot.
        engine: its name, as the device tells it of the whole model; the cut models must have the same.
        rounding: which reference the firmware has to equal.
        inputs: [n, inputs] in the model's input dtype, as `layer_inputs` chooses them; a wide layer gets the first.
        seed: chooses those that are timed.
        timeout_s: how long connecting may take.
        tolerance: by which a value may be off and pass; for engines that are not ours.
        on_progress: called with all steps, those that are done, and what is under way.
        tell: says to a person how often a real board is flashed, before it is.
    Returns:
        The verdict, and what the link went through.
    Raises:
        ModelError: a file that cannot be cut.
        BenchError, ProtocolError, IdentityMismatch: the bench failed.
    """
    cuts = _built(model, whole, build, on_progress)
    images = [cut.image for cut in cuts if cut.image is not None]
    if not rig.is_twin:
        count = len(images) + (whole not in images[-1:])
        tell(
            f"{rig.board.name} is flashed {count} {'time' if count == 1 else 'times'}: with the model cut off behind "
            "each layer, and with the whole model at the end"
        )
    asking = _Asking(rig, engine, rounding, inputs, seed=seed, timeout_s=timeout_s)
    rows: list[LayerRow] = []
    for number, cut in enumerate(cuts, start=1):
        step = partial(on_progress, len(cuts) + len(images), len(cuts) + asking.done)
        rows.append(asking.row_of(cut, partial(_say, step, f"ask {number} of {len(cuts)}", cut.row.name)))
    if asking.flashed is not whole and not rig.can_restart:
        # What the firmware did counts for more than a board that cannot be put back.
        with contextlib.suppress(*(() if asking.crash is None else (BenchError,))):
            rig.flash(whole)
    return asking.verdict(rows, tolerance), asking.stats


def _say(step: Callable[[str], None], which: str, layer: str, how_far: str) -> None:
    """Put what changes before the layer's name, which may be longer than a terminal's line."""
    step(f"{which}, {how_far}: {layer}" if how_far else f"{which}: {layer}")


def _built(
    model: Model, whole: Image, build: BuildCut, on_progress: Callable[[int, int, str], None]
) -> list[_Cut]:
    """The model cut off behind each layer, with firmware where there can be any."""
    with damage_reported(WHOLE):
        points = cut_points(model.source, file=WHOLE)
    cuts = []
    for done, point in enumerate(points):
        row = LayerRow(point.layer, point.operator, point.name)
        on_progress(2 * len(points), done, f"build {done + 1} of {len(points)}: {row.name}")
        try:
            with damage_reported(WHOLE):
                data = cut_behind(model.source, point, file=WHOLE)
            if data is model.source:
                cuts.append(_Cut(row, model, whole))
            else:
                part = parse_model(data, file=CUT)
                cuts.append(_Cut(row, part, build(part)))
        except (ModelError, ConfigError, BuildError) as error:
            cuts.append(_Cut(replace(row, not_asked=error.message)))
    return cuts


class _Asking:
    """The life of one examination: which cut runs now, and what came of those before."""

    def __init__(
        self, rig: Rig, engine: str, rounding: Rounding, inputs: Values, *, seed: int, timeout_s: float
    ) -> None:
        self._rig = rig
        self._engine = engine
        self._rounding = rounding
        self._inputs = inputs
        self._seed = seed
        self._timeout_s = timeout_s
        self._unit = self._reference = ""
        self.crash: Finding | None = None
        self.flashed: Image | None = None
        self.stats = LinkStats()
        self.done = 0

    def row_of(self, cut: _Cut, say: Callable[[str], None]) -> LayerRow:
        """Ask the device for one layer; `say` is told how far that is."""
        say("")
        if cut.model is None or cut.image is None:
            return cut.row
        if self.crash is not None:
            return replace(cut.row, not_asked="the firmware failed before")
        self.done += 1
        try:
            oracle = reference_of(cut.model, self._rounding)
        except (ModelError, ConfigError) as error:  # no interpreter takes it, or none of this rounding
            return replace(cut.row, not_asked=error.message)
        self._reference = oracle.name
        self.flashed = cut.image
        installation = Installation(self._rig, cut.image, timeout_s=self._timeout_s)
        try:
            refuse_miscount(cut.image, cut.model)
            device = installation.install(flash="always")
        except (LinkTimeout, PortUnavailable, ProtocolError, DeviceError) as error:
            if not (crash := crash_behind(error, self._rig)):
                raise
            return self._crashed(cut.row, crash)
        with contextlib.closing(installation):
            earlier: FaultRecord | None = None
            try:
                earlier = device.last_fault()
                return self._compared(cut, device, oracle, say)
            except ERRORS as error:
                crash = crash_behind(error, self._rig, device=device, image=cut.image, earlier=earlier)
                if not crash:
                    raise
                return self._crashed(cut.row, crash)
            finally:
                self.stats += device.stats

    def _crashed(self, row: LayerRow, crash: Crash) -> LayerRow:
        reason = "; ".join(crash.reasons)
        self.crash = Finding(Stage.FIRMWARE, f"{row.name}: {reason}")
        return replace(row, not_asked=reason)

    def verdict(self, rows: list[LayerRow], tolerance: Tolerance) -> LayersVerdict:
        """Add the rows up."""
        return judge_layers(
            rows, reference=self._reference, unit=self._unit, crash=self.crash, tolerance=tolerance
        )

    def _compared(self, cut: _Cut, device: Device, oracle: Oracle, say: Callable[[str], None]) -> LayerRow:
        assert cut.model is not None
        assert cut.image is not None
        if device.identity.engine != self._engine:
            raise IdentityMismatch(
                f"{cut.row.name} is computed by the engine {device.identity.engine}, "
                f"and the whole model by {self._engine}",
                field="engine",
                expected=self._engine,
                got=device.identity.engine,
            )
        bytes_each = sum(tensor.nbytes for tensor in (*cut.model.inputs, *cut.model.outputs))
        inputs = rows_of(self._inputs, slice(max(LEAST_INPUTS, MOST_BYTES // bytes_each)))
        told = Countdown(inferences_of(inputs), lambda _whole, _done, note: say(note))
        answers = device.infer(inputs, on_progress=told)
        expected = oracle.run(inputs)
        if answers.shape != expected.shape or answers.dtype != expected.dtype:
            raise DeviceError(
                f"it answers {answers.dtype} {list(answers.shape)}, not {expected.dtype} {list(expected.shape)}"
            )
        row = compare_layer(cut.row, inputs=inputs, device=answers, expected=expected)
        say("time inferences")
        timed = time_inferences(device, self._rig, inputs, answers=answers, image=cut.image, seed=self._seed)
        # The proof that it was this build which was asked.
        device.identify()
        return self._timed(row, timed)

    def _timed(self, row: LayerRow, timed: LatencyVerdict | None) -> LayerRow:
        if timed is None or timed.median is None:
            return row
        if timed.finding is not None:
            raise DeviceError(timed.finding.reason)
        self._unit = timed.unit
        median = int(timed.median) if timed.median == int(timed.median) else timed.median
        return replace(
            row,
            model_cost=median,
            model_noise=timed.noise,
            model_estimated_cycles=timed.estimated_cycles,
        )


def reference_of(model: Model, rounding: Rounding) -> Oracle:
    """Return the oracle that firmware of a cut model has to equal.

    Raises:
        ModelError, ConfigError: there is none of this rounding for it.
    """
    judged = as_network(model, file=CUT) or model
    oracles = {oracle.name: oracle for oracle in available_oracles(judged, needed=rounding)}
    return oracles[choose_reference(tuple(oracles), rounding)]
