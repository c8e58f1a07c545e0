"""One conversation with a device: ask, wait no longer than allowed, take only what answers the question."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from types import TracebackType

from tinysine.errors import DeviceError, LinkTimeout, StaleReply
from tinysine.link.deadlines import REQUEST_S, Patience
from tinysine.link.diagnosis import Past, diagnose
from tinysine.link.frames import FrameReader, encode_frame
from tinysine.link.ports import DEFAULT_BAUD, Port, SerialPort
from tinysine.link.requests import (
    REPLY_BIT,
    REPLY_HEADER,
    Request,
    request_content,
    status_detail,
    status_text,
)
from tinysine.link.stats import LAST_BYTES, LinkStats

HANDSHAKE_EVERY_S = 0.25
LAST_HANDSHAKE_S = 0.2  # before the deadline: an answer takes some time, too
QUIET_S = 0.05
SETTLE_S = 1.0
TYPED = "text"  # what errors call a typed line, in place of a request
WRITE_SLICE_S = 0.02  # while a full buffer takes nothing, the answer to an earlier sending may come


class Session:
    """Requests and replies over one open port.

    Args:
        port: open; the session closes it.
        timeout_s: for requests that name none.
        clock: seconds, monotonic; the port's own waiting must move it.
        nonces: gives 4 random bytes.
    """

    def __init__(
        self,
        port: Port,
        *,
        timeout_s: float = REQUEST_S,
        clock: Callable[[], float] = time.monotonic,
        nonces: Callable[[], bytes] = lambda: secrets.token_bytes(4),
    ) -> None:
        self.port = port
        self.timeout_s = timeout_s
        self._clock = clock
        self._nonces = nonces
        self._nonce = nonces()
        self._own_nonces = {self._nonce}
        self._sequence = 0
        self._reader = FrameReader()
        self._requests = self._retries = self._stale = self._foreign = self._sent = self._received = 0
        self._sendings = self._answered = 0
        self._answered_at = 0.0
        self._last = b""
        self._unanswered = b""  # since the last believed answer: what a timeout has to explain
        self._rejected: StaleReply | None = None

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout_s: float = REQUEST_S,
        open_timeout_s: float | None = None,
        baud: int = DEFAULT_BAUD,
        clock: Callable[[], float] = time.monotonic,
    ) -> Session:
        """Open a port and begin a session on it.

        Args:
            url: a device path or pyserial URL.
            timeout_s: for requests that name none.
            open_timeout_s: as for `SerialPort`.
            baud: where it means anything.
            clock: as for the class.
        Raises:
            PortUnavailable: missing, busy, or not permitted.
            ConfigError: not a URL that pyserial knows.
        """
        port = SerialPort(url, baud=baud, open_timeout_s=open_timeout_s)
        return cls(port, timeout_s=timeout_s, clock=clock)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self.port.close()

    @property
    def stats(self) -> LinkStats:
        """Return the counts of the link so far."""
        return LinkStats(
            requests=self._requests,
            retries=self._retries,
            stale=self._stale,
            foreign=self._foreign,
            corrupt=self._reader.corrupt_frames,
            noise_bytes=self._reader.noise_bytes,
            last_bytes=self._last,
            sent_bytes=self._sent,
            received_bytes=self._received,
        )

    @property
    def retries(self) -> int:
        """Questions that were repeated because no answer had come."""
        return self._retries

    def count_repetition(self) -> None:
        """Count as one more retry that several requests had to be asked again."""
        self._retries += 1

    def request(
        self,
        request: Request,
        payload: bytes = b"",
        *,
        timeout_s: float | None = None,
        patience: Patience | None = None,
    ) -> bytes:
        """Ask and return the answer's payload.

        An idempotent request is sent again at each interval without an answer; `stats.retries` counts that.

        Args:
            request: what is asked.
            payload: as the request needs.
            timeout_s: for this request alone.
            patience: instead of timeout_s, with the interval.
        Raises:
            LinkTimeout: no answer in time; facts port, request, timeout_s, received, diagnosis, answered.
            DeviceError: the device refused; facts status, request, detail.
            PortUnavailable: the port vanished.
        """
        if patience is None:
            patience = Patience.of(self.timeout_s if timeout_s is None else timeout_s)
        if not request.idempotent:
            patience = Patience(patience.timeout_s, patience.timeout_s)
        return self._exchange(request, payload, patience, counted=True)

    def handshake(self, *, timeout_s: float) -> bytes:
        """Ask IDENTIFY at a steady rate, and once more at the end, until a device that may be booting answers.

        These repetitions are not counted as retries.

        Raises:
            LinkTimeout, DeviceError, PortUnavailable: as `request`.
        """
        sent_before = self._sendings
        deadline = self._clock() + timeout_s
        patience = Patience(timeout_s, HANDSHAKE_EVERY_S)
        reply = self._exchange(Request.IDENTIFY, b"", patience, counted=False, last_s=LAST_HANDSHAKE_S)
        if self._sendings - sent_before > 1:
            # The board may have kept the earlier ones while it booted, and answers them now: it does not listen then.
            self._drain(min(deadline, self._clock() + SETTLE_S))
        return reply

    def type_line(self, line: str, *, timeout_s: float | None = None) -> str:
        """Send a line as a person would and return what the device prints, without the last line end.

        Args:
            line: printable ASCII, at most 40 characters.
            timeout_s: for the whole exchange.
        Raises:
            LinkTimeout: no line came back in time; request is "text".
            ValueError: a line that cannot be typed.
        """
        if not (line.isascii() and line.isprintable() and len(line) <= 40):
            raise ValueError("a typed line is at most 40 printable ASCII characters")
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        deadline = self._clock() + timeout_s
        self._collect(0.0)
        self._reader.forget()
        self._reader.outside.clear()
        noise_before = self._reader.noise_bytes
        unsent = self._write(line.encode("ascii") + b"\r", deadline)
        if unsent:
            raise self._blocked(TYPED, len(line) + 1, len(unsent), timeout_s)
        while True:
            left = deadline - self._clock()
            if left <= 0:
                raise self._silence(TYPED, timeout_s)
            ended = self._reader.pending.endswith(b"\r\n")
            frames = self._collect(min(QUIET_S, left) if ended else left)
            self._stale += len(frames)
            if ended and not frames and self._reader.pending.endswith(b"\r\n"):
                break
        # A frame behind the text proves that the device has said all it had to say.
        self.request(Request.IDENTIFY, timeout_s=deadline - self._clock())
        self._reader.noise_bytes = noise_before  # what was asked for is not noise
        return self._reader.outside.decode("ascii", "replace").removesuffix("\r\n")

    def resync(self, *, timeout_s: float | None = None) -> None:
        """Leave a disturbed conversation behind: end a half-sent frame, drain, take a new nonce.

        Args:
            timeout_s: how long at most to listen for the line to fall quiet.
        """
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        deadline = self._clock() + timeout_s
        self._write(b"\0\0", deadline)
        self._drain(deadline)
        self._reader.forget()
        self._take_nonce()

    def _exchange(
        self, request: Request, payload: bytes, patience: Patience, *, counted: bool, last_s: float = 0.0
    ) -> bytes:
        if self._sequence == 256:
            # A reply delayed by exactly 256 requests would otherwise look like this one's.
            self._take_nonce()
        sequence, self._sequence = self._sequence, self._sequence + 1
        frame = encode_frame(request_content(self._nonce, sequence, request, payload))
        expected = REPLY_HEADER.pack(self._nonce, sequence, request | REPLY_BIT, 0)[:-1]
        began = self._clock()
        deadline = began + patience.timeout_s
        self._requests += 1
        self._rejected = self._reader.last_corrupt = None
        due, unsent, repeats = began, b"", 0
        while (now := self._clock()) < deadline:
            if now >= due and not unsent:
                self._sendings += 1
                self._retries += counted and repeats > 0
                unsent, repeats = frame, repeats + 1
                due = _next_sending(now, due, deadline, patience.resend_s, last_s)
            if unsent:
                unsent = self._write(unsent, min(now + WRITE_SLICE_S, deadline))
                now = self._clock()
            wait_s = 0.0 if unsent else min(due, deadline) - now
            answer = self._answer_among(self._collect(max(wait_s, 0.0)), expected)
            if answer is not None:
                return self._payload(request, answer)
        if unsent and repeats == 1:
            raise self._blocked(request.name, len(frame), len(unsent), patience.timeout_s)
        raise self._silence(request.name, patience.timeout_s)

    def _answer_among(self, frames: list[bytes], expected: bytes) -> bytes | None:
        """The first frame that answers; the others are counted and dropped."""
        for place, content in enumerate(frames):
            if content.startswith(expected) and len(content) >= REPLY_HEADER.size:
                self._stale += len(frames) - place - 1
                self._unanswered = b""
                self._answered += 1
                self._answered_at = self._clock()
                return content
            self._reject(expected, content)
        return None

    def _drain(self, deadline: float) -> None:
        """Drop what comes until the line is quiet."""
        while (left := deadline - self._clock()) > 0:
            before = self._received
            self._stale += len(self._collect(min(QUIET_S, left)))
            if self._received == before:
                break

    def _payload(self, request: Request, content: bytes) -> bytes:
        status, payload = content[REPLY_HEADER.size - 1], content[REPLY_HEADER.size :]
        if status:
            detail = status_detail(status, payload)
            raise DeviceError(
                f"{self.port.name} refused {request.name}: {status_text(status, detail)}",
                status=status,
                request=request,
                detail=detail,
            )
        return payload

    def _take_nonce(self) -> None:
        self._nonce, self._sequence = self._nonces(), 0
        self._own_nonces.add(self._nonce)

    def _reject(self, expected: bytes, content: bytes) -> None:
        self._stale += 1
        # Before the first answer it may be what an earlier program had asked for.
        is_reply = len(content) >= REPLY_HEADER.size and content[5] & REPLY_BIT
        self._foreign += bool(self._answered and is_reply and content[:4] not in self._own_nonces)
        self._rejected = StaleReply(
            "a well-formed frame that answers another question", expected=expected, got=content[:8]
        )

    def _write(self, data: bytes, deadline: float) -> bytes:
        """Send what the port takes until the deadline; returns the rest."""
        taken = self.port.write(data, max(deadline - self._clock(), 0.0))
        self._sent += taken
        return data[taken:]

    def _collect(self, wait_s: float) -> list[bytes]:
        data = self.port.read(wait_s)
        if not data:
            return []
        self._received += len(data)
        self._last = (self._last + data)[-LAST_BYTES:]
        self._unanswered = (self._unanswered + data)[-LAST_BYTES:]
        return self._reader.feed(data)

    def _blocked(self, request: str, size: int, unsent: int, timeout_s: float) -> LinkTimeout:
        return LinkTimeout(
            f"{self.port.name} took only {size - unsent} of {size} bytes of {request} in {timeout_s:g} s",
            hint="the device does not read: reset it",
            port=self.port.name,
            request=request,
            timeout_s=timeout_s,
            received=self._unanswered,
            diagnosis="blocked",
            answered=self._answered,
        )

    def _silence(self, request: str, timeout_s: float) -> LinkTimeout:
        past = Past(self._answered, self._clock() - self._answered_at) if self._answered else None
        begun = (
            b"\0" + self._reader.pending
        )  # of a long answer the beginning is no longer among the last bytes
        came = self._unanswered if len(begun) <= len(self._unanswered) else begun
        seen = diagnose(came if self._unanswered else b"", nonce=self._nonce, past=past)
        error = LinkTimeout(
            f"{self.port.name} gave no answer to {request} within {timeout_s:.1f} s: {seen.what}",
            hint=seen.hint,
            port=self.port.name,
            request=request,
            timeout_s=timeout_s,
            received=self._unanswered,
            diagnosis=seen.kind,
            answered=self._answered,
        )
        error.__cause__ = self._reader.last_corrupt or self._rejected
        return error


def _next_sending(now: float, due: float, deadline: float, every_s: float, last_s: float) -> float:
    """The moment of the next sending: one interval on, and one last time shortly before the deadline.

    Args:
        due: of the sending that is made now.
        last_s: before the deadline; 0.0 for no last time.
    """
    following = max(due + every_s, now)
    last = deadline - last_s
    if not last_s or following <= last:
        return following
    return last if now < last else deadline
