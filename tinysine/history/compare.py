"""Two runs, figure by figure: what is better, what is worse, and what cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinysine.history.records import Figure, HistoryRun
from tinysine.verdicts import NOISY_UNITS

Judgement = Literal["same", "better", "worse", "new", "gone", "not judged"]

# What has to be the same for figures to be held against each other, and what people call it.
_ALIKE = {
    "model_sha256": "model",
    "board": "board",
    "kind": "kind of board",
    "engine": "engine",
    "reference": "reference",
    "optimize": "profile",
    "prune": "pruning",
    "toolchain": "toolchain",
}
_WITHOUT_INPUTS = "memory."  # figures that no input changes
_OF_LAYERS = "layers."  # figures that a run has only where it was told to look at its layers
_OF_THE_BUILD = ("toolchain", "optimize", "prune", "engine")


@dataclass(frozen=True)
class Change:
    """One figure before and after.

    Attributes:
        name, part, unit: of the figure.
        before, after: its values; None where a run does not have it.
        judgement: "not judged" where the two cannot be compared.
    """

    name: str
    part: str
    unit: str
    before: int | float | None
    after: int | float | None
    judgement: Judgement

    @property
    def percent(self) -> float | None:
        """The change in percent; None where there is none to tell."""
        if self.before is None or self.after is None or not self.before:
            return None
        return 100 * (self.after - self.before) / self.before


@dataclass(frozen=True)
class Difference:
    """Two runs held against each other.

    Attributes:
        reasons: why figures were not judged, such as "the model is another one".
        changes: the figures of both, without those of `alone`.
        alike: both are of one board, model and build, so that a figure that is gone is missed.
        alone: figures of parts that only one run has and the other never had: the layers of a run that looked at them,
            held against one that did not, and layers and outputs of another model. They are neither new nor gone.
    """

    reasons: tuple[str, ...]
    changes: tuple[Change, ...]
    alike: bool = True
    alone: tuple[Change, ...] = ()

    @property
    def worse(self) -> tuple[Change, ...]:
        """Those that are worse; of runs that are alike also those that are gone."""
        bad = ("worse", "gone") if self.alike else ("worse",)
        return tuple(change for change in self.changes if change.judgement in bad)


def compare_runs(before: HistoryRun, after: HistoryRun) -> Difference:
    """Hold a run against an earlier one.

    Figures are judged where the model, the board and its kind, the engine, the reference, the profile and the toolchain
    are the same, and of hardware the chip; what depends on the inputs, also where the data are. Of a noisy clock they
    are not: see the gates.

    Args:
        before, after: with their figures.
    """
    reasons = _unlike(before, after)
    then = {(figure.name, figure.part): figure for figure in before.figures}
    now = {(figure.name, figure.part): figure for figure in after.figures}
    changes = []
    clocks = set()
    other_data = before.data_sha256 != after.data_sha256
    for key in dict.fromkeys((*then, *now)):
        old, new = then.get(key), now.get(key)
        if old is not None and new is not None and old.unit != new.unit:
            clocks.add(
                f"{key[0]} is counted in {old.unit or 'nothing'} before, and in {new.unit or 'nothing'} now"
            )
        judged = not reasons and not (other_data and depends_on_inputs(key[0]))
        changes.append(_change(key, old, new, judged=judged))
    if any(change.judgement == "not judged" and change.unit in NOISY_UNITS for change in changes):
        clocks.add("a computer's clock is noisy")
    if other_data:
        reasons = (*reasons, f"{data_changed(before.data_sha256, after.data_sha256)}; memory needs no data")
    alike = not reasons
    one_has_layers = _has_layers(before) != _has_layers(after)
    alone = tuple(
        change
        for change in changes
        if change.judgement in ("new", "gone")
        and ((change.part and not alike) or (one_has_layers and change.name.startswith(_OF_LAYERS)))
    )
    both = tuple(change for change in changes if change not in alone)
    return Difference((*reasons, *sorted(clocks)), both, alike, alone)


def alone_in_words(found: Difference) -> str:
    """Count the figures that only one of the runs has; "" for none."""
    count = len(found.alone)
    if not count:
        return ""
    whose = (
        "layers" if all(change.name.startswith(_OF_LAYERS) for change in found.alone) else "layers or outputs"
    )
    return f"{count:,} figure{'s' * (count != 1)} of {whose} that only one of the runs has"


def _has_layers(run: HistoryRun) -> bool:
    return any(figure.name.startswith(_OF_LAYERS) for figure in run.figures)


def depends_on_inputs(figure: str) -> bool:
    """Tell whether a figure, by its name, is another one where other inputs are asked."""
    return not figure.startswith(_WITHOUT_INPUTS)


def data_changed(before: str, after: str) -> str:
    """Say that two runs did not ask the same file of inputs, by its SHA-256 in each."""
    return f"the data changed: {before[:12] or 'none'} before, {after[:12] or 'none'} now"


def _unlike(before: HistoryRun, after: HistoryRun) -> tuple[str, ...]:
    found = []
    for name, word in _ALIKE.items():
        old, new = getattr(before, name), getattr(after, name)
        unknown = name in _OF_THE_BUILD and "" in (old, new)  # as of lines of earlier versions
        if old == new or unknown:
            continue
        if name == "model_sha256":
            old, new = ((sha or "unknown")[:12] for sha in (old, new))
        if name == "prune":
            old, new = ("yes" if value else "no" for value in (old, new))
        found.append(f"the {word} changed: {old or 'unknown'} before, {new or 'unknown'} now")
    chips = (before.unique_id, after.unique_id)
    if before.kind == after.kind == "hardware" and all(chips) and len(set(chips)) == 2:
        found.append(f"the chip is another one: {chips[0]} before, {chips[1]} now")
    return tuple(found)


def _change(key: tuple[str, str], old: Figure | None, new: Figure | None, *, judged: bool) -> Change:
    one = new or old
    assert one is not None
    values = (old.value if old else None, new.value if new else None)
    return Change(*key, one.unit, *values, _judged(old, new, judged=judged))


def _judged(old: Figure | None, new: Figure | None, *, judged: bool) -> Judgement:
    if old is None:
        return "new"
    if new is None:
        return "gone"
    if old.value == new.value and old.unit == new.unit:
        return "same"
    if not judged or old.unit != new.unit:
        return "not judged"
    if new.unit in NOISY_UNITS or not new.better:
        return "not judged"
    return "better" if (new.value < old.value) == (new.better == "lower") else "worse"
