"""Many engines in one program for this computer, where sanitizers watch the plain C."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.graph import Network
from tinysine.image.sources import firmware_root
from tinysine.image.tool_run import run_tool
from tinysine.image.toolchain import host_compiler
from tinysine.tensor_values import Values, arrays_of, values_of
from trust.conformance.one_file import one_file

_OPTIONS = ("-std=gnu11", "-O0", "-w", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
RUNNER = Path(__file__).with_name("host_runner.c")


def host_sources(engines: Mapping[str, str], work: Path, *, root: Path | None = None) -> list[str]:
    """Write the program's source; returns the include options and files for a compiler of this computer.

    Args:
        engines: prefix of its names -> generated source.
        work: an empty folder.
        root: the firmware folder.
    """
    root = firmware_root() if root is None else root
    rows = ", ".join(
        f"{{&{name}_engine, {name}_ts_engine_init, {name}_ts_engine_input, {name}_ts_engine_output,"
        f" {name}_ts_engine_invoke}}"
        for name in engines
    )
    table = f"""
struct ts_runner_row {{
    const struct ts_engine *engine;
    int (*init)(void);
    void *(*input)(uint8_t index);
    const void *(*output)(uint8_t index);
    int (*invoke)(void);
}};
extern const struct ts_runner_row ts_runner_rows[];
extern const unsigned ts_runner_count;
const struct ts_runner_row ts_runner_rows[] = {{{rows}}};
const unsigned ts_runner_count = {len(engines)};
"""
    source = work / "engines.c"
    source.write_text(one_file(engines.items(), root=root, apart=False) + table, encoding="utf-8")
    return [f"-I{root}", f"-I{root / 'include'}", str(source), str(RUNNER)]


def build_host(engines: Mapping[str, str], work: Path, *, root: Path | None = None) -> Path:
    """Compile engines for this computer, with sanitizers.

    Args:
        engines, work, root: as for `host_sources`.
    Returns:
        The program.
    Raises:
        BuildError: of the compiler.
    """
    program = work / "engines"
    command = [*host_compiler(), *_OPTIONS, *host_sources(engines, work, root=root), "-o", str(program)]
    run_tool("the host's compiler", command, cwd=work)
    return program


def run_host(
    program: Path, asked: Sequence[tuple[Network, Values]], *, timeout_s: float = 120
) -> list[Values] | str:
    """Ask the engines of a program, in order.

    Args:
        program: compiled from `host_sources`.
        asked: for each engine its model and its inputs, [n, count] of each tensor.
        timeout_s: until all must have answered.
    Returns:
        The answers of each, [n, count] of each tensor; or what the program said when it failed.
    Raises:
        TimeoutExpired: they have not.
    """
    batches = [_rows(arrays_of(inputs)) for _, inputs in asked]
    data = b"".join(struct.pack("=I", len(rows)) + rows.tobytes() for rows in batches)
    ran = subprocess.run([program], input=data, check=False, capture_output=True, timeout=timeout_s)
    if ran.returncode:
        return f"exit code {ran.returncode}: {ran.stderr.decode(errors='replace')}"
    answers, at = [], 0
    for (model, _), rows in zip(asked, batches, strict=True):
        sizes = [tensor.nbytes for tensor in model.outputs]
        got = np.frombuffer(ran.stdout, np.uint8, len(rows) * sum(sizes), at).reshape(len(rows), -1)
        at += got.size
        parts = np.split(got, np.cumsum(sizes)[:-1], axis=1)
        answers.append(
            values_of(
                [
                    np.ascontiguousarray(part).view(tensor.dtype)
                    for part, tensor in zip(parts, model.outputs, strict=True)
                ]
            )
        )
    return answers


def _rows(arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
    """All values of an inference in one row of bytes."""
    return np.concatenate(
        [np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1) for array in arrays], axis=1
    )
