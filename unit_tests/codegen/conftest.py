"""Engines compiled for this computer, and asked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from tinysine.codegen import generate
from tinysine.model import Model
from tinysine.quantization import Rounding

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("engine_runner.c")
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")

RunEngine = Callable[..., NDArray[Any]]


@pytest.fixture
def run_engine(tmp_path: Path, host_cc: Any, lacking: Callable[[str], NoReturn]) -> RunEngine:
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
        if address_sanitizer and not host_cc.finds_addresses:
            lacking("libasan")
        sanitizers = host_cc.sanitizers if address_sanitizer else host_cc.UNDEFINED
        host_cc("-O1", *WARNINGS, *sanitizers, *include, "-o", runner, source, RUNNER)
        ran = subprocess.run([runner], input=inputs.tobytes(), check=False, capture_output=True, timeout=60)
        assert ran.returncode == 0, (ran.returncode, ran.stderr.decode())
        return np.frombuffer(ran.stdout, model.output.dtype).reshape(len(inputs), model.output.count)

    return run
