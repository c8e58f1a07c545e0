"""Choice of the boards of a night: attached ones, twins of the others, and those that should be there and are not."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

from tinysine.bench.bench_file import BenchFile
from tinysine.bench.census import FoundBoard
from tinysine.bench.night import BoardNight, Job, Part, Plan
from tinysine.boards import Board, load_board
from tinysine.errors import BENCH, ConfigError
from tinysine.outside_text import file_name
from tinysine.place import TWIN

_NO_BENCH = BenchFile()


def plan_night(
    census: Iterable[FoundBoard],
    known: Iterable[Board],
    *,
    required: Sequence[str] = (),
    only: Sequence[str] = (),
    twins: bool | None = None,
    bench: BenchFile = _NO_BENCH,
) -> Plan:
    """Return the boards of a night: those of the bench file; without one all attached, and twins of the others.

    Also those that ought to be attached and are not.

    Args:
        census: see `take_census`. Where it has entries of a bench file, these are the bench, and what else is
            plugged in is left alone: an adapter's USB ids prove nothing.
        known: the catalogue.
        required: names that must be attached, and are tested.
        only: names to restrict the tests to; empty for all.
        twins: whether twins of boards that are not attached are tested, too; None for: unless there is a bench, or
            of those that `only` names.
        bench: its twins are boards of the bench, and are tested.
    Raises:
        ConfigError: a name that is in no catalogue; a board that is required and not among `only`.
    """
    for name in (*required, *only):
        load_board(name)
    if only and (left_out := sorted(set(required) - set(only))):
        raise ConfigError(
            f"{left_out[0]} is required, and not among the boards that are to be tested",
            hint=f"add it to --boards, or leave it out of --require: {', '.join(only)}",
            key="require",
        )
    wanted = set(only) or {board.name for board in known} | set(required)
    census = list(census)
    of_bench = [board for board in census if board.state == "missing" or board.known_by == "bench"]
    has_bench = bool(of_bench or bench.entries)
    attached = of_bench if has_bench else census
    there = Counter(board.board for board in attached if board.state != "missing")
    attached = [board for board in attached if board.board in wanted]
    present = [board for board in attached if board.state != "missing"]
    missing = [(board.board or "", board.next, board.place) for board in attached if board.state == "missing"]
    # One entry of `required` is one board: naming a board twice demands two of them.
    have = there + Counter(board for board, _, _ in missing)
    for name, count in Counter(required).items():
        missing += [(name, "plug it in", "")] * (count - have[name])
    places: list[tuple[str, str | None, str]] = [
        (board.board or "", board.port, board.place) for board in present
    ]
    places += [
        (entry.name, None, entry.id) for entry in bench.entries if entry.port == TWIN and entry.name in wanted
    ]
    here = {name for name, _, _ in places}
    if twins or (twins is None and (only or not has_bench)):
        places += [
            (board.name, None, "") for board in known if board.has_twin and board.name in wanted - here
        ]
    names = [file_name(place) if place else load_board(board).file_name for board, _, place in places]
    # A board with an id is called the same in every night, there or not.
    names += [
        file_name(place) if place else f"{load_board(board).file_name}-missing" for board, _, place in missing
    ]
    labels = _unlike(names)
    return Plan(
        tuple(
            Job(label, board, port, required=port is not None and board in required, place=place)
            for label, (board, port, place) in zip(labels, places, strict=False)
        ),
        tuple(_missing(label, *gone) for label, gone in zip(labels[len(places) :], missing, strict=True)),
    )


def _unlike(names: Sequence[str]) -> list[str]:
    """The names, those that come again with a number: such as is no other board's name."""
    taken = set(names)
    labels: list[str] = []
    for name in names:
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        label = next(other for other in numbered if other not in taken) if name in labels else name
        taken.add(label)
        labels.append(label)
    return labels


def _missing(label: str, board: str, advice: str, place: str) -> BoardNight:
    what = board if place in ("", board) else f"{place} ({board})"
    part = Part("attached", BENCH, f"{what} ought to be attached, and is not; {advice}")
    return BoardNight(Job(label, board, None, place=place), "missing", (part,))
