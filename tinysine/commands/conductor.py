"""The conductor that commands share: `tinysine.verify.verify`, told of the board and of where it is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinysine.commands.options import DEFAULT_BOARD
from tinysine.place import Named, Place, read_place
from tinysine.settings import FIRMWARE, PLACE, engine_for_foreign, no_port_for_foreign
from tinysine.settings import Firmware as FirmwareName

if TYPE_CHECKING:
    from tinysine.boards import Board
    from tinysine.evidence import Evidence
    from tinysine.image import BuildOptions


@dataclass(frozen=True)
class Conductor:
    """`tinysine.verify.verify` for one board.

    Attributes:
        board: that is asked.
        place: where it is.
        timeout_s: how long connecting may take.
        ask: `verify`, told all that `choose_conductor` was; takes the model, and what else differs.
    """

    board: Board
    place: Place
    timeout_s: float
    ask: Callable[..., Evidence]

    def require_ready(self, *, toolchain: str) -> None:
        """Make sure that tools and port are there, before time is spent on anything else.

        Raises:
            as `require_tools` and `await_port`.
        """
        from tinysine.rigs import await_port  # noqa: PLC0415
        from tinysine.verify import require_tools  # noqa: PLC0415

        require_tools(self.board, self.place, toolchain=toolchain)
        await_port(self.place, timeout_s=self.timeout_s)


def choose_conductor(
    *,
    board: str,
    port: str | None,
    probe: str,
    bench: str,
    timeout: float,
    build: BuildOptions,
    place: str = PLACE.start,
    firmware: FirmwareName = FIRMWARE.start,
) -> Conductor:
    """Tell `verify` what the commands that call it have in common, and where the board is.

    Raises:
        ConfigError, BoardNotFound: no such board, or it is not where it ought to be.
    """
    from tinysine.bench.bench_file import find_place  # noqa: PLC0415
    from tinysine.bench.bench_reader import find_bench  # noqa: PLC0415
    from tinysine.boards import FOREIGN, load_board  # noqa: PLC0415
    from tinysine.verify import verify as conduct  # noqa: PLC0415

    if build.engine is not None and firmware == "foreign":
        raise engine_for_foreign("--engine or --firmware")
    asked = read_place(port, source="--port", probe=probe)
    if firmware == "foreign" and not place and not isinstance(asked, Named):
        raise no_port_for_foreign("--port")
    name = board if firmware == "own" else FOREIGN.name
    name, found = find_place(name, asked, id=place, bench=find_bench(bench), default=DEFAULT_BOARD)
    if firmware == "foreign" and not isinstance(found, Named):
        raise no_port_for_foreign("--port")
    target = load_board(name) if firmware == "own" else FOREIGN
    ask = functools.partial(
        conduct,
        board=target,
        place=found,
        timeout_s=timeout,
        options=build,
        firmware=firmware,
    )
    return Conductor(target, found, timeout, ask)
