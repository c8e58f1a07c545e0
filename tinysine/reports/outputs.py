"""Answers in pictures: the curve, the classes, and how the references differ among themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinysine.evidence import Document
from tinysine.reports.answers import Curve
from tinysine.reports.charts.confusion import MOST_NUMBERED, confusion_picture
from tinysine.reports.charts.curve import difference_panel, error_panel, outputs_panel
from tinysine.reports.view import Block, Cell, Figure, Key, Table, Tone
from tinysine.tasks import ClassVerdict
from tinysine.verdicts import Against

_DEVICE, _REFERENCE, _SINE = (
    Key("device", "device"),
    Key("reference", "reference"),
    Key("truth", "sin(x)"),
)
_MOST_PAIRS = 8


def curve_blocks(document: Document, curve: Curve) -> tuple[Block, ...]:
    """Return the panels of a curve."""
    is_sine = document.sine is not None and document.sine.is_sine
    wrong = int(np.count_nonzero(curve.differences))
    keys = [
        _DEVICE,
        _REFERENCE,
        *([_SINE] if is_sine else []),
        *([Key("wrong", "another answer")] if wrong else []),
    ]
    blocks = [
        Figure("Output", outputs_panel(curve, is_sine=is_sine), tuple(keys)),
        Figure(
            "Device minus reference" + (", in codes" if curve.step is not None else ""),
            difference_panel(curve, is_sine=is_sine),
            caption=_difference_in_words(curve, wrong),
        ),
    ]
    if is_sine:
        blocks.append(
            Figure("Error, output minus sin(x)", error_panel(curve), (_DEVICE, _REFERENCE), _errors(document))
        )
    return tuple(blocks)


def _difference_in_words(curve: Curve, wrong: int) -> str:
    whole = len(curve.x)
    if not wrong:
        return f"Zero at each of {whole:,} inputs."
    most = float(np.max(np.abs(curve.differences)))
    unit = " code" + "s" * (most != 1) if curve.step is not None else ""
    return f"Not zero at {wrong:,} of {whole:,} inputs, {most:g}{unit} at most."


def _errors(document: Document) -> str:
    outputs = document.outputs
    if outputs is None or outputs.mae_vs_sine is None or outputs.max_error_vs_sine is None:
        return ""
    said = f"The device is off by {outputs.mae_vs_sine:.4f} on average and {outputs.max_error_vs_sine:.4f} at most."
    if outputs.model_max_error_vs_sine is None or outputs.model_mae_vs_sine is None:
        return said
    own = (outputs.model_mae_vs_sine, outputs.model_max_error_vs_sine)
    if own == (outputs.mae_vs_sine, outputs.max_error_vs_sine):
        return f"{said} That is the .tflite file's own error."
    return f"{said} The .tflite file's own error is {own[0]:.4f} and {own[1]:.4f}."


def class_blocks(document: Document) -> tuple[Block, ...]:
    """Return a classifier's accuracy and confusion."""
    classes = document.classes
    if classes is None:
        return ()
    shares = [
        ("Device", classes.device),
        ("Reference", classes.reference),
        ("Float model", classes.float_model),
    ]
    accuracy = Table(
        (Cell("Accuracy"), Cell("share", number=True), Cell("right", number=True)),
        tuple(
            (
                Cell(name),
                Cell(f"{share:.2%}", number=True),
                Cell(f"{round(share * classes.samples):,} of {classes.samples:,}", number=True),
            )
            for name, share in shares
            if share is not None
        ),
    )
    pictures = [_confusion("Confusion of the device", classes.device_confusion)]
    if classes.reference_confusion != classes.device_confusion:
        pictures.append(_confusion("Confusion of the reference", classes.reference_confusion))
    return (accuracy, *pictures, *_pairs(classes), *_changed(classes))


def _confusion(title: str, counts: tuple[tuple[int, ...], ...]) -> Figure:
    keys = (Key("right", "read as labelled"), Key("misread", "read as another class"))
    caption = "Rows are labels, columns are what was read. The stronger the colour, the larger the share of its row."
    return Figure(title, confusion_picture(counts, title), keys, caption)


def _pairs(classes: ClassVerdict) -> Iterator[Table]:
    """The most frequent errors, where the picture has no numbers."""
    if classes.classes <= MOST_NUMBERED:
        return
    found = [
        (count, label, read)
        for label, row in enumerate(classes.device_confusion)
        for read, count in enumerate(row)
        if count and label != read
    ]
    found.sort(key=lambda each: (-each[0], each[1:]))
    if found:
        headings = (Cell("Label", number=True), Cell("read as", number=True), Cell("times", number=True))
        rows = tuple(
            tuple(Cell(f"{value:,}", number=True) for value in (label, read, count))
            for count, label, read in found[:_MOST_PAIRS]
        )
        yield Table(headings, rows, "The most frequent errors of the device")


def _changed(classes: ClassVerdict) -> Iterator[Table]:
    if not classes.changed:
        return
    headings = tuple(Cell(name, number=True) for name in ("Input", "label", "reference", "device"))
    rows = tuple(
        tuple(Cell(f"{value:,}", number=True) for value in (c.index, c.label, c.reference, c.device))
        for c in classes.changed
    )
    caption = (
        f"{classes.changed_count:,} inputs that the device puts into another class than the reference does"
    )
    if classes.changed_count > len(rows):
        caption += f"; the first {len(rows)}"
    yield Table(headings, rows, caption)


def tensor_blocks(document: Document) -> tuple[Block, ...]:
    """Return each of several outputs by itself."""
    outputs = document.outputs
    if outputs is None or not outputs.tensors:
        return ()
    rows = tuple(
        (
            Cell(tensor.name),
            Cell(f"{tensor.dtype} x {tensor.elements:,}"),
            Cell(f"{tensor.mismatches:,}", "bad" if tensor.mismatches else "", number=True),
            Cell("" if tensor.max_abs_diff is None else f"{tensor.max_abs_diff:g}", number=True),
        )
        for tensor in outputs.tensors
    )
    headings = (Cell("Output"), Cell("Type"), Cell("Differ", number=True), Cell("At most", number=True))
    return (Table(headings, rows, f"Each output over {outputs.checked:,} inferences"),)


def reference_blocks(document: Document) -> tuple[Block, ...]:
    """Return the device held against every reference, where any of them differs."""
    outputs = document.outputs
    if (
        outputs is None
        or len(outputs.against) < 2
        or not any(row.mismatches for row in outputs.against.values())
    ):
        return ()
    rows = []
    for name, against in outputs.against.items():
        must = name == outputs.reference
        equal = not against.mismatches
        tone: Tone = "" if equal else "bad" if must or not against.explanation else ""
        why = _why(against, must=must)
        most = "" if equal or against.max_abs_diff is None else f"{against.max_abs_diff:g}"
        rows.append(
            (
                Cell(name),
                Cell(f"{against.mismatches:,}", tone, number=True),
                Cell(most, number=True),
                Cell(why, tone),
            )
        )
    headings = (
        Cell("Reference"),
        Cell("Differ", number=True),
        Cell("At most", number=True),
        Cell("Why"),
    )
    caption = f"The device's {outputs.checked:,} answers against each reference"
    return (Table(headings, tuple(rows), caption),)


def _why(against: Against, *, must: bool) -> str:
    if not against.mismatches:
        return "equal, as it has to be" if must else "equal"
    return against.explanation or ("it has to be equal" if must else "not explained")
