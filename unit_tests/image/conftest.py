"""A cache of this session's own images, the reference model, and small objects compiled on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinysine.boards import load_board
from tinysine.image.cache import cache_folder
from tinysine.image.tool_run import environment, run_tool
from tinysine.image.toolchain import compile_command, find_toolchain


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return this session's image cache. Libraries that take long to build are shared: their keys are complete."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "tinysine").mkdir()
    (folder / "tinysine" / "runtime").symlink_to(cache_folder("runtime"), target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def zig_caches() -> dict[str, str]:
    """The variables that give Zig the user's cache, where it keeps the C library that it has built."""
    return {name: value for name, value in environment().items() if name.startswith("ZIG_")}


@pytest.fixture(autouse=True)
def own_cache(session_cache: Path, zig_caches: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps the user's images out of the tests, and the tests' images out of the user's cache."""
    for name, value in zig_caches.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: session_cache / name)
    return session_cache / "tinysine"


@pytest.fixture(params=[pytest.param("gcc", marks=pytest.mark.needs("arm-none-eabi-gcc")), "zig"])
def toolchain(request: pytest.FixtureRequest) -> str:
    """Each of the two toolchains."""
    return str(request.param)


@pytest.fixture
def compile_arm(tmp_path: Path, toolchain: str) -> Callable[..., Path]:
    """Compiles a text for the Nano's core."""
    board = load_board("nano33ble-sense")
    tools = find_toolchain(toolchain, board.core)

    def compile_text(
        text: str, *, name: str = "unit", level: str = "-O1", include: tuple[Path, ...] = ()
    ) -> Path:
        source, output = tmp_path / f"{name}.c", tmp_path / f"{name}.o"
        source.write_text(text, encoding="utf-8")
        head = compile_command(tools, board)
        folders = [f"-I{folder}" for folder in include]
        run_tool(tools.name, [*head, level, *folders, "-c", str(source), "-o", str(output)], cwd=tmp_path)
        return output

    return compile_text
