"""Hold one place of a labgrid coordinator: requests come in as JSON lines, replies and events go out as JSON lines.

The Python that has labgrid runs this file, in an environment of its own: it imports nothing of tinysine. It ends when
its standard input does, however that comes about, and gives back what it holds before. One process has one session:
labgrid takes no second one.

LG_COORDINATOR, LG_HOSTNAME and LG_USERNAME say which coordinator is asked, and as whom. A request has an "id", which
its reply repeats; what happens by itself is told as an "event".
"""

from __future__ import annotations

import gc

gc.disable()  # until all is imported: labgrid brings much that stays, and half of the cost of a run is this

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import grpc
from labgrid.remote.client import ClientSession
from labgrid.remote.common import ReservationState
from labgrid.remote.generated import labgrid_coordinator_pb2 as pb
from labgrid.util.proxy import proxymanager

CONNECT_S = 15.0
RPC_S = 20.0  # the coordinator itself waits 10 s for an exporter, and one such wait may come before ours
RENEW_S = 10.0  # a reservation expires after 60 s
HUNG_S = 9.5  # the coordinator itself waits 10 s for an exporter before it refuses
ACQUIRE_AGAIN_S = (
    35.0  # resources of a process that died come free at the coordinator's next round, each 15 s
)
READY_S = 5.0  # for the port of a place that was acquired
END_S = 25.0
ALIVE_S = 10.0  # between two words that this program is alive, while a place is waited for


class Refusal(Exception):
    """A request that cannot be fulfilled.

    Args:
        kind: one word, for the program that asked.
        message: for people.
        facts: further ones.
    """

    def __init__(self, kind: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.reply = {"error": kind, "message": message, **facts}


class Speaker:
    """Writes JSON lines to what was standard output; labgrid's own prints go to standard error."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, message: dict[str, Any]) -> None:
        """Write one message."""
        # Whoever listened may be gone: then standard input ends, too.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(json.dumps(message) + "\n")
            self._stream.flush()


class Holder:
    """One session with the coordinator, and the place that it holds."""

    def __init__(self, session: Any, speaker: Speaker) -> None:
        self.session = session
        self.me = f"{session.gethostname()}/{session.getuser()}"
        self.changed = asyncio.Event()
        self.ending = asyncio.Event()
        self.token: str | None = None
        self.wanted: str | None = None  # acquired, or being acquired
        self.held = False
        self._acquiring: asyncio.Future[Any] | None = None
        self._watching: asyncio.Future[None] | None = None
        self._speaker = speaker
        self._told: list[dict[str, Any]] = []

    # What is asked

    async def look(self) -> dict[str, Any]:
        """All places and reservations."""
        response = await self._call("GetReservations", pb.GetReservationsRequest())
        return {
            "places": [
                {"name": place.name, "tags": dict(place.tags), "acquired": place.acquired or ""}
                for place in self.session.places.values()
            ],
            "reservations": [{"token": item.token, "owner": item.owner} for item in response.reservations],
        }

    async def free(self, place: str, holder: str) -> dict[str, Any]:
        """Release a place, if that holder has it still."""
        await self._call("ReleasePlace", pb.ReleasePlaceRequest(placename=place, fromuser=holder))
        await self.session.sync_with_coordinator()
        return {}

    async def cancel(self, token: str) -> dict[str, Any]:
        """Cancel a reservation."""
        await self._call("CancelReservation", pb.CancelReservationRequest(token=token))
        return {}

    async def hold(self, wanted: dict[str, str], wait_s: float) -> dict[str, Any]:
        """Reserve a place that has all these tags, or this name, and acquire it when it is free.

        Returns:
            The place, its tags and its resources.
        """
        alive = asyncio.ensure_future(self._say_alive())
        try:
            return await self._hold(wanted, wait_s)
        finally:
            alive.cancel()

    async def _say_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_S)
            self._speaker.say({"event": "alive"})

    async def _hold(self, wanted: dict[str, str], wait_s: float) -> dict[str, Any]:
        deadline = self._now() + wait_s
        if not self._matching(wanted):
            known = sorted(self.session.places)
            raise Refusal("no-place", "no place of the coordinator is like that", known=known)
        place = await self._allocated(wanted, deadline)
        await self._acquire(place, deadline)
        if self.token is not None:  # the place is ours: nothing else need stand in the queue
            token, self.token = self.token, None
            with contextlib.suppress(Refusal):
                await self.cancel(token)
        if not await self.session.sync_with_coordinator():
            raise Refusal("coordinator", "the coordinator is gone")
        await self._ready()
        self.held = True
        self._told = self._resources()
        self._watching = asyncio.ensure_future(self._watch())
        return {"place": place, "tags": dict(self.session.places[place].tags), "resources": self._told}

    async def confirm(self) -> dict[str, Any]:
        """Ask the coordinator whether the place is ours until now."""
        alive = await self.session.sync_with_coordinator()
        trouble = self._trouble() if alive else "the coordinator is gone"
        if trouble:
            raise Refusal("lost", trouble)
        return {}

    # How

    async def _allocated(self, wanted: dict[str, str], deadline: float) -> str:
        request = pb.CreateReservationRequest(
            filters={"main": pb.Reservation.Filter(filter=wanted)}, prio=0.0
        )
        reservation = (await self._call("CreateReservation", request)).reservation
        self.token = reservation.token
        told: list[dict[str, str]] | None = None
        while True:
            if self.ending.is_set():
                raise Refusal("ended", "nobody waits for the place any more")
            state = ReservationState(reservation.state).name
            if state in ("allocated", "acquired") and reservation.allocations:
                return str(next(iter(reservation.allocations.values())))
            if state != "waiting":
                raise Refusal("reservation", f"the reservation is {state}")
            holders = [
                {"place": place.name, "holder": place.acquired or ""} for place in self._matching(wanted)
            ]
            if holders != told:
                told = holders
                self._speaker.say({"event": "queued", "holders": holders})
            left = deadline - self._now()
            if left <= 0:
                raise Refusal("deadline", "no such place came free in time", holders=holders)
            await self._next_change(min(left, RENEW_S))
            reservation = (
                await self._call("PollReservation", pb.PollReservationRequest(token=self.token))
            ).reservation

    async def _acquire(self, place: str, deadline: float) -> None:
        self.wanted = place
        first = self._now()
        while True:
            began = self._now()
            # It is waited for even if our own end comes: half an acquisition leaves the place unusable.
            self._acquiring = asyncio.ensure_future(
                self._call("AcquirePlace", pb.AcquirePlaceRequest(placename=place))
            )
            try:
                await asyncio.shield(self._acquiring)
                return
            except Refusal as refusal:
                now = self._now()
                if now - began >= HUNG_S:
                    raise Refusal(
                        "hung", f"the exporter of {place} does not answer: {refusal}", place=place
                    ) from refusal
                if now - first > ACQUIRE_AGAIN_S or now > deadline or self.ending.is_set():
                    raise Refusal(
                        "acquire", f"{place} cannot be acquired: {refusal}", place=place
                    ) from refusal
            await self._next_change(2.0)
            if self.token is not None:
                await self._call("PollReservation", pb.PollReservationRequest(token=self.token))

    async def _ready(self) -> None:
        """Wait a while for a serial port that is there: some get their number when they are acquired."""
        deadline = self._now() + READY_S
        while (left := deadline - self._now()) > 0 and not self.ending.is_set():
            ports = [item for item in self._resources() if "SerialPort" in item["cls"]]
            if any(item["avail"] and item["params"].get("port") for item in ports):
                return
            await self._next_change(left)

    async def _watch(self) -> None:
        """Tell of what happens to the place, until it is lost."""
        while not self.ending.is_set():
            if trouble := self._trouble():
                self._speaker.say({"event": "lost", "message": trouble})
                return
            if (now := self._resources()) != self._told:
                self._told = now
                self._speaker.say({"event": "resources", "resources": now})
            await self._next_change(None)

    def _trouble(self) -> str:
        if self.session.stopping.is_set():
            return "the coordinator is gone"
        place = self.session.places.get(self.wanted)
        if place is None:
            return "the place was deleted"
        if place.acquired != self.me:
            return f"the place is now {f'that of {place.acquired}' if place.acquired else 'free'}"
        if len(self._resources()) < len(self._told):
            return "its exporter is gone"
        return ""

    def _resources(self) -> list[dict[str, Any]]:
        place = self.session.places.get(self.wanted)
        found = []
        for path in place.acquired_resources if place is not None else ():
            exporter, group, _, name = path
            entry = self.session.resources.get(exporter, {}).get(group, {}).get(name)
            data = entry.data if entry is not None else {}
            if "cls" not in data:
                continue
            params = dict(data.get("params", {}))
            extra = dict(params.pop("extra", {}))
            found.append(
                {
                    "cls": data["cls"],
                    "avail": bool(data.get("avail")),
                    "params": params,
                    "extra": extra,
                }
            )
        return found

    def _matching(self, wanted: dict[str, str]) -> list[Any]:
        return [
            place
            for place in self.session.places.values()
            if set(wanted.items()) <= {*place.tags.items(), ("name", place.name)}
        ]

    async def _next_change(self, timeout_s: float | None) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.changed.wait(), timeout_s)
        self.changed.clear()  # before the facts are looked at anew: what changes meanwhile is not missed

    async def _call(self, name: str, request: Any) -> Any:
        try:
            return await getattr(self.session.stub, name)(request, timeout=RPC_S)
        except grpc.aio.AioRpcError as error:
            gone = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            raise Refusal(
                "coordinator" if gone else "refused", error.details() or str(error.code())
            ) from error

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def end(self) -> dict[str, Any]:
        """Give back whatever is held; returns what could not be given back."""
        self.ending.set()
        self.changed.set()
        if self._acquiring is not None:
            with contextlib.suppress(Refusal):
                await self._acquiring
        left: dict[str, Any] = {}
        if self.token is not None:
            try:
                await self.cancel(self.token)
            except Refusal as refusal:
                if refusal.reply["error"] == "coordinator":
                    left["reservation"] = self.token
        if self.wanted is not None:
            request = pb.ReleasePlaceRequest(placename=self.wanted, fromuser=self.me)
            try:
                await self._call("ReleasePlace", request)
            except Refusal as refusal:
                if refusal.reply["error"] == "coordinator":
                    left["place"] = self.wanted
        return left


REQUESTS = ("look", "free", "cancel", "hold", "confirm")


class Session(ClientSession):  # type: ignore[misc]  # labgrid has no types
    """A session that tells whenever something has changed."""

    def watched_by(self, tell: Callable[[], None]) -> None:
        """Have `tell` called from now on."""
        self.tell = tell

    async def on_resource_changed(self, *facts: Any) -> None:
        """Take in a resource, new, changed or gone."""
        await super().on_resource_changed(*facts)
        self.tell()

    async def on_place_changed(self, *facts: Any) -> None:
        """Take in a place, new or changed."""
        await super().on_place_changed(*facts)
        self.tell()

    async def on_place_deleted(self, *facts: Any) -> None:
        """Forget a place."""
        await super().on_place_deleted(*facts)
        self.tell()

    async def message_pump(self) -> None:
        """Receive until the stream ends."""
        await super().message_pump()
        self.tell()


def new_session(loop: asyncio.AbstractEventLoop) -> Session:
    """A session with the coordinator, not yet started."""
    session = Session(proxymanager.get_grpc_address(coordinator(), default_port=20408), loop)
    session.watched_by(lambda: None)
    return session


def coordinator() -> str:
    """HOST:PORT of the coordinator."""
    return os.environ.get("LG_COORDINATOR") or "127.0.0.1:20408"


async def answer(holder: Holder, line: bytes, speaker: Speaker) -> None:
    """Fulfil one request."""
    try:
        request = json.loads(line)
        number, name = request.pop("id"), request.pop("do")
        if name not in REQUESTS:
            raise ValueError(f"no request is called {name!r}")
    except (ValueError, KeyError, AttributeError) as error:
        speaker.say({"event": "nonsense", "message": str(error)})
        return
    try:
        reply = await getattr(holder, name)(**request)
    except Refusal as refusal:
        reply = refusal.reply
    except Exception as error:  # whatever labgrid raises: the other side must not wait for a reply in vain
        logging.exception("request %s", name)
        reply = {"error": "crash", "message": f"{type(error).__name__}: {error}"}
    speaker.say({"id": number, **reply})


def read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes | None]) -> None:
    """Hand the lines of standard input to the loop; None at its end."""
    for line in sys.stdin.buffer:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    loop.call_soon_threadsafe(lines.put_nowait, None)


async def serve(speaker: Speaker) -> None:
    """Answer requests until standard input ends; then give back what is held."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()
    loop.add_signal_handler(signal.SIGTERM, lines.put_nowait, None)
    threading.Thread(target=read_lines, args=(loop, lines), daemon=True).start()
    address = coordinator()
    session = new_session(loop)
    try:
        await asyncio.wait_for(session.start(), CONNECT_S)
    except Exception as error:
        why = "no answer" if isinstance(error, asyncio.TimeoutError) else " ".join(map(str, error.args))
        speaker.say({"event": "failed", "error": "coordinator", "message": why, "coordinator": address})
        return
    holder = Holder(session, speaker)
    session.watched_by(holder.changed.set)
    speaker.say({"event": "ready", "coordinator": address})
    tasks = set()
    while (line := await lines.get()) is not None:
        task = asyncio.ensure_future(answer(holder, line, speaker))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    left: dict[str, Any] = {"all": True}
    with contextlib.suppress(asyncio.TimeoutError):
        left = await asyncio.wait_for(holder.end(), END_S)
    speaker.say({"event": "ended", "left": left})


def switch_power(place: str, action: str) -> None:
    """Have labgrid switch the power of a place that is held in this name already."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    session = new_session(loop)
    loop.run_until_complete(asyncio.wait_for(session.start(), CONNECT_S))
    session.args = argparse.Namespace(place=place, action=action, delay=None, name=None, state=None)
    session.power()


def main() -> None:
    """Serve, or with `power PLACE ACTION` do that and end."""
    for number in (
        signal.SIGINT,
        signal.SIGHUP,
    ):  # the user's Ctrl-C is for the program that started this one
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()
    gc.enable()
    speaker = Speaker()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    code = 0
    try:
        if sys.argv[1:2] == ["power"]:
            switch_power(*sys.argv[2:4])
            speaker.say({"event": "done"})
        else:
            asyncio.run(serve(speaker))
    except Exception as error:
        logging.exception("helper")
        speaker.say({"event": "failed", "error": "crash", "message": f"{type(error).__name__}: {error}"})
        code = 1
    # Not by way of threads that read standard input, or of a channel that waits for a coordinator.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
