"""docs/adding-a-board.md, done literally: its files are written, its commands typed, and the new board passes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-board.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"[Tt]his is `([\w./-]+)`")


def steps() -> list[tuple[str, str, str]]:
    """The page's blocks in order: language, text, and for a file the name that the words before it give."""
    page = PAGE.read_text(encoding="utf-8")
    found, last = [], 0
    for block in BLOCK.finditer(page):
        names = NAMED.findall(page[last : block.start()])
        found.append((block[1], block[2], names[-1] if names else ""))
        last = block.end()
    return found


def test_every_file_of_the_page_has_a_name() -> None:
    """Two board files and some commands: a test that found nothing to do would pass."""
    files = [name for language, _, name in steps() if language == "toml"]
    assert files == ["my-boards/petrel.toml", "my-boards/petrel-half.toml"]
    commands = "".join(text for language, text, _ in steps() if language == "sh")
    for command in ("tinysine build", "tinysine verify", "pytest hil_tests", "export TINYSINE_BOARDS"):
        assert command in commands


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a newcomer's folder: a checkout, a model, and tinysine installed."""
    for name in ("hil_tests", "conftest.py", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "model.tflite").symlink_to(ROOT / "tinysine" / "model" / "reference" / "sine_int8.tflite")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("tinysine", "pytest"):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {name} "$@"\n')
        (programs / name).chmod(0o755)
    return tmp_path


def follow(desk: Path, *, suite: str) -> str:
    """Do everything that the page says, in one shell. Gives what was printed.

    Args:
        desk: where.
        suite: which tests of the suite are enough, as for `pytest -k`; "" for all.
    """
    script = ["set -eu"]
    for number, (language, text, name) in enumerate(steps()):
        if language == "toml":
            (desk / f"block-{number}").write_text(text, encoding="utf-8")
            script.append(f"cp block-{number} {name}")
        elif language == "sh":
            script.append(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TINYSINE_", "PYTEST"))}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=desk,
        env=kept
        | {
            "PATH": f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTEST_ADDOPTS": f"-p no:cacheprovider --benchmark-disable {f'-k {suite}' if suite else ''}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def check(desk: Path, printed: str) -> None:
    """Check the promises of the page."""
    assert re.search(r"^petrel +Petrel +nrf52840 +cortex-m4 +64 +emulated$", printed, re.MULTILINE)
    assert "on petrel (emulated): 256 of 256 outputs equal to litert" in printed
    assert "on petrel-half (emulated): 256 of 256 outputs equal to litert" in printed
    assert (desk / "petrel-build" / "petrel.bin").exists()
    evidence = json.loads((desk / "petrel.json").read_text())
    assert (evidence["verdict"], evidence["board"]["name"]) == ("pass", "petrel")
    assert "tinysine: board petrel (from --tinysine-board)" in printed


@pytest.mark.long
def test_the_page_adds_a_board(desk: Path) -> None:
    """Listed, built, booted on its own pins, all 256 outputs equal, and found by the suite."""
    check(desk, follow(desk, suite="test_identity"))


@pytest.mark.slow
def test_the_new_board_passes_the_whole_suite(desk: Path) -> None:
    """As the page says, with nothing left out."""
    check(desk, follow(desk, suite=""))


def test_the_pages_links_lead_somewhere() -> None:
    """Every relative link of the page exists, its anchor too."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGE.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (PAGE.parent / path).resolve()
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
