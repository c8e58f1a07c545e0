"""The least arena: the search itself, and with an engine that starts with no less than it needs."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tinysine.boards import Board, load_board
from tinysine.errors import BuildError, ConfigError
from tinysine.evidence import to_document
from tinysine.image import BuildOptions, Image, build_image, read_engine
from tinysine.model import REFERENCE_MODEL, Model, read_model
from tinysine.verify import arena_search, build_firmware, builds, verify
from tinysine.verify.arena_search import GRAIN_BYTES, least

DENSE = Path(__file__).parents[1] / "cases" / "engines" / "dense"
CHECK = "dense_buffer(4) <= (int8_t *)TS_ARENA + TS_ARENA_BYTES ? TS_OK : TS_ENGINE"
STARTS = f"    return {CHECK}"


@pytest.mark.parametrize(
    "needed", [1, 4, 5, 1020, 1023, 1024, 1025, 1412, 2047, 2048, 2049, 65535, 65536, 70000]
)
def test_least_is_the_smallest_that_does(needed: int) -> None:
    """Up to a whole word, and never more than what is known to do; each size is asked about once."""
    asked: list[int] = []

    def suffices(arena_bytes: int) -> bool:
        asked.append(arena_bytes)
        return arena_bytes >= needed

    found = least(suffices, enough=70000)
    assert found == min(-(-needed // GRAIN_BYTES) * GRAIN_BYTES, 70000)
    assert len(asked) == len(set(asked))
    assert len(asked) < 25


def test_least_is_what_is_known_where_nothing_less_does() -> None:
    """An odd number, too."""
    assert least(lambda _bytes: False, enough=1001) == 1001
    assert least(lambda arena: arena >= 9, enough=10) == 10


def test_a_search_tells_which_build_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen builds of a large library take minutes: each is told before it begins."""
    told: list[tuple[int, int, str]] = []
    monkeypatch.setattr(arena_search, "cache_folder", lambda _name: tmp_path)
    monkeypatch.setattr(
        arena_search._Search,
        "_built",
        lambda _self, arena: SimpleNamespace(arena_bytes=arena, build_id=b"1"),
    )
    monkeypatch.setattr(
        arena_search._Search,
        "_answers",
        lambda _self, _rig, image: b"right" if image.arena_bytes >= 1412 else None,
    )
    model, chosen = read_model(REFERENCE_MODEL), read_engine(engine(tmp_path))
    found = arena_search.with_least_arena(
        model,
        load_board("host"),
        BuildOptions(),
        chosen,
        timeout_s=1.0,
        on_progress=lambda *progress: told.append(progress),
    )
    assert found.arena_bytes == 1412
    assert [note for _steps, _done, note in told[:2]] == [
        "build 1, with an arena of 1,024 B",
        "build 2, with an arena of 2,048 B",
    ]
    assert [done for _steps, done, _note in told] == list(range(len(told)))
    assert all(done < steps for steps, done, _note in told)


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (ConfigError("the engine mine does not compile: engine.c:3:1: error: negative", key="sources"), True),
        (BuildError("cc failed with exit code 1: undefined reference to `too_small'", exit_code=1), True),
        (
            BuildError(
                "cc failed: no space left on device", hint="free some, or write elsewhere", exit_code=1
            ),
            False,
        ),
        (BuildError("cc was killed by SIGKILL", exit_code=-9), False),
        (BuildError("cc was still running after 120 s", exit_code=None), False),
        (ConfigError("the cache cannot be written"), False),
    ],
)
def test_a_build_that_the_computer_fails_is_no_arena_too_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BuildError | ConfigError, refused: bool
) -> None:
    """An engine may refuse to be compiled with so little; what a full disk leaves is not remembered."""

    def build(_self: object, arena: int) -> SimpleNamespace:
        if arena == 1024:
            raise error
        return SimpleNamespace(arena_bytes=arena, build_id=b"1")

    monkeypatch.setattr(arena_search, "cache_folder", lambda _name: tmp_path)
    monkeypatch.setattr(arena_search._Search, "_built", build)
    monkeypatch.setattr(arena_search._Search, "_answers", lambda *_arguments: b"right")

    def settled() -> int | None:
        model, chosen = read_model(REFERENCE_MODEL), read_engine(engine(tmp_path))
        return arena_search.with_least_arena(
            model, load_board("host"), BuildOptions(), chosen, timeout_s=1.0
        ).arena_bytes

    if refused:
        assert settled() == 1028
        return
    with pytest.raises(type(error)):
        settled()
    assert list(tmp_path.glob("*.json")) == []


def engine(folder: Path, needed: int | None = None) -> Path:
    """The dense engine with its arena to be searched; needed: bytes below which it refuses to start."""
    made = shutil.copytree(DENSE, folder / "engine")
    text = (made / "engine.toml").read_text()
    assert "arena_bytes = 256" in text
    (made / "engine.toml").write_text(text.replace("arena_bytes = 256", 'arena_bytes = "search"'))
    source = (made / "engine.c").read_text()
    assert STARTS in source
    if needed is not None:
        refusal = f"    if (TS_ARENA_BYTES < {needed}) {{\n        return TS_ENGINE;\n    }}\n"
        told = "    ts_arena_told_bytes = 77;\n"
        (made / "engine.c").write_text(source.replace(STARTS, told + refusal + STARTS))
    return made


@pytest.mark.long
def test_the_least_arena_is_found_and_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence names it; a second time nothing is tried."""
    monkeypatch.setattr(arena_search, "_FIRST_BYTES", 256)  # fewer builds
    folder = engine(tmp_path, needed=301)
    built: list[int] = []

    def build(model: Model, board: Board, options: BuildOptions, **more: Any) -> Image:
        assert options.engine is not None
        assert options.engine.arena_bytes is not None
        built.append(options.engine.arena_bytes)
        return build_image(model, board, options, **more)

    for module in (arena_search, builds):
        monkeypatch.setattr(module, "build_image", build)
    evidence = verify(
        REFERENCE_MODEL, board=load_board("host"), options=BuildOptions(engine=read_engine(folder))
    )
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.memory is not None
    assert (evidence.memory.arena_bytes, evidence.memory.arena_least_bytes) == (304, 304)
    assert to_document(evidence)["memory"]["arena_least_bytes"] == 304
    built.clear()
    verify(REFERENCE_MODEL, board=load_board("host"), options=BuildOptions(engine=read_engine(folder)))
    assert len(built) == 2  # the roomy one names the entry, the other is the result


@pytest.mark.long
def test_the_three_figures_on_an_emulated_board(tmp_path: Path) -> None:
    """The engine's own, the least that starts, the painted mark: 32 bytes are written below 300."""
    evidence = verify(
        REFERENCE_MODEL,
        board=load_board("nano33ble-sense"),
        options=BuildOptions(engine=read_engine(engine(tmp_path, needed=300))),
    )
    assert evidence.verdict == "pass", evidence.findings
    memory = evidence.memory
    assert memory is not None
    assert (memory.arena_told_bytes, memory.arena_least_bytes) == (77, 300)
    assert 0 < memory.arena_high_water_bytes < 300


@pytest.mark.long
def test_an_engine_that_starts_with_none_is_judged_with_the_most(tmp_path: Path) -> None:
    """And its own failure is told, not one of the search."""
    evidence = verify(
        REFERENCE_MODEL,
        board=load_board("host"),
        options=BuildOptions(engine=read_engine(engine(tmp_path, needed=1 << 30))),
    )
    assert evidence.exit_code == 1
    assert "the engine refused or failed" in str(evidence.findings[0])


@pytest.mark.long
def test_writing_beyond_the_arena_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine never checks that its four buffers of 16 bytes fit; the guards behind the arena tell."""
    monkeypatch.setattr(arena_search, "_FIRST_BYTES", 16)
    folder = engine(tmp_path)
    (folder / "engine.c").write_text((folder / "engine.c").read_text().replace(CHECK, "TS_OK"))
    evidence = verify(
        REFERENCE_MODEL, board=load_board("host"), options=BuildOptions(engine=read_engine(folder))
    )
    assert evidence.verdict == "pass", evidence.findings
    assert evidence.memory is not None
    assert (evidence.memory.arena_least_bytes, evidence.memory.arena_high_water_bytes) == (64, 64)


def test_a_board_without_a_twin_cannot_be_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and what to write instead."""

    def refuse(_board: object) -> None:
        raise ConfigError("it has no emulated twin", key="port")

    monkeypatch.setattr(arena_search, "require_stand_in", refuse)
    monkeypatch.setattr(arena_search, "_remembered", lambda _entry: None)
    from tinysine.graph import read_judged

    with pytest.raises(
        ConfigError, match="leaves its arena to be searched: it has no emulated twin"
    ) as caught:
        build_firmware(
            read_judged(REFERENCE_MODEL, own=False),
            load_board("host"),
            BuildOptions(engine=read_engine(engine(tmp_path, 300))),
        )
    assert "in place of" in caught.value.hint
    assert caught.value.exit_code == 2
