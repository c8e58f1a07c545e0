"""Every board end to end: its twin built for, booted and asked everything; and who is attached."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from tinysine.boards import Board, list_boards
from tinysine.commands.doctor_checks import Check
from tinysine.commands.options import DEFAULT_BOARD
from tinysine.errors import EXIT_PASS, TinysineError

AT_ONCE = 2


def board_checks(
    *,
    timeout_s: float,
    on_begin: Callable[[str], None] = lambda _name: None,
    on_end: Callable[[str, float], None] = lambda _name, _seconds: None,
) -> list[Check]:
    """Verify the reference model on the twin of every board.

    Args:
        timeout_s: how long connecting to one may take.
        on_begin: called with a board's name as its turn comes.
        on_end: called with its name and seconds when it is done.
    """

    def attempt(board: Board) -> Check:
        on_begin(board.name)
        began = perf_counter()
        found, fix = _verified(board, timeout_s)
        seconds = perf_counter() - began
        on_end(board.name, seconds)
        if found:
            found = f"{found}, {seconds:.1f} s"
        return Check(board.name, found, board.title, board.name == DEFAULT_BOARD, fix)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as workers:
        return list(workers.map(attempt, (board for board in list_boards() if board.has_twin)))


def attached_checks(*, timeout_s: float) -> list[Check]:
    """Ask every attached board who it is; nothing is flashed.

    Args:
        timeout_s: how long each may take to answer.
    """
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415  # brings the link
    from tinysine.bench.census import take_census  # noqa: PLC0415

    return [
        Check(
            name=f"{board.board or 'unknown'} at {board.port or 'no port'}",
            found=board.detail if board.state == "running tinysine" else "",
            need=board.state,
            required=False,
            fix=board.next,
        )
        for board in take_census(find_bench(), timeout_s=timeout_s)
    ]


def _verified(board: Board, timeout_s: float) -> tuple[str, str]:
    from tinysine.model import REFERENCE_MODEL  # noqa: PLC0415  # brings numpy
    from tinysine.verify import verify  # noqa: PLC0415

    try:
        evidence = verify(REFERENCE_MODEL, board=board, timeout_s=timeout_s)
    except TinysineError as error:
        return "", f"{error.message}; {error.hint}" if error.hint else error.message
    outputs = evidence.outputs
    if evidence.exit_code != EXIT_PASS or outputs is None:
        return "", "; ".join(finding.reason for finding in evidence.findings)
    return f"{outputs.checked} of {outputs.checked} answers equal", ""
