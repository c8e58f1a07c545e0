"""A classifier's accuracy on labelled inputs: the device's, the reference's, and the float model's it came from."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.record import Count, Record, fact

MOST_CHANGED = 20
Confusion = tuple[tuple[Count, ...], ...]
Share = Annotated[float, Meta(ge=0, le=1)]


class Changed(Record):
    """One input that the device puts into another class than the reference does."""

    index: Annotated[Count, fact("of the input")]
    label: Annotated[Count, fact("its label")]
    reference: Annotated[Count, fact("the reference's class")]
    device: Annotated[Count, fact("the device's class")]


class ClassVerdict(Record, kw_only=True):
    """Shares of inputs whose class is as labelled; the class is the largest output, the first of equals."""

    samples: Annotated[Count, fact("how many inputs")]
    classes: Annotated[Annotated[int, Meta(ge=2)], fact("how many classes")]
    device: Annotated[
        Share, fact("the device's share of inputs that were classified as labelled", better="higher")
    ]
    reference: Annotated[Share, fact("the reference's", better="higher")]
    float_model: Annotated[Share | None, fact("the float model's, where one was given", better="higher")] = (
        None
    )
    device_confusion: Annotated[Confusion, fact("the device's counts, `[label][class]`")]
    reference_confusion: Annotated[Confusion, fact("the reference's")]
    changed: Annotated[
        tuple[Changed, ...],
        fact("inputs whose class differs between device and reference, the first of them"),
    ]
    changed_count: Annotated[Count, fact("how many these are in all", better="lower")]


def check_labels(labels: NDArray[np.int64], classes: int) -> None:
    """Refuse labels that name no class of a model; to be called before a board is asked.

    Args:
        labels: int64 [n], class numbers.
        classes: elements of the model's output.
    Raises:
        ConfigError: fewer than two outputs, or a label beyond the outputs.
    """
    if classes < 2:
        raise ConfigError(
            "labels are class numbers, and the model has one output",
            hint="leave the labels out of the data, or give a model with an output for each class",
            key="data",
        )
    if labels.max(initial=0) >= classes:
        raise ConfigError(
            f"the data has label {int(labels.max())}, and the model has {classes} outputs",
            hint="labels count from 0, in the order of the model's outputs",
            key="data",
        )


def judge_classes(
    *,
    labels: NDArray[np.int64],
    device: NDArray[Any],
    reference: NDArray[Any],
    float_model: NDArray[Any] | None = None,
) -> ClassVerdict:
    """Count right classes.

    Args:
        labels: int64 [n], class numbers.
        device, reference: outputs [n, classes], in the model's output dtype.
        float_model: outputs [n, classes] of the float model.
    Raises:
        ConfigError: as `check_labels`.
    """
    classes = reference.shape[1]
    check_labels(labels, classes)
    ours, due = device.argmax(axis=1), reference.argmax(axis=1)
    changed = np.flatnonzero(ours != due)
    return ClassVerdict(
        samples=len(labels),
        classes=classes,
        device=float(np.mean(ours == labels)),
        reference=float(np.mean(due == labels)),
        float_model=None if float_model is None else float(np.mean(float_model.argmax(axis=1) == labels)),
        device_confusion=_confusion(labels, ours, classes),
        reference_confusion=_confusion(labels, due, classes),
        changed=tuple(
            Changed(int(i), int(labels[i]), int(due[i]), int(ours[i])) for i in changed[:MOST_CHANGED]
        ),
        changed_count=len(changed),
    )


def _confusion(labels: NDArray[np.int64], found: NDArray[np.intp], classes: int) -> Confusion:
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, found), 1)
    return tuple(tuple(int(n) for n in row) for row in table)
