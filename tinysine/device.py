"""A running board that can be asked. Knows the link and nothing of what is behind it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinysine.errors import (
    DeviceError,
    LinkTimeout,
    ModelError,
    PortUnavailable,
    ProtocolError,
)
from tinysine.exact_arrays import exact_array
from tinysine.link.answers import (
    SMALLEST_PAYLOAD_MAX,
    Counters,
    DeviceMemory,
    FaultRecord,
    Identity,
    parse_counters,
    parse_fault,
    parse_identity,
    parse_memory,
)
from tinysine.link.deadlines import REQUEST_S, patience_for, wire_s
from tinysine.link.expectation import Expected, require
from tinysine.link.handshake import shake_hands
from tinysine.link.ports import DEFAULT_BAUD
from tinysine.link.requests import Request, Status
from tinysine.link.session import Session
from tinysine.link.stats import LinkStats
from tinysine.link.timing import Timing
from tinysine.settings import CONNECT_TIMEOUT_S

__all__ = ["Counters", "Device", "DeviceMemory", "FaultRecord", "Identity", "Timing"]

MOST_REPETITIONS = 65535
BATCH_GROWTH = 8
BATCH_WORK_S = 5.0  # that the inferences of one frame may take, as far as they can be split


class Device:
    """A board that has answered the handshake.

    Args:
        session: open.
        identity: as the handshake gave it.
        reopen: opens the port again, for when a reset makes it vanish.
        timeout_s: for each request, beside what its bytes and inferences take.
        connect_timeout_s: for shaking hands again, after a reset or a disturbance.
        baud: of the line.
        pause: sleeps; injectable.
        clock: seconds, monotonic; injectable.
    """

    def __init__(
        self,
        session: Session,
        identity: Identity,
        *,
        reopen: Callable[[], Session],
        timeout_s: float = REQUEST_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        baud: int = DEFAULT_BAUD,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session = session
        self.identity = identity
        self.timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._baud = baud
        self._inference_s = 0.0  # as the last batch took
        self._batch_seen = 0  # inferences in the largest batch so far
        self._reopen = reopen
        self._pause = pause
        self._clock = clock
        self._earlier = LinkStats()
        self._required: Expected | None = None

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        timeout_s: float = CONNECT_TIMEOUT_S,
        request_timeout_s: float = REQUEST_S,
        baud: int = DEFAULT_BAUD,
        opener: Callable[[], Session] | None = None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> Device:
        """Open the port and shake hands, waiting for a board that boots or re-enumerates.

        Args:
            url: a device path or pyserial URL.
            timeout_s: until the handshake must be done.
            request_timeout_s: for each later request, beside what its bytes and inferences take.
            baud: where it means anything.
            opener: opens the session instead; for tests and for ports of one's own.
            pause, clock: sleep and monotonic seconds; injectable.
        Raises:
            PortUnavailable: missing or vanished until the deadline, or busy or not permitted for a second.
            LinkTimeout: no handshake until the deadline; its message says what came instead.
            VersionMismatch: the device speaks another protocol.
            ProtocolError: its identity makes no sense.
        """

        def reopen() -> Session:
            return Session.open(url, timeout_s=request_timeout_s, baud=baud)

        opener = opener or reopen
        session, identity = shake_hands(opener, timeout_s=timeout_s, pause=pause, clock=clock)
        return cls(
            session,
            identity,
            reopen=opener,
            timeout_s=request_timeout_s,
            connect_timeout_s=timeout_s,
            baud=baud,
            pause=pause,
            clock=clock,
        )

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self.session.close()

    @property
    def stats(self) -> LinkStats:
        """What the link went through, over all sessions with this device."""
        return self._earlier + self.session.stats

    @property
    def inferences_per_frame(self) -> int:
        """How many inferences in the model's own dtypes one frame carries."""
        identity = self.identity
        return self._per_frame(identity.input_count * identity.input_dtype.itemsize)

    def infer(self, codes: ArrayLike, *, per_frame: int | None = None) -> NDArray[Any]:
        """Run a batch, split into as many frames as it needs.

        Args:
            codes: [n, input_count] in the model's input dtype, or lists of numbers that it holds; n may be 0.
            per_frame: inferences in one frame, at most `inferences_per_frame`, which is the default.
        Returns:
            [n, output_count] in the model's output dtype.
        Raises:
            DeviceError: refused; for NOT_FINITE `detail` is the index of the element in the whole batch.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
            ValueError, TypeError: a wrong dtype or shape, or no numbers.
        """
        return self._infer(Request.INFER, codes, self.identity.input_dtype, per_frame)

    def infer_f32(self, x: ArrayLike, *, per_frame: int | None = None) -> NDArray[Any]:
        """Run a batch of real inputs, which the device quantises.

        Args:
            x: float32 [n, input_count], or lists of numbers.
            per_frame: inferences in one frame; as many as fit by default.
        Returns:
            [n, output_count] in the model's output dtype.
        Raises:
            as `infer`.
        """
        return self._infer(Request.INFER_F32, x, np.dtype(np.float32), per_frame)

    def time(self, codes: ArrayLike, *, repetitions: int) -> Timing:
        """Count single inferences of one input.

        Args:
            codes: [input_count] in the model's input dtype, or a list of numbers that it holds.
            repetitions: 1 or more; as many in a frame as its reply holds, after smaller frames that show how long
                one inference takes.
        Raises:
            DeviceError: refused; UNSUPPORTED where the board has no counter.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
            ValueError, TypeError: a wrong dtype, shape or number of repetitions, or no numbers.
        """
        identity = self.identity
        codes = exact_array(codes, identity.input_dtype, (identity.input_count,), "codes")
        if repetitions < 1:
            raise ValueError(f"repetitions is {repetitions}, but must be 1 or more")
        # The device may need room in the reply for the outputs that nobody asked for.
        output_bytes = identity.output_count * identity.output_dtype.itemsize
        most = min(max((identity.payload_max - output_bytes - 4) // 4, 1), MOST_REPETITIONS)
        counts: list[NDArray[np.int64]] = []
        overheads = []
        left, waited_s = repetitions, 0.0
        while left:
            chunk = min(self._next_batch(), left, most)
            began = self._clock()
            reply = self._ask(
                Request.TIME,
                chunk.to_bytes(2, "little") + codes.tobytes(),
                4 + 4 * chunk,
                inferences=chunk + 1,
            )
            values = np.frombuffer(reply, "<u4").astype(np.int64)
            overheads.append(int(values[0]))
            counts.append(values[1:])
            left -= chunk
            waited_s += self._clock() - began
        return Timing(
            min(overheads),
            np.concatenate(counts),
            identity.counter.unit,
            identity.counter_clock_hz,
            waited_s,
        )

    def memory(self) -> DeviceMemory:
        """What the device measured of its own memory."""
        return parse_memory(self._ask(Request.MEMORY))

    def last_fault(self) -> FaultRecord | None:
        """The last fault since power-on, None when there was none. Worth asking after any failure."""
        return parse_fault(self._ask(Request.FAULT))

    def counters(self) -> Counters:
        """What the device counted since reset."""
        return parse_counters(self._ask(Request.COUNTERS))

    def demo(self, on: bool) -> bool:
        """Switch the LED demo; returns the state it had before."""
        return bool(self._ask(Request.DEMO, bytes([on]), 1)[0])

    def text(self, line: str) -> str:
        """Type a line as a person would; returns what the device prints, without the last line end.

        Args:
            line: printable ASCII, at most 40 characters.
        """
        return self.session.type_line(line, timeout_s=self.timeout_s)

    def reset(self, *, timeout_s: float | None = None) -> Identity:
        """Reset the device by its own request and shake hands again, reopening the port if it vanishes.

        Args:
            timeout_s: for the device to come back; by default as long as connecting might take.
        Raises:
            as `connect`.
            IdentityMismatch: as `identify`.
        """
        timeout_s = self._connect_timeout_s if timeout_s is None else timeout_s
        answered = self.counters().answered
        try:
            self._ask(Request.RESET)
        except LinkTimeout:
            # Sent once, for a board that has reset would do so again. Its counters tell whether it has.
            self._shake_hands_again(timeout_s)
            if self.counters().answered > answered:
                self._ask(Request.RESET)
        return self._shake_hands_again(timeout_s)

    def resync(self, *, timeout_s: float | None = None) -> Identity:
        """Recover from a disturbed conversation: drain, take a new nonce, shake hands again.

        Args:
            timeout_s: for all of it; by default as long as connecting might take.
        Raises:
            as `connect`.
            IdentityMismatch: as `identify`.
        """
        timeout_s = self._connect_timeout_s if timeout_s is None else timeout_s
        deadline = self._clock() + timeout_s
        try:
            self.session.resync(timeout_s=timeout_s / 2)
        except PortUnavailable:
            self.session.close()
        return self._shake_hands_again(max(deadline - self._clock(), 0.0))

    def require(self, image: Expected) -> None:
        """Demand that the device runs exactly this image, now and whenever it is asked again who it is.

        Raises:
            IdentityMismatch: it does not; facts field, expected, got.
        """
        require(self.identity, image, port=self.session.port.name)
        self._required = image

    def identify(self) -> Identity:
        """Ask anew who the device is: one request. What `require` demanded is demanded again.

        Raises:
            IdentityMismatch: the device runs something else by now; facts field, expected, got.
            LinkTimeout, PortUnavailable, ProtocolError: the link failed.
        """
        return self._prove(parse_identity(self._ask(Request.IDENTIFY)))

    def _infer(
        self, request: Request, values: ArrayLike, dtype: np.dtype[Any], per_frame: int | None
    ) -> NDArray[Any]:
        identity = self.identity
        values = exact_array(values, dtype, (None, identity.input_count), "inputs")
        most = self._per_frame(identity.input_count * dtype.itemsize)
        if per_frame is not None and not 1 <= per_frame <= most:
            raise ValueError(f"per_frame is {per_frame}, but must be 1 to {most}")
        step = per_frame or most
        width = identity.output_count * identity.output_dtype.itemsize
        answers: list[bytes] = []
        start = 0
        while start < len(values):
            learned = step if per_frame else self._next_batch()
            part = values[start : start + min(step, learned)]
            try:
                answers.append(self._ask(request, part.tobytes(), width * len(part), inferences=len(part)))
            except DeviceError as error:
                if error.status == Status.NOT_FINITE and isinstance(error.detail, int):
                    raise self._not_finite(request, start * identity.input_count + error.detail) from error
                raise
            start += len(part)
        flat = np.frombuffer(b"".join(answers), identity.output_dtype)
        return flat.reshape(len(values), identity.output_count).copy()

    def _next_batch(self) -> int:
        """How many inferences the next frame may have: small frames show how much time one of many needs."""
        most = BATCH_GROWTH * self._batch_seen
        if self._inference_s:
            most = min(most, int(BATCH_WORK_S / self._inference_s))
        return max(most, 1)

    def _not_finite(self, request: Request, index: int) -> DeviceError:
        return DeviceError(
            f"{self.session.port.name} refused {request.name}: element {index} is NaN or infinite",
            hint="nothing of its frame was inferred; send finite numbers only",
            status=Status.NOT_FINITE,
            request=request,
            detail=index,
        )

    def _per_frame(self, input_bytes: int) -> int:
        identity = self.identity
        output_bytes = identity.output_count * identity.output_dtype.itemsize
        most = identity.payload_max // max(input_bytes, output_bytes)
        if not most:
            raise ModelError(
                f"one inference needs {max(input_bytes, output_bytes)} bytes, but the device's frames carry "
                f"{identity.payload_max}",
                hint="raise payload_bytes in the board's limits and build again",
                tensor="input" if input_bytes >= output_bytes else "output",
            )
        return most

    def _ask(
        self, request: Request, payload: bytes = b"", reply_bytes: int | None = None, *, inferences: int = 0
    ) -> bytes:
        began, retries = self._clock(), self.session.retries
        patience = patience_for(
            sent_bytes=len(payload),
            reply_bytes=SMALLEST_PAYLOAD_MAX if reply_bytes is None else reply_bytes,
            baud=self._baud,
            work_s=inferences * self._inference_s,
            base_s=self.timeout_s,
        )
        reply = self.session.request(request, payload, patience=patience)
        if inferences and self.session.retries == retries:
            work_s = self._clock() - began - wire_s(len(payload) + len(reply), self._baud)
            self._inference_s = max(work_s, 0.0) / inferences
            self._batch_seen = max(self._batch_seen, inferences)
        if reply_bytes is not None and len(reply) != reply_bytes:
            raise ProtocolError(
                f"the device answered {request.name} with {len(reply)} bytes instead of {reply_bytes}",
                hint="the firmware does not follow docs/protocol.md",
                request=request.name,
                payload=reply,
            )
        return reply

    def _shake_hands_again(self, timeout_s: float) -> Identity:
        sessions = [self.session]
        opened, identity = shake_hands(
            lambda: sessions.pop() if sessions else self._reopen(),
            timeout_s=timeout_s,
            pause=self._pause,
            clock=self._clock,
        )
        if opened is not self.session:
            self._earlier = self._earlier + self.session.stats
            self.session = opened
        return self._prove(identity)

    def _prove(self, identity: Identity) -> Identity:
        self.identity = identity
        if self._required is not None:
            self.require(self._required)
        return identity
