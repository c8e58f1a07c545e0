"""Boards of a session: those of a bench file, those that were named, or one; and one worker for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from tinysine.errors import ConfigError, unknown_name
from tinysine.place import ANY_PORT, TWIN
from tinysine.pytest_plugin.keys import CHOICES, SEATS
from tinysine.pytest_plugin.paths import path_of
from tinysine.pytest_plugin.settings import Choices, boards_of, is_foreign, places_of
from tinysine.settings import PLACE, PORT

if TYPE_CHECKING:
    from tinysine.bench.bench_file import BenchEntry, BenchFile

NEEDS = "tinysine_needs"
ENTRY = "tinysine_entry"


def asks_bench(choices: Choices) -> bool:
    """Tell whether the boards are those of the bench file, each at its own place.

    A port that was named outdoes a bench file that was named; so does a board that is looked up among those attached.
    """
    if choices["place"].value:
        return True
    port = choices["port"]
    looked_up = port.value == ANY_PORT and choices["board"].source == "default"
    return bool(choices["bench"].value) and (port.source == "default" or looked_up)


def read_seats(config: pytest.Config, choices: Choices) -> Mapping[str, BenchEntry] | None:
    """Read which boards of the bench the session is for, by id, in the order of the file; None without a bench.

    Raises:
        ConfigError: as `read_bench`; two settings say where the board is; or no board of the file is meant.
    """
    if not asks_bench(choices):
        return None
    port, place = choices["port"], choices["place"]
    if place.value and port.value not in ("", ANY_PORT):
        raise ConfigError(
            f"place (from {place.source}) and port (from {port.source}) both say where the board is",
            hint=f"leave out {PORT.option}, or {PLACE.option}",
            key="place",
        )
    bench = read_bench(config, choices)
    entries: Sequence[BenchEntry] = bench.entries
    if ids := places_of(choices):
        entries = [bench.entry(id) for id in ids]
    elif port.value == ANY_PORT:
        entries = [entry for entry in entries if entry.port != TWIN]
    if choices["board"].source != "default":
        entries = [entry for entry in entries if entry.name in boards_of(choices)]
    if not entries:
        named = choices["board"]
        which = f"is {named.value} (from {named.source})" if named.source != "default" else "is attached"
        raise ConfigError(
            f"no board of {bench.file} {which}" if bench.entries else f"{bench.file} has no boards",
            hint=f"write it there as [[board]]; or {PORT.option}={TWIN} for a twin",
            key="bench",
        )
    return {entry.id: entry for entry in entries}


def read_bench(config: pytest.Config, choices: Choices) -> BenchFile:
    """Read the bench file of a session: the one that was named, else as `find_bench`."""
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415

    bench = choices["bench"]
    return find_bench(str(path_of(config, bench)) if bench.value else "")


def ids_of(config: pytest.Config) -> tuple[str, ...]:
    """Return the ids of the boards that the session runs on; without a bench, their names."""
    seats = config.stash[SEATS]
    return tuple(seats) if seats is not None else boards_of(config.stash[CHOICES])


def place_of_item(item: pytest.Item) -> str:
    """Return the id of the board that a test was multiplied for; "" where it was not."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return str(params.get(ENTRY, ""))


def multiply(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a board once on each that has what it asks for."""
    if ENTRY not in metafunc.fixturenames:
        return
    ids, needs = ids_of(metafunc.config), _needs_of(metafunc.definition)
    if metafunc.config.stash[SEATS] is None and len(ids) < 2:
        return
    has = _features(metafunc.config)
    fit = [id for id in ids if needs <= has[id]]
    if fit:
        metafunc.parametrize(ENTRY, fit, indirect=True, scope="session")
        return
    reason = f"no board has {' and '.join(sorted(needs))}: {', '.join(ids)}"
    nowhere = pytest.param("", marks=pytest.mark.skip(reason=reason), id="no-board")
    metafunc.parametrize(ENTRY, [nowhere], indirect=True, scope="session")


def skip_what_is_lacking(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests whose one board lacks what they ask for; of several boards, `multiply` has seen to it."""
    if config.stash[SEATS] is not None or len(ids_of(config)) > 1:
        return
    for item in items:
        needs = _needs_of(item)
        if needs and (lacking := needs - next(iter(_features(config).values()))):
            words = " and ".join(sorted(lacking))
            item.add_marker(
                pytest.mark.skip(
                    reason=f"{ids_of(config)[0]} has no {words}; a bench file says which board has"
                )
            )


def _needs_of(node: pytest.Item | Any) -> frozenset[str]:
    """The features that a test asks for.

    A word that nothing has defined is a mistake where a bench file could have: the test would never run.
    """
    words: list[object] = []
    for marker in node.iter_markers(NEEDS):
        if not marker.args or marker.kwargs:
            pytest.fail(f"{NEEDS} takes the words of features: @pytest.mark.{NEEDS}('led')", pytrace=False)
        words += marker.args
    seats = node.config.stash[SEATS]
    if words and seats is not None:
        bench = read_bench(node.config, node.config.stash[CHOICES])
        for word in words:
            if word not in bench.known_features:
                message = f"{NEEDS}: no board file and not `features` of {bench.file} knows {word!r}"
                pytest.fail(str(unknown_name(message, str(word), bench.known_features)), pytrace=False)
    return frozenset(map(str, words))


def _features(config: pytest.Config) -> dict[str, frozenset[str]]:
    """Features of each board of the session, by id."""
    from tinysine.boards import FOREIGN, load_board  # noqa: PLC0415

    seats = config.stash[SEATS]
    if seats is not None:
        return {id: entry.all_features for id, entry in seats.items()}
    if is_foreign(config.stash[CHOICES]):
        return dict.fromkeys(ids_of(config), FOREIGN.features)
    return {name: load_board(name).features for name in ids_of(config)}
