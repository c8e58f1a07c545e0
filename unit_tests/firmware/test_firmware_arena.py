"""The arena's high-water mark, and the guards beside an arena that the build has given."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parent.parent / "firmware"
GUARD, GIVEN = 32, 64


@pytest.fixture
def arena(host_cc: Any, tmp_path: Path) -> Callable[..., ctypes.CDLL]:
    """Compiles the measuring for an engine that says where its arena is: `at` of the given one, so many bytes."""

    def compiled(*, at: int = 0, length: int = GIVEN) -> ctypes.CDLL:
        (tmp_path / "config.h").write_text(f"#define TS_ARENA_GUARD_BYTES {GUARD}\n")
        library = tmp_path / f"arena_{at}_{length}.so"
        files = (FIRMWARE / "app" / "arena.c", HERE / "arena_given.c")
        options = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC")
        include = (f"-I{tmp_path}", f"-I{FIRMWARE / 'include'}")
        host_cc(*options, f"-DARENA_AT={at}", f"-DARENA_BYTES={length}", *include, *files, "-o", library)
        loaded = ctypes.CDLL(str(library))
        loaded.look.restype = ctypes.c_uint8
        loaded.ts_arena_high_water.restype = ctypes.c_uint32
        loaded.ts_arena_paint()
        return loaded

    return compiled


@pytest.mark.parametrize("length", [GIVEN, GIVEN - 1, 1])
def test_what_was_written_is_used(arena: Callable[..., ctypes.CDLL], length: int) -> None:
    """The last byte that was written decides, in an arena of any size up to what was given."""
    loaded = arena(length=length)
    assert loaded.ts_arena_high_water() == 0
    loaded.scribble(0, 1)
    assert loaded.ts_arena_high_water() == 1
    loaded.scribble(length - 1, 1)
    assert loaded.ts_arena_high_water() == length


@pytest.mark.parametrize("length", [GIVEN, GIVEN - 1])
@pytest.mark.parametrize("offset", [-1, -GUARD, 0, GUARD - 1])
def test_a_damaged_guard_is_more_than_there_is(
    arena: Callable[..., ctypes.CDLL], length: int, offset: int
) -> None:
    """On either side, at either end of the guard."""
    loaded = arena(length=length)
    loaded.scribble(offset if offset < 0 else length + offset, 1)
    assert loaded.ts_arena_high_water() > length


def test_guards_are_painted_and_nothing_else(arena: Callable[..., ctypes.CDLL]) -> None:
    """Bytes beside the guards are not painted."""
    loaded = arena()
    assert loaded.look(-GUARD) == loaded.look(GIVEN + GUARD - 1) == 0x5A
    assert loaded.look(-GUARD - 1) == loaded.look(GIVEN + GUARD) == 0


@pytest.mark.parametrize(("at", "length"), [(0, GIVEN + 1), (1, GIVEN - 1)])
def test_another_arena_has_no_guards(arena: Callable[..., ctypes.CDLL], at: int, length: int) -> None:
    """Nobody knows what lies beside an arena that the build did not give, or that is said to be larger."""
    loaded = arena(at=at, length=length)
    assert loaded.look(at - 1) == loaded.look(at + length) == 0
    assert loaded.look(at) == loaded.look(at + length - 1) == 0x5A
    loaded.scribble(at + length, 1)
    assert loaded.ts_arena_high_water() == 0
