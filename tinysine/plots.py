"""Figures: arrays in, matplotlib Figure out. No pyplot, so no global state, no display, no backend to choose.

Units are written at the axes. Colours are those of the report, of the Okabe-Ito set, which colour-blind people can
tell apart, and every curve differs in more than its colour. A curve has its name at its end, or below the picture
where curves lie upon each other; nothing is written over the data. In a notebook a figure that ends a cell is shown.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.variables import variable_kept
from tinysine.whole_files import draft_beside, unwritable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.floating[Any]]

# The report's style sheet has the same.
INK, SOFT, LINE = "#1b1f23", "#5b646d", "#dfe3e6"
DEVICE, REFERENCE, TRUTH, SECOND, WRONG = "#0072b2", "#e69f00", "#5b646d", "#cc79a7", "#d55e00"
FLOAT, GOOD = "#56b4e9", "#009e73"
SINE: dict[str, Any] = {"color": TRUTH, "linewidth": 1.5, "linestyle": (0, (5, 4)), "label": "sin(x)"}
SIZE_INCHES = (7.2, 4.2)
DPI = 150


@contextlib.contextmanager
def into_files() -> Iterator[None]:
    """Have matplotlib draw into files, whatever MPLBACKEND says: it may need a display, or name nothing.

    For programs of our own; in a notebook the variable is what shows a figure.
    """
    with variable_kept("MPLBACKEND"):
        os.environ["MPLBACKEND"] = "agg"
        yield


def plot_samples(x: Array, y: Array, *, title: str = "Samples of the sine") -> Figure:
    """Draw samples over the curve they come from.

    Args:
        x: [n], radians.
        y: [n].
        title: what the picture shows; the same function draws the clean and the noisy samples.
    """
    figure, axes = _figure(title)
    axes.scatter(x, y, s=11, color=DEVICE, alpha=0.55, linewidths=0, label=f"{len(x):,} samples")
    axes.plot(*_sine(), **SINE)
    _radians(axes)
    axes.set_ylabel("y")
    _name_below(axes)
    return figure


def plot_splits(parts: Mapping[str, tuple[Array, Array]]) -> Figure:
    """Draw the parts of a data set, each with a colour and a marker of its own.

    Args:
        parts: (x, y) by name, in order of importance; at most six.
    """
    figure, axes = _figure("The split")
    total = sum(len(x) for x, _ in parts.values())
    looks = zip((DEVICE, REFERENCE, WRONG, GOOD, FLOAT, SECOND), "o^sDvP", strict=True)
    for (name, (x, y)), (color, marker) in zip(parts.items(), looks, strict=False):
        label = f"{name}: {len(x):,} ({len(x) / total:.0%})"
        axes.scatter(x, y, s=15, color=color, marker=marker, alpha=0.75, linewidths=0, label=label)
    _radians(axes)
    axes.set_ylabel("y")
    _name_below(axes)
    return figure


def plot_loss(history: Mapping[str, Array], *, first: int = 1) -> Figure:
    """Draw the loss by epoch.

    Args:
        history: [epochs] by Keras' names; "loss" and "val_loss" are drawn.
        first: the epoch to begin with, counted from 1; the steep beginning hides what comes after.
    Raises:
        ConfigError: there is no such epoch.
    """
    return _by_epoch(history, "loss", "Loss", "loss", first)


def plot_mae(history: Mapping[str, Array], *, first: int = 1) -> Figure:
    """Draw the mean absolute error by epoch; arguments as for `plot_loss`."""
    return _by_epoch(history, "mae", "Mean absolute error", "mean absolute error", first)


def plot_accuracy(history: Mapping[str, Array], *, first: int = 1) -> Figure:
    """Draw the share of right classes by epoch; arguments as for `plot_loss`."""
    return _by_epoch(history, "accuracy", "Accuracy", "share of right classes", first)


def plot_confusion(confusion: Sequence[Sequence[int]], *, title: str) -> Figure:
    """Draw a confusion matrix, each cell with its number.

    Args:
        confusion: counts, [label][class].
        title: what the picture shows.
    """
    counts = np.asarray(confusion)
    figure, axes = _figure(title)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    for label, row in enumerate(counts):
        for found, count in enumerate(row):
            if count:
                ink = "white" if share[label, found] > 0.5 else INK
                axes.text(found, label, f"{count:,}", ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(len(counts)))
    axes.set_yticks(range(len(counts)))
    axes.grid(visible=False)
    axes.set_xlabel("read as")
    axes.set_ylabel("written")
    return figure


def plot_pictures(pictures: Array, captions: Sequence[str], *, title: str) -> Figure:
    """Draw small grey pictures side by side, a caption below each.

    Args:
        pictures: [n, rows, columns], 0 (paper) to 1 (ink).
        captions: n of them.
        title: what the picture shows.
    """
    figure, axes = _figure(title)
    axes.axis("off")
    columns = 8
    rows = max(-(-len(captions) // columns), 1)
    figure.set_size_inches(SIZE_INCHES[0], 0.6 + 1.05 * rows)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(number, columns)
        inset = axes.inset_axes((column / columns, 1.0 - (row + 0.86) / rows, 0.8 / columns, 0.8 / rows))
        inset.imshow(picture, cmap="Greys", vmin=0.0, vmax=1.0)
        inset.set_xticks([])
        inset.set_yticks([])
        inset.set_xlabel(caption, fontsize=7, color=INK)
    return figure


def plot_predictions(
    x: Array,
    y: Array,
    prediction_x: Array,
    predictions: Mapping[str, Array],
    *,
    title: str = "Predictions against the data",
) -> Figure:
    """Draw what networks predict over the data and the sine.

    Args:
        x, y: [n], the data.
        prediction_x: [m], radians, in any order.
        predictions: [m] by name of the network; at most four.
        title: what the picture shows.
    """
    figure, axes = _figure(title)
    axes.scatter(x, y, s=11, color=SOFT, alpha=0.35, linewidths=0, label=f"{len(x):,} samples")
    ends: dict[str, tuple[float, str]] = {}
    order = np.argsort(prediction_x)
    looks = zip((WRONG, DEVICE, GOOD, SECOND), ("--", "-", ":", "-."), strict=True)
    for (name, values), (color, style) in zip(predictions.items(), looks, strict=False):
        axes.plot(prediction_x[order], values[order], color=color, linestyle=style, linewidth=2.2, label=name)
        ends[name] = (float(values[order][-1]), color)
    axes.plot(*_sine(), **SINE)
    ends["sin(x)"] = (0.0, TRUTH)
    _radians(axes)
    axes.set_ylabel("y")
    _name_at_the_end(axes, ends)
    _name_below(axes, only="samples")
    return figure


def plot_comparison(
    series: Mapping[str, tuple[Array, Array]], *, title: str = "The same network in each of its forms"
) -> Figure:
    """Draw outputs against the sine, and below, magnified, how far each is from it.

    Args:
        series: (x in radians, output) by name, the most exact first; at most three.
        title: what the picture shows.
    """
    figure, (above, below) = _figures(title, heights=(3, 2))
    looks: tuple[dict[str, Any], ...] = (
        {"color": FLOAT, "linewidth": 5.0, "alpha": 0.6},
        {"color": REFERENCE, "linewidth": 2.0},
        {"color": DEVICE, "linestyle": "none", "marker": "o", "markersize": 3.4, "markerfacecolor": "none"},
    )
    for (name, (x, values)), look in zip(series.items(), looks, strict=False):
        order = np.argsort(x)
        ordered_x, ordered = np.asarray(x, np.float64)[order], np.asarray(values, np.float64)[order]
        error = ordered - np.sin(ordered_x)
        mean = float(np.mean(np.abs(error)))
        above.plot(ordered_x, ordered, label=f"{name} (mean absolute error {mean:.4f})", **look)
        below.plot(ordered_x, error, **look)
    above.plot(*_sine(), **SINE)
    below.axhline(0.0, **(SINE | {"label": "_"}))
    above.set_ylabel("output")
    below.set_ylabel("error, output - sin(x)")
    _one_above_the_other((above, below))
    _name_below(above)
    return figure


def plot_device(
    x: Array, device: Array, reference: Array, *, step: float, title: str = "The device's answers"
) -> Figure:
    """Draw the device's answers, the device minus the reference, and the errors of both against the sine.

    The panels are those of the report.

    Args:
        x: [n], radians, in any order.
        device: [n], what the device answered.
        reference: [n], what it should have answered.
        step: what one code stands for.
        title: what the picture shows.
    """
    order = np.argsort(x)
    x, device, reference = (np.asarray(values, np.float64)[order] for values in (x, device, reference))
    codes = np.rint((device - reference) / step)
    wrong = codes != 0
    figure, (above, middle, below) = _figures(title, heights=(4, 2, 3))
    line: dict[str, Any] = {"color": REFERENCE, "linewidth": 4.5, "alpha": 0.8}
    dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3.0}
    above.plot(x, reference, label="reference", **line)
    above.plot(*_sine(), **SINE)
    above.plot(x[~wrong], device[~wrong], color=DEVICE, label="device, equal", **(dots | {"markersize": 2.0}))
    if wrong.any():
        above.plot(x[wrong], device[wrong], color=WRONG, label="device, wrong", **(dots | {"marker": "x"}))
        middle.vlines(x[wrong], 0.0, codes[wrong], color=WRONG, linewidth=1.4)
    middle.plot(x[~wrong], codes[~wrong], color=DEVICE, **dots)
    middle.plot(x[wrong], codes[wrong], color=WRONG, **(dots | {"marker": "x"}))
    most = max(1.0, float(np.max(np.abs(codes), initial=0.0)))
    middle.set_ylim(-1.3 * most, 1.3 * most)
    middle.set_yticks([-most, 0, most], [f"{-most:+.0f}", "0", f"{most:+.0f}"])
    _remark(middle, f"{int((~wrong).sum())} of {len(x)} answers equal")
    truth = np.sin(x)
    below.plot(x, reference - truth, **line)
    below.plot(x, device - truth, color=DEVICE, **dots)
    below.axhline(0.0, **(SINE | {"label": "_"}))
    worst = int(np.argmax(np.abs(device - truth)))
    _remark(below, f"largest error {device[worst] - truth[worst]:+.4f}, at x = {x[worst]:.2f}")
    ring = dots | {"markersize": 9.0, "markerfacecolor": "none"}
    below.plot(x[worst], device[worst] - truth[worst], color=INK, **ring)
    above.set_ylabel("output")
    middle.set_ylabel("device minus\nreference, codes")
    below.set_ylabel("error,\noutput - sin(x)")
    _one_above_the_other((above, middle, below))
    figure.align_ylabels()
    _name_below(above)
    return figure


def plot_led(seconds: Array, duty: Array) -> Figure:
    """Draw the LED's duty cycle against time.

    Args:
        seconds: [n], increasing.
        duty: [n], 0 (dark) to 1 (full on); it holds until the next point.
    """
    figure, axes = _figure("LED brightness of the idle demo")
    axes.fill_between(
        seconds, 0.0, 100.0 * np.asarray(duty), step="post", color=REFERENCE, alpha=0.25, linewidth=0
    )
    axes.step(seconds, 100.0 * np.asarray(duty), where="post", color=WRONG, linewidth=1.6, label="LED")
    axes.set_ylim(-3, 103)
    axes.margins(x=0.01)
    axes.set_xlabel("time in s")
    axes.set_ylabel("duty cycle in %")
    return figure


def save_png(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as PNG, 150 dots an inch; an old file is replaced only by a complete new one.

    Raises:
        ConfigError: the file cannot be written; fact `file`.
    """
    target = Path(path)
    temporary = draft_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary, format="png", dpi=DPI)
        temporary.replace(target)
    except OSError as error:
        raise unwritable(target, error, hint="name another file") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return target


def _by_epoch(history: Mapping[str, Array], key: str, name: str, quantity: str, first: int) -> Figure:
    train, validation = history[key], history[f"val_{key}"]
    if not 1 <= first <= len(train):
        raise ConfigError(
            f"first cannot be {first}", hint=f"use an epoch from 1 to {len(train)}", key="first", allowed=None
        )
    figure, axes = _figure(f"{name} by epoch" if first == 1 else f"{name} by epoch, from epoch {first}")
    epochs = np.arange(first, len(train) + 1)
    marker: dict[str, Any] = {"marker": "o"} if len(epochs) < 12 else {}
    axes.plot(epochs, validation[first - 1 :], color=REFERENCE, linewidth=1.1, label="validation", **marker)
    axes.plot(epochs, train[first - 1 :], color=DEVICE, linewidth=1.8, label="training", **marker)
    axes.set_xlabel("epoch")
    axes.set_ylabel(quantity)
    axes.margins(x=0.01)
    if first == 1:
        axes.set_ylim(bottom=0.0)
    _name_at_the_end(
        axes, {"training": (float(train[-1]), DEVICE), "validation": (float(validation[-1]), REFERENCE)}
    )
    return figure


def _sine() -> tuple[Array, Array]:
    x = np.linspace(0.0, 2.0 * math.pi, 400)
    return x, np.sin(x)


def _figure(title: str) -> tuple[Figure, Axes]:
    figure, axes = _figures(title, heights=(1,))
    return figure, axes[0]


def _figures(title: str, *, heights: tuple[int, ...]) -> tuple[Figure, list[Axes]]:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - heavy, and an extra
    except ImportError as error:
        raise ConfigError(
            "figures need matplotlib, which is not installed",
            hint='pip install "tinysine[train]"',
            key="matplotlib",
            allowed=None,
        ) from error

    rows = len(heights)
    height = SIZE_INCHES[1] * (1.0, 1.4, 1.7)[rows - 1]
    figure = Figure(figsize=(SIZE_INCHES[0], height))
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    rooms = figure.subplots(rows, 1, squeeze=False, height_ratios=heights)[:, 0]
    rooms[0].set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold", pad=10)
    for axes in rooms:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(SOFT)
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, list(rooms)


def _radians(axes: Axes) -> None:
    axes.set_xlim(-0.1, 2.0 * math.pi + 0.1)
    axes.set_xticks([quarter * math.pi / 2.0 for quarter in range(5)], ["0", "π/2", "π", "3π/2", "2π"])
    axes.set_xlabel("x in rad")


def _one_above_the_other(panels: Sequence[Axes]) -> None:
    """Give panels the same x, and its name to the lowest alone."""
    for axes in panels:
        _radians(axes)
    for axes in panels[:-1]:
        axes.set_xlabel("")
        axes.tick_params(labelbottom=False)


def _remark(axes: Axes, text: str) -> None:
    """Write a finding above a panel."""
    axes.set_title(text, loc="right", fontsize=9, color=INK, pad=3)


def _name_at_the_end(axes: Axes, ends: Mapping[str, tuple[float, str]]) -> None:
    """Write the name of each curve beside its end, in its colour, names apart where ends lie close.

    Args:
        axes: drawn, with its limits.
        ends: y of the end and colour, by name.
    """
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    gap, at = 0.065 * (high - low), -math.inf
    for name, (y, color) in sorted(ends.items(), key=lambda end: end[1][0]):
        at = max(y, at + gap)
        axes.annotate(
            name,
            (1.012, at),
            xycoords=("axes fraction", "data"),
            color=color,
            fontsize=9,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )


def _name_below(axes: Axes, *, only: str = "") -> None:
    """Name what is drawn below the picture, where nothing is drawn.

    Args:
        only: a part of the names that are meant.
    """
    figure = axes.figure
    named = [
        (handle, label)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        if only in label
    ]
    handles, labels = zip(*named, strict=True)
    columns = 4 if max(map(len, labels)) < 24 else 2
    figure.legend(handles, labels, frameon=False, fontsize=9, loc="outside lower left", ncols=columns)
