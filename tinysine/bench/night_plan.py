"""Who is tested in a night: what is attached, the twins of the rest, and who ought to be there and is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tinysine.bench.census import FoundBoard
from tinysine.bench.night import BoardNight, Job, Part, Plan
from tinysine.boards import Board, load_board


def plan_night(
    census: Iterable[FoundBoard],
    known: Iterable[Board],
    *,
    required: Sequence[str] = (),
    only: Sequence[str] = (),
    twins: bool = True,
) -> Plan:
    """Every board that is attached, the twin of every other, and those that ought to be attached and are not.

    Args:
        census: see `take_census`. Where it has entries of a bench file, these are the bench, and what else is
            plugged in is left alone: an adapter's USB ids prove nothing.
        known: the catalogue.
        required: names that must be attached, whether they are tested this night or not.
        only: names to restrict the tests to; empty for all.
        twins: whether twins are tested at all.
    Raises:
        ConfigError: a name that is in no catalogue.
    """
    for name in (*required, *only):
        load_board(name)
    wanted = set(only) or {board.name for board in known} | set(required)
    census = list(census)
    attached = [board for board in census if board.state == "missing" or board.known_by == "bench"] or census
    there = Counter(board.board for board in attached if board.state != "missing")
    attached = [board for board in attached if board.board in wanted]
    present = [board for board in attached if board.state != "missing"]
    missing = [_missing(board.board or "", board.next) for board in attached if board.state == "missing"]
    # One entry of `required` is one board: naming a board twice demands two of them.
    have = there + Counter(night.job.board for night in missing)
    for name, count in Counter(required).items():
        missing += [_missing(name, "plug it in") for _ in range(count - have[name])]
    here = {board.board for board in present}
    places: list[tuple[str, str | None]] = [(board.board or "", board.port) for board in present]
    if twins:
        places += [(board.name, None) for board in known if board.has_twin and board.name in wanted - here]
    return Plan(tuple(_labelled(places)), tuple(missing))


def _labelled(places: list[tuple[str, str | None]]) -> list[Job]:
    count: Counter[str] = Counter()
    jobs = []
    for board, port in places:
        count[board] += 1
        suffix = "" if count[board] == 1 else f"-{count[board]}"
        jobs.append(Job(load_board(board).file_name + suffix, board, port))
    return jobs


def _missing(board: str, advice: str) -> BoardNight:
    part = Part("attached", "error", f"{board} ought to be attached, and is not; {advice}")
    return BoardNight(Job(f"{load_board(board).file_name}-missing", board, None), "missing", (part,))
