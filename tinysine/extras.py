"""Packages that tinysine uses: what each is for, and the extra of `pip install` that brings it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A package of others.

    Attributes:
        name: on PyPI.
        module: that it brings.
        need: what it is for.
        extra: that brings it; "" for one that is installed with tinysine.
    """

    name: str
    module: str
    need: str
    extra: str = ""

    @property
    def install(self) -> str:
        """The command that installs it, as a person types it."""
        return f'pip install "tinysine[{self.extra}]"' if self.extra else f"pip install {self.name}"


PACKAGES = (
    Package("ai-edge-litert", "ai_edge_litert", "the reference interpreter"),
    Package("pyserial", "serial", "serial ports"),
    Package("unicorn", "unicorn", "emulated boards"),
    Package("ziglang", "ziglang", "a C compiler, where there is no GCC"),
    Package("tensorflow", "tensorflow", "train, convert, run", "train"),
    Package("matplotlib", "matplotlib", "plots", "train"),
    Package("scikit-learn", "sklearn", "the example of handwritten digits", "train"),
    Package("tflite-micro", "tflite_micro", "the second reference", "tflm"),
    Package("bakenn", "bakenn", "the engines bakenn and bakenn-cmsis-nn", "engines"),
    Package("jupyterlab", "jupyterlab", "the tutorial as a notebook", "notebook"),
    Package("pytest", "pytest", "hardware-in-the-loop tests"),
)


def package_of(module: str) -> Package | None:
    """Return the package that brings a module; None for one that is not listed."""
    top = module.partition(".")[0]
    return next((package for package in PACKAGES if package.module == top), None)


def is_installed(module: str) -> bool:
    """Tell whether a package's top module can be imported, without importing it, which may take seconds."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # another module was put in its place
        return True
