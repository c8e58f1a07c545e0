"""Engines compiled for this computer, and asked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.codegen import generate
from tinysine.model import Model
from tinysine.quantization import Rounding

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("engine_runner.c")
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")
# Undefined behaviour stops the runner with a signal; no runtime library is needed for it.
UNDEFINED = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
ADDRESS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

RunEngine = Callable[..., NDArray[Any]]


@pytest.fixture
def run_engine(tmp_path: Path) -> RunEngine:
    """Compile the engine of a model, with sanitizers, and give back its outputs for the given inputs."""

    def run(
        model: Model,
        inputs: NDArray[Any],
        *,
        rounding: Rounding,
        core: str,
        optimize: str = "speed",
        prune: bool = False,
        address_sanitizer: bool = False,
    ) -> NDArray[Any]:
        engine = generate(model, rounding=rounding, optimize=optimize, core=core, prune=prune)
        source = tmp_path / "engine.c"
        runner = tmp_path / "runner"
        source.write_text(engine.source)
        include = (f"-I{ROOT / 'firmware'}", f"-I{ROOT / 'firmware' / 'include'}")
        sanitizers = ADDRESS if address_sanitizer else UNDEFINED
        command = ["gcc", "-O1", *WARNINGS, *sanitizers, *include, "-o", runner, source, RUNNER]
        built = subprocess.run(command, check=False, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
        ran = subprocess.run([runner], input=inputs.tobytes(), check=False, capture_output=True, timeout=60)
        assert ran.returncode == 0, (ran.returncode, ran.stderr.decode())
        return np.frombuffer(ran.stdout, model.output.dtype).reshape(len(inputs), model.output.count)

    return run
