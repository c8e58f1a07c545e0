"""`--optimize table`: what is refused, and how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinysine.model import REFERENCE_MODEL
from trust.operators.dense_chain import random_network


def test_the_command_line_refuses_in_one_line(cli: Callable[..., Any], tmp_path: Path) -> None:
    """Exit code 2, and a hint that works; an engine of others has no table, either."""
    model = tmp_path / "two.tflite"
    model.write_bytes(random_network(np.random.default_rng(3), widths=[2, 3]))
    ended = cli("build", model, "--optimize", "table", "--board", "host")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: cannot make a table of all answers: the input of the model is 2 values, not one of 8 bits."
        " try: --optimize speed\n"
    )
    ended = cli("build", REFERENCE_MODEL, "--optimize", "table", "--engine", "bakenn", "--reference", "tflm")
    assert ended.code == 2
    assert "a table is of the generated engine. try: --optimize speed" in ended.err
