"""A place of a labgrid farm that this run holds: reserved, acquired, watched, and given back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tinysine.errors import BenchError, ConfigError, LeaseHeld, PlaceLost, TinysineError, unknown_name
from tinysine.farm.helper import PROGRAM, Helper, start_helper
from tinysine.farm.identity import is_orphan, new_identity
from tinysine.outside_text import one_line
from tinysine.place import AtLabgrid
from tinysine.settings import LABGRID_WAIT

ACQUIRE_S = (
    60.0  # beside the queue: an exporter that hangs, and resources of a run that died while it acquired
)

Resources = list[dict[str, Any]]


class Claim:
    """One place, ours from the beginning of this object's life until `close`.

    Args:
        wanted: the place that is asked for.
        board: catalogue name, for messages.
        wait_s: how long to stand in the queue.
        tell: shows a person how it goes.
        on_change: called by another thread when the resources of the place have changed.

    Attributes:
        name: of the place.
        tags: of the place.
        resources: of the place, as they are now.
        lost: why the place is no longer ours; None while it is.
        ended: set when it is lost.
    Raises:
        ConfigError: there is no such place, or labgrid is not installed.
        LeaseHeld: others hold all such places until the wait is over; facts board, port, holder.
        BenchError: no coordinator, or the place cannot be acquired.
    """

    def __init__(
        self,
        wanted: AtLabgrid,
        *,
        board: str,
        wait_s: float,
        tell: Callable[[str], None],
        on_change: Callable[[Resources], None] = lambda _resources: None,
        start: Callable[..., Helper] = start_helper,
    ) -> None:
        self.name = ""
        self.tags: Mapping[str, str] = {}
        self.resources: Resources = []
        self.lost: PlaceLost | None = None
        self.ended = threading.Event()
        self.identity = new_identity()
        self._wanted, self._board, self._tell, self._on_change = wanted, board, tell, on_change
        self._closed = False
        self._queued = False
        self._helper = start(self.identity, on_event=self._event, on_end=self._helper_ended)
        try:
            self._free_orphans()
            self._hold(wait_s)
        except BaseException:
            self.close()
            raise

    def require(self) -> None:
        """Do nothing as long as the place is ours.

        Raises:
            PlaceLost: it is not.
        """
        if self.lost is not None:
            raise self.lost.with_traceback(None)

    def confirm(self) -> None:
        """Ask the coordinator whether the place was ours until now.

        Raises:
            PlaceLost: it is not, or nobody can say.
        """
        self.require()
        try:
            reply = self._helper.ask("confirm")
        except BenchError as error:
            self._lose(error.message)
        else:
            if "error" in reply:
                self._lose(str(reply.get("message")))
        self.require()

    def close(self) -> None:
        """Give the place back. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._helper.end()
        left = self._helper.left
        if not left:
            return
        name = self.name or self._wanted.name
        self._tell(
            "labgrid did not confirm that it has taken back "
            + (
                f"{name}; if it is not free: {release_command(name, str(self.identity))}"
                if name
                else "the place"
            )
        )

    def _free_orphans(self) -> None:
        """Free what runs of this computer have left behind that did not end by themselves."""
        seen = self._ask("look")
        for place in _rows(seen.get("places")):
            name, holder = str(place.get("name")), str(place.get("acquired"))
            if is_orphan(holder):
                self._helper.ask("free", place=name, holder=holder)
                self._tell(f"labgrid: {one_line(name)} was held by a run that is dead, and is free again")
        for reservation in _rows(seen.get("reservations")):
            if is_orphan(str(reservation.get("owner"))):
                self._helper.ask("cancel", token=reservation.get("token"))

    def _hold(self, wait_s: float) -> None:
        wanted = dict(self._wanted.tags) or {"name": self._wanted.name}
        reply = self._helper.ask("hold", timeout_s=wait_s + ACQUIRE_S, wanted=wanted, wait_s=wait_s)
        if "error" in reply:
            raise self._refused(reply, wait_s)
        self.name, self.resources = str(reply.get("place")), _rows(reply.get("resources"))
        tags = reply.get("tags")
        self.tags = {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}
        if self._queued:
            self._tell(f"labgrid: {one_line(self.name)} is ours")

    def _ask(self, name: str) -> dict[str, Any]:
        reply = self._helper.ask(name)
        if "error" in reply:
            raise BenchError(f"labgrid refused ({name}): {reply.get('message')}")
        return reply

    def _refused(self, reply: Mapping[str, Any], wait_s: float) -> TinysineError:
        kind, message, asked = reply.get("error"), str(reply.get("message")), self._wanted.port
        if kind == "no-place":
            known = reply.get("known")
            names = [str(name) for name in known] if isinstance(known, list) else []
            if self._wanted.name:
                return unknown_name(
                    f"labgrid's coordinator has no place {self._wanted.name!r}",
                    self._wanted.name,
                    names,
                    key="port",
                )
            return ConfigError(
                f"no place of labgrid's coordinator has the tags of {asked}",
                hint=f"`{PROGRAM} -v places` shows the tags of each",
                key="port",
            )
        if kind == "deadline":
            rows = _rows(reply.get("holders"))
            holders = ", ".join(
                f"{row.get('place')} by {row.get('holder') or 'a reservation'}" for row in rows
            )
            return LeaseHeld(
                f"{asked} did not come free within {wait_s:g} s: {holders}",
                hint=self._freeing(rows) or f"wait longer: {LABGRID_WAIT.variable}=SECONDS",
                board=self._board,
                port=asked,
                holder=holders,
            )
        hint = "see to the exporter of the place, and to the coordinator's log"
        return BenchError(f"labgrid: {message}", hint=hint, place=str(reply.get("place", "")))

    def _freeing(self, rows: Iterable[Mapping[str, Any]]) -> str:
        """The commands that free places whose holder may be dead, which this run may not judge."""
        held = [(str(row.get("place")), str(row.get("holder"))) for row in rows if row.get("holder")]
        if not held:
            return ""
        commands = "; ".join(release_command(place, holder) for place, holder in held[:3])
        return f"wait longer ({LABGRID_WAIT.variable}=SECONDS); or, if that run is dead: {commands}"

    def _event(self, event: dict[str, Any]) -> None:
        """Handle an event that the helper sends by itself; called in the helper's thread."""
        if event.get("event") == "queued":
            self._queued = True
            rows = _rows(event.get("holders"))
            held = [f"{row.get('place')} is held by {row.get('holder')}" for row in rows if row.get("holder")]
            self._tell(
                one_line(f"labgrid: waiting for {self._wanted.port}: {', '.join(held) or 'it is reserved'}")
            )
        elif event.get("event") == "lost":
            self._lose(str(event.get("message")))
        elif event.get("event") == "resources":
            self.resources = _rows(event.get("resources"))
            self._on_change(self.resources)

    def _helper_ended(self, last_words: str) -> None:
        if not self._closed:
            self._lose(f"the program that speaks with labgrid has ended{last_words}")

    def _lose(self, why: str) -> None:
        if self.lost is None and self.name:
            self.lost = PlaceLost(
                f"labgrid's place {self.name} is no longer ours: {why}",
                hint="somebody else may use the board by now, and nothing is said about the product; run it again",
                place=self.name,
                board=self._board,
            )
            self.ended.set()


def wait_from(variables: Mapping[str, str] = os.environ) -> float:
    """Return the time to wait in the queue for a place, in seconds.

    Raises:
        ConfigError: TINYSINE_LABGRID_WAIT is no number of seconds.
    """
    text = variables.get(LABGRID_WAIT.variable) or LABGRID_WAIT.default
    LABGRID_WAIT.check(text, LABGRID_WAIT.variable)
    return LABGRID_WAIT.value(text)


def release_command(place: str, holder: str) -> str:
    """Return the command that frees a place from a holder that is gone."""
    import shlex  # noqa: PLC0415

    return shlex.join([PROGRAM, "-p", place, "release-from", holder])


def _rows(value: object) -> Resources:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, Sequence) else []
