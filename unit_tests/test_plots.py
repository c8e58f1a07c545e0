"""Figures: what is drawn is what was given, labelled with units, without any global state."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinysine import plots
from tinysine.errors import ConfigError

X = np.linspace(0.0, 6.28, 50, dtype=np.float32)
Y = np.sin(X)
LOSS = np.linspace(0.4, 0.1, 80)
HISTORY = {name: LOSS + 0.01 * name.startswith("val_") for name in ("loss", "val_loss", "mae", "val_mae")}

FIGURES: dict[str, Callable[[], Any]] = {
    "samples": lambda: plots.plot_samples(X, Y),
    "splits": lambda: plots.plot_splits({"training": (X, Y), "validation": (X, Y), "test": (X, Y)}),
    "loss": lambda: plots.plot_loss(HISTORY),
    "loss_later": lambda: plots.plot_loss(HISTORY, first=51),
    "mae": lambda: plots.plot_mae(HISTORY),
    "predictions": lambda: plots.plot_predictions(X, Y, X, {"model_1": Y, "model_2": Y}),
    "comparison": lambda: plots.plot_comparison({"float": (X, Y), "int8": (X, Y), "device": (X, Y)}),
    "device": lambda: plots.plot_device(X, Y, Y, step=1 / 128),
    "led": lambda: plots.plot_led(X, (Y + 1.0) / 2.0),
}


@pytest.mark.parametrize(
    "name",
    [name if name in ("loss", "led") else pytest.param(name, marks=pytest.mark.long) for name in FIGURES],
)
def test_figure_is_labelled_and_saved(name: str, tmp_path: Path) -> None:
    """Every figure has a title and a quantity at each axis, and becomes a PNG of the promised size."""
    figure = FIGURES[name]()
    first, last = figure.axes[0], figure.axes[-1]
    assert first.get_title(loc="left")
    assert last.get_xlabel()
    assert all(axes.get_ylabel() for axes in figure.axes)
    data = plots.save_png(figure, tmp_path / "deep" / f"{name}.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == tuple(round(side * plots.DPI) for side in figure.get_size_inches())
    assert [path.name for path in (tmp_path / "deep").iterdir()] == [f"{name}.png"]


def _line(axes: Any, label: str) -> Any:
    return next(line for line in axes.lines if line.get_label().startswith(label))


def test_loss_from_a_later_epoch_keeps_its_numbers() -> None:
    """Leaving out the first 50 epochs starts the curve at epoch 51 with epoch 51's value."""
    (axes,) = plots.plot_loss(HISTORY, first=51).axes
    line = _line(axes, "training")
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (51, LOSS[50])
    assert _line(axes, "validation").get_ydata()[-1] == LOSS[-1] + 0.01


@pytest.mark.parametrize("first", [0, 81, -1])
def test_first_epoch_must_exist(first: int) -> None:
    """An epoch that was not trained cannot begin the plot."""
    with pytest.raises(ConfigError, match="first"):
        plots.plot_mae(HISTORY, first=first)


def test_comparison_draws_the_error_and_names_its_mean() -> None:
    """The lower axes show output minus sin(x), whatever the order of the inputs, and the legend its mean."""
    shuffled = np.random.default_rng(0).permutation(len(X))
    x = X[shuffled]
    above, below = plots.plot_comparison({"int8": (x, np.sin(x) + 0.25)}).axes
    np.testing.assert_allclose(below.lines[0].get_ydata(), 0.25, atol=1e-6)
    np.testing.assert_array_equal(_line(above, "int8").get_xdata(), np.sort(x))
    assert _line(above, "int8").get_label() == "int8 (mean absolute error 0.2500)"


def test_device_minus_reference_is_drawn_in_codes() -> None:
    """Of 50 answers two are wrong: both are marked, counted, and drawn as far off as they are."""
    step = 1 / 128
    reference = np.rint(np.sin(X) / step) * step
    device = reference.copy()
    device[7] += 2 * step
    device[30] -= step
    above, middle, _ = plots.plot_device(X, device, reference, step=step).axes
    assert middle.get_title(loc="right") == "48 of 50 answers equal"
    np.testing.assert_array_equal(middle.lines[1].get_ydata(), [2.0, -1.0])
    np.testing.assert_array_equal(_line(above, "device, wrong").get_xdata(), X[[7, 30]].astype(np.float64))
    (_, middle, _) = plots.plot_device(X, reference, reference, step=step).axes
    assert middle.get_title(loc="right") == "50 of 50 answers equal"


def test_curves_have_their_names_beside_their_ends() -> None:
    """In the colour of the curve; names of ends that lie close are moved apart, and no legend covers the data."""
    (axes,) = plots.plot_loss(HISTORY).axes
    names = {text.get_text(): text for text in axes.texts}
    assert {name: text.get_color() for name, text in names.items()} == {
        "training": plots.DEVICE,
        "validation": plots.REFERENCE,
    }
    low, high = axes.get_ylim()
    assert names["validation"].xy[1] - names["training"].xy[1] > 0.06 * (high - low)
    assert axes.get_legend() is None
    assert not axes.figure.legends


def test_colours_are_those_of_the_report() -> None:
    """One palette: what is blue in the report is blue in a picture."""
    style = (Path(plots.__file__).parent / "reports" / "templates" / "style.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style.partition("}")[0]))
    ours = {
        "ink": plots.INK,
        "soft": plots.SOFT,
        "line": plots.LINE,
        "device": plots.DEVICE,
        "reference": plots.REFERENCE,
        "truth": plots.TRUTH,
        "second": plots.SECOND,
        "bad-fill": plots.WRONG,
        "good-fill": plots.GOOD,
    }
    assert {name: light[name] for name in ours} == ours


def test_predictions_are_drawn_in_order_of_x() -> None:
    """Unsorted inputs give a curve, not a scribble."""
    shuffled = np.random.default_rng(0).permutation(len(X))
    (axes,) = plots.plot_predictions(X, Y, X[shuffled], {"model_2": Y[shuffled]}).axes
    np.testing.assert_array_equal(_line(axes, "model_2").get_ydata(), Y)


def test_splits_count_their_samples() -> None:
    """The legend says how many samples each part has and what share that is."""
    (axes,) = plots.plot_splits({"training": (X[:30], Y[:30]), "test": (X[30:], Y[30:])}).axes
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == [
        "training: 30 (60%)",
        "test: 20 (40%)",
    ]


def test_led_is_drawn_in_percent() -> None:
    """A duty of 0.5 is drawn at 50 %."""
    (axes,) = plots.plot_led(np.array([0.0, 1.0]), np.array([0.5, 1.0])).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [50.0, 100.0])


def test_unwritable_png_is_a_config_error_and_replaces_nothing(tmp_path: Path) -> None:
    """A path below a file, or a folder in the way, gives one clear error and leaves no scraps."""
    (tmp_path / "file").write_text("precious")
    (tmp_path / "folder.png").mkdir()
    figure = FIGURES["led"]()
    for target in (tmp_path / "file" / "x.png", tmp_path / "folder.png"):
        with pytest.raises(ConfigError, match="cannot be written"):
            plots.save_png(figure, target)
    assert (tmp_path / "file").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_drawing_touches_no_pyplot() -> None:
    """Importing the module loads no matplotlib; drawing and saving never load pyplot, and need no MPLBACKEND."""
    script = (
        "import os, sys, io, numpy as np\n"
        "from tinysine import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "with plots.into_files():\n"
        "    plots.plot_led(np.arange(3.0), np.ones(3)).savefig(io.BytesIO())\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert os.environ['MPLBACKEND'] == 'nonsense'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "MPLBACKEND": "nonsense"})


def test_missing_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib there is a ConfigError with the command that installs it."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"tinysine\[train\]"):
        FIGURES["led"]()
