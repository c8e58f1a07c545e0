"""Engines compiled for this computer, and asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from tinysine.codegen import generate
from tinysine.graph import Network
from tinysine.quantization import Rounding
from trust.conformance.host import host_sources, run_host

WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")

RunEngine = Callable[..., NDArray[Any]]


@pytest.fixture
def run_engine(tmp_path: Path, host_cc: Any) -> RunEngine:
    """Compile the engine of a model, with sanitizers, and give back its outputs for the given inputs."""

    def run(
        model: Network,
        inputs: NDArray[Any],
        *,
        rounding: Rounding,
        core: str,
        optimize: str = "speed",
        prune: bool = False,
    ) -> NDArray[Any]:
        engine = generate(model, rounding=rounding, optimize=optimize, core=core, prune=prune)
        sources = host_sources({"e0": engine.source}, tmp_path)
        runner = tmp_path / "runner"
        host_cc("-O0", *WARNINGS, *host_cc.sanitizers, "-o", runner, *sources)
        answers = run_host(runner, [(model, inputs)])
        assert not isinstance(answers, str), answers
        return answers[0]

    return run
