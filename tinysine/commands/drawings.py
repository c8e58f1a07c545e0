"""Figures drawn beside other work, each as soon as what it shows is there."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, wait
from pathlib import Path
from typing import TYPE_CHECKING

from tinysine.commands.results_folder import PLOTS_FOLDER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures = Callable[[], Mapping[str, "Figure"]]
"""A function that draws figures; by file name without its ending."""


class Drawings:
    """Figures on their way into a folder of results."""

    def __init__(self, worker: Executor, folder: Path, *, wanted: bool) -> None:
        """Remember where figures go.

        Args:
            worker: draws them, in one thread: matplotlib has no locks.
            folder: of the results.
            wanted: False to draw nothing.
        """
        self._worker, self._folder, self._wanted = worker, folder, wanted
        self._imported: list[Future[None]] = []
        self._begun: list[Future[None]] = []

    def on_epoch(self, epoch: int, epochs: int) -> None:
        """Import matplotlib beside a training, from the end of its first epoch to the end of its last.

        Not sooner, as TensorFlow's import hides matplotlib. Not later: matplotlib parses Python as it is imported, as
        does TensorFlow around the epochs, and CPython 3.11 fails where two threads parse at once ("AST constructor
        recursion depth mismatch").
        """
        if self._wanted and epoch == 1:
            self._imported.append(self._worker.submit(_import))
        if epoch == epochs:
            wait(self._imported)  # what it raised is raised again by the first drawing

    def begin(self, figures: Figures) -> None:
        """Let the worker draw figures, after those that it was given before."""
        if self._wanted:
            self._begun.append(self._worker.submit(_save, figures, self._folder))

    def finish(self) -> None:
        """Wait for all of them.

        Raises:
            Exception: whatever matplotlib raised first.
        """
        for drawing in self._begun:
            drawing.result()


def _import() -> None:
    from tinysine.plots import into_files  # noqa: PLC0415

    with into_files():
        importlib.import_module("matplotlib.figure")


def _save(figures: Figures, folder: Path) -> None:
    from tinysine.plots import into_files, save_png  # noqa: PLC0415

    with into_files():
        for name, figure in figures().items():
            save_png(figure, folder / PLOTS_FOLDER / f"{name}.png")
