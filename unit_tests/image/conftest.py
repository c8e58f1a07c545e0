"""A cache of this session's own, the reference model, and small objects compiled on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tinysine.model
from tinysine.boards import load_board
from tinysine.image.toolchain import compile_command, find_toolchain, run_tool
from tinysine.model import Model, read_model


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's images are kept."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps the user's cache out of the tests, and the tests out of the user's cache."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: session_cache / name)
    return session_cache / "tinysine"


@pytest.fixture(scope="session")
def sine_model() -> Model:
    """The repository's reference model."""
    return read_model(Path(tinysine.model.__file__).parent / "reference" / "sine_int8.tflite")


@pytest.fixture(params=[pytest.param("gcc", marks=pytest.mark.needs("arm-none-eabi-gcc")), "zig"])
def toolchain(request: pytest.FixtureRequest) -> str:
    """Each of the two toolchains."""
    return str(request.param)


@pytest.fixture
def compile_arm(tmp_path: Path, toolchain: str) -> Callable[..., Path]:
    """Compiles a text for the Nano's core."""
    board = load_board("nano33ble-sense")
    tools = find_toolchain(toolchain, board.core)

    def compile_text(text: str, *, name: str = "unit", level: str = "-O1") -> Path:
        source, output = tmp_path / f"{name}.c", tmp_path / f"{name}.o"
        source.write_text(text, encoding="utf-8")
        head = compile_command(tools, board)
        run_tool(tools.name, [*head, level, "-c", str(source), "-o", str(output)], cwd=tmp_path)
        return output

    return compile_text
