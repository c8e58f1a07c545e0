"""docs/adding-an-operator.md, done literally in a copy: its files are written, its commands typed, and all is right."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-an-operator.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"This\s+is\s+`([\w./-]+)`:|The registry (\w+) in\s+`([\w./-]+)`:")
COPIED = ("tinysine", "firmware", "trust", "conftest.py", "pyproject.toml")
TESTS = ("conftest.py", "oracles/test_operators.py")


def steps() -> list[tuple[str, str, str, str]]:
    """The page's blocks in order: language, text, the file that the words before it name, and a registry's name."""
    page = PAGE.read_text(encoding="utf-8")
    found, last = [], 0
    for block in BLOCK.finditer(page):
        names = NAMED.findall(page[last : block.start()])
        file, registry, of_registry = names[-1] if names else ("", "", "")
        found.append((block[1], block[2], file or of_registry, registry))
        last = block.end()
    return found


def test_the_page_has_five_files_and_four_registries() -> None:
    """A test that found nothing to do would pass."""
    files = [file for language, _, file, registry in steps() if language in {"python", "c"} and not registry]
    assert files == [
        "tinysine/graph/operators/maximum.py",
        "tinysine/oracles/integer/maximum.py",
        "trust/operators/maximum.py",
        "firmware/engine/maximum.h",
        "tinysine/codegen/kernels/maximum.py",
    ]
    registries = [registry for language, _, _, registry in steps() if language == "registry"]
    assert registries == ["READERS", "RUNNERS", "DRAWS", "KERNELS"]
    assert len([language for language, *_ in steps() if language == "sh"]) == 2


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository, with what the page writes in it."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    for name in TESTS:
        (tmp_path / "unit_tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "unit_tests" / name, tmp_path / "unit_tests" / name)
    for language, text, file, registry in steps():
        if language == "registry":
            _register(tmp_path / file, registry, text.splitlines())
        elif file:
            assert not (tmp_path / file).exists()
            (tmp_path / file).write_text(text, encoding="utf-8")
    return tmp_path


def _register(file: Path, registry: str, lines: list[str]) -> None:
    """Put an import among the others, and an entry into the registry."""
    text = file.read_text(encoding="utf-8")
    module, entry = lines
    text, imports = re.subn(
        r"(^from [\w.]+ import \($\n)(?=    add,)", rf"\1{module}\n", text, flags=re.MULTILINE
    )
    text, entries = re.subn(rf"(^{registry}: .*= \{{$\n)", rf"\1{entry}\n", text, flags=re.MULTILINE)
    assert (imports, entries) == (1, 1)
    file.write_text(text, encoding="utf-8")


def _run(command: str, folder: Path) -> str:
    words = command.split()
    assert words[0] in {"python", "pytest"}
    begin = (
        [sys.executable]
        if words[0] == "python"
        else [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    )
    ran = subprocess.run(
        [*begin, *words[1:]], cwd=folder, check=False, capture_output=True, text=True, timeout=250
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.long
def test_the_operator_runs_on_this_computer(copy: Path) -> None:
    """Read, computed in integers, generated, compiled under sanitizers, and right."""
    said = _run("python -m trust conformance --networks 0 --graphs 0 --operator MAXIMUM --hosted 3", copy)
    assert re.search(
        r"3 more on this computer from number 0, [1-9][\d,]* output values compared, 0 wrong", said
    )
    assert "| kernel ts_maximum_s8 |" in said


@pytest.mark.long
@pytest.mark.needs("unicorn", "arm-none-eabi-gcc")
def test_all_that_the_page_says_is_done(copy: Path, require: Callable[[str], str]) -> None:
    """Both references agree with its integers, and every core runs its kernel."""
    require("ziglang")
    commands = [text for language, text, _, _ in steps() if language == "sh"]
    assert "4 passed" in _run(commands[0], copy)
    said = _run(commands[1], copy)
    assert "16 operators and graphs from number 0" in said
    (kernel,) = (line for line in said.splitlines() if line.startswith("| kernel ts_maximum_s8"))
    assert [int(cell) for cell in kernel.split("|")[2:-1]] == [2] * 8 + [6]
