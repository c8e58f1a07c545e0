"""Signs that somebody else used the board during a run: what it did then says nothing about the product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tinysine.errors import BenchError
from tinysine.link import LinkStats, port_holders
from tinysine.rigs import Rig


@dataclass(frozen=True)
class Before:
    """State of a twin when a run began. Without a twin, only the port can tell.

    Attributes:
        orders: how often each order was given to it by others than this rig.
        bytes_in: that it had received.
    """

    orders: Mapping[str, int] = field(default_factory=dict)
    bytes_in: int | None = None

    @classmethod
    def of(cls, rig: Rig) -> Before:
        """Look at the twin of a rig, if it has one, before the port is opened."""
        if rig.emulator is None:
            return cls()
        return cls(rig.emulator.orders_of_others(), rig.emulator.status().get("bytes_in"))


def signs_of_orders(rig: Rig, before: Before) -> Iterator[str]:
    """Say what others had a twin do. A board that was flashed, reset or changed by them proves nothing."""
    if rig.emulator is None:
        return
    now = rig.emulator.orders_of_others()
    new = {name: count - before.orders.get(name, 0) for name, count in now.items()}
    told = [f"{name} ({count})" for name, count in sorted(new.items()) if count > 0]
    if told:
        yield f"orders were given to the twin that are not ours: {', '.join(told)}"


def signs_on_the_line(rig: Rig, before: Before, stats: LinkStats | None) -> Iterator[str]:
    """Say what others did on the line. As long as every answer is right and counted, that does no harm.

    Args:
        stats: of all that this run sent and received; None where that is not known.
    """
    strange = None
    if rig.emulator is not None and stats is not None and before.bytes_in is not None:
        strange = rig.emulator.status()["bytes_in"] - before.bytes_in - stats.sent_bytes
        if strange > 0:
            yield f"the twin received {strange:,} bytes that are not ours"
    # A twin that received our bytes only answered nobody else: its firmware forgot whom it answers.
    if stats is not None and stats.foreign and strange != 0:
        yield f"{stats.foreign:,} answers to somebody else's requests came"
    own = () if rig.emulator is None else (rig.emulator.pid,)
    if holders := port_holders(rig.port, but=own):
        yield f"{', '.join(holders)} has the port open, too"


def refuse_company(rig: Rig, before: Before, stats: LinkStats | None, *, failed: bool) -> None:
    """Refuse to judge a run during which somebody else used the board.

    Args:
        before: as `Before.of` gave it.
        stats: as `signs_on_the_line` takes it.
        failed: the verdict would be a failure.
    Raises:
        BenchError: others gave orders to the twin; or the run failed, and others were on the line. Facts port, signs.
        PlaceLost: the board is at a farm, and its place is no longer ours.
    """
    rig.require_ours()
    signs = [*signs_of_orders(rig, before), *(signs_on_the_line(rig, before, stats) if failed else ())]
    if signs:
        raise BenchError(
            f"somebody else used {rig.board.name} at {rig.port} meanwhile, so that nothing can be said about the "
            f"product: {'; '.join(signs)}",
            hint="end that program, and run this again",
            port=rig.port,
            signs=tuple(signs),
        )
