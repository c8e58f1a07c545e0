"""Mutants of the link and the application, judged by the firmware's own tests on this computer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from trust.mutants.engines import INVALID

REPOSITORY = Path(__file__).parents[2]
_LONGEST_S = 300
_LIFE, _LINK, _REQUESTS, _NUMBERS = (
    f"test_firmware_{name}.py" for name in ("life", "link", "requests", "numbers")
)
# The tests most likely to notice come first; the others follow.
TESTS = {
    "link/crc32.c": (_LINK, _REQUESTS),
    "link/frame.c": (_LINK, _REQUESTS),
    "link/request.c": (_REQUESTS, _LINK, _LIFE),
    "link/text.c": (_REQUESTS, _LINK, _NUMBERS),
    "link/number.c": (_NUMBERS, _REQUESTS),
    "link/decimal.c": (_NUMBERS, _REQUESTS),
    "app/arena.c": (_REQUESTS, _LIFE),
    "app/stack.c": (_REQUESTS, _LIFE),
    "app/fault.c": (_LIFE, _REQUESTS),
    "app/main.c": (_LIFE, _REQUESTS),
    "app/demo.c": (_LIFE, _REQUESTS),
}
_COPIED = ("firmware", "unit_tests/firmware", "unit_tests/conftest.py", "conftest.py", "pyproject.toml")
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S*?/?(test_\w+\.py::\w+)", re.MULTILINE)
_NOT_COMPILED = re.compile(r"^E .*\berror:", re.MULTILINE)


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


def judge_firmware(file: str, folder: Path) -> str:
    """Name the test that notices a changed file; empty if none does, INVALID if it does not compile.

    Args:
        file: below the firmware folder, a key of TESTS.
        folder: made by `copy_tests`, with the change.
    """
    tests = [f"unit_tests/firmware/{name}" for name in TESTS[file]]
    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--timeout",
        "60",
        "--no-header",
        "--basetemp",
        str(folder / "t"),
    ]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    try:
        ran = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return "a test that does not end"
    if ran.returncode == 0:
        return ""
    if _NOT_COMPILED.search(ran.stdout):
        return INVALID
    found = _FAILED.search(ran.stdout)
    if found is None:
        raise RuntimeError(
            f"{' '.join(command)} failed without a failing test:\n{ran.stdout[-2000:]}{ran.stderr}"
        )
    return found[1]
