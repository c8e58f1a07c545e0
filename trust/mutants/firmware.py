"""Mutants of the link, the application and the shared headers, judged by the firmware's own tests on this computer."""

from __future__ import annotations

import contextlib
import io
import itertools
import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from trust.mutants.engines import INVALID

REPOSITORY = Path(__file__).parents[2]
_LONGEST_S = 300
_FORK = multiprocessing.get_context("fork")
OPTIONS = (
    "-x",
    "-q",
    "-W",
    "ignore:Module already imported",
    "-p",
    "no:cacheprovider",
    "--timeout",
    "60",
    "--no-header",
    "--hypothesis-seed",
    "0",
)
_LIFE, _LINK, _REQUESTS, _NUMBERS, _SCRIPT, _ARENA = (
    f"firmware/test_firmware_{name}.py" for name in ("life", "link", "requests", "numbers", "script", "arena")
)
_REQUANTIZE, _REDUCE, _SOFTMAX = (
    f"codegen/test_{name}_in_c.py" for name in ("requantize", "reduce", "softmax")
)
# The tests most likely to notice come first; the others follow.
TESTS = {
    "link/crc32.c": (_LINK, _REQUESTS),
    "link/frame.c": (_LINK, _REQUESTS, _SCRIPT),
    "link/request.c": (_REQUESTS, _LINK, _SCRIPT, _LIFE),
    "link/infer.c": (_REQUESTS, _LINK, _LIFE),
    "link/text.c": (_REQUESTS, _LINK, _NUMBERS),
    "link/number.c": (_NUMBERS, _REQUESTS),
    "link/decimal.c": (_NUMBERS, _REQUESTS),
    "include/tinysine/link.h": (_REQUESTS, _LINK, _LIFE),
    "include/tinysine/status.h": (_REQUESTS, _LINK, _LIFE, _NUMBERS),
    "include/tinysine/fault.h": (_LIFE, _REQUESTS),
    "include/tinysine/engine.h": (_REQUESTS, _LIFE, _NUMBERS),
    "app/arena.c": (_ARENA, _REQUESTS, _SCRIPT, _LIFE),
    "app/stack.c": (_REQUESTS, _SCRIPT, _LIFE),
    "app/fault.c": (_LIFE, _REQUESTS),
    "app/main.c": (_SCRIPT, _LIFE, _REQUESTS),
    "app/demo.c": (_SCRIPT, _REQUESTS, _LIFE),
}
# Of kernels, after the networks that are run on their cores.
KERNEL_TESTS = {
    "engine/plain.h": (_REQUANTIZE,),
    "engine/reduce.h": (_REDUCE,),
    "engine/requantize.h": (_REQUANTIZE,),
    "engine/softmax.h": (_SOFTMAX,),
}
_COPIED = (
    *("firmware", "unit_tests/firmware", "unit_tests/conftest.py", "conftest.py", "pyproject.toml"),
    *(f"unit_tests/codegen/{name}" for name in ("requantize.c", "reduce.c", "softmax.c")),
    *(f"unit_tests/{name}" for name in (_REQUANTIZE, _REDUCE, _SOFTMAX)),
)
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S*?/?(test_\w+\.py::\w+)", re.MULTILINE)
_NOT_COMPILED = re.compile(r"^E .*\.[ch]:\d+:\d+: error:", re.MULTILINE)


def copy_tests(folder: Path) -> Path:
    """Copy the firmware and its tests; returns the copy's firmware folder."""
    for name in _COPIED:
        source, target = REPOSITORY / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder / "firmware"


def import_tests(folder: Path) -> None:
    """Import into this process what the tests need, and themselves: its forks need not, which takes most of their time.

    Args:
        folder: made by `copy_tests`.
    """
    os.environ |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "TINYSINE_TEST_OBJECTS": str(folder / "objects"),
        "TINYSINE_TEST_DEADLINE_S": "3",
    }
    (folder / "objects").mkdir(exist_ok=True)
    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said):
        code = _pytest(
            folder, sorted({*itertools.chain(*TESTS.values(), *KERNEL_TESTS.values())}), "--collect-only"
        )
    if code:
        raise RuntimeError(f"the tests of the firmware cannot be collected:\n{said.getvalue()[-2000:]}")


def judge_firmware(file: str, folder: Path) -> str:
    """Name the test that notices a changed file; empty if none does, INVALID if it does not compile.

    Args:
        file: below the firmware folder, a key of TESTS or of KERNEL_TESTS.
        folder: made by `copy_tests`, with the change; this process has gone through `import_tests` for it.
    """
    said = folder / "said"
    # A fork, which has the modules already: to import them takes longer than the tests.
    process = _FORK.Process(target=_run_tests, args=(folder, TESTS.get(file) or KERNEL_TESTS[file], said))
    process.start()
    process.join(_LONGEST_S)
    if process.is_alive():
        process.kill()
        return "a test that does not end"
    if process.exitcode == 0:
        return ""
    if (process.exitcode or 0) < 0:
        return "a trap for undefined behaviour"  # in a library, which takes the tests along
    text = said.read_text(encoding="utf-8", errors="replace")
    if _NOT_COMPILED.search(text):
        return INVALID
    found = _FAILED.search(text)
    if found is None:
        raise RuntimeError(
            f"the tests of {file} ended with {process.exitcode}, and none failed:\n{text[-2000:]}"
        )
    return found[1]


def _run_tests(folder: Path, names: tuple[str, ...], said: Path) -> None:
    """Run tests until one fails, and end this process with pytest's code."""
    with said.open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    sys.stdout, sys.stderr = (os.fdopen(each, "w") for each in (1, 2))
    os.chdir(folder)
    code = _pytest(folder, names)
    sys.stdout.flush()
    os._exit(code)


def _pytest(folder: Path, names: Iterable[str], *options: str) -> int:
    files = (f"unit_tests/{name}" for name in names)
    return int(pytest.main([*OPTIONS, *options, "--basetemp", str(folder / "t"), *files]))
