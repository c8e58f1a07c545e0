"""What a link went through, as numbers for the evidence."""

from __future__ import annotations

from dataclasses import dataclass

LAST_BYTES = 512


@dataclass(frozen=True)
class LinkStats:
    """What the link went through.

    Attributes:
        requests: questions asked, repetitions not counted.
        retries: questions repeated because no answer had come; a device that needs them is not healthy.
        stale: well-formed frames that answer no present question.
        foreign: those of them that answer somebody else.
        corrupt: frames that failed their check.
        noise_bytes: bytes outside frames.
        last_bytes: the last that came, oldest first.
        sent_bytes, received_bytes: on the wire.
    """

    requests: int = 0
    retries: int = 0
    stale: int = 0
    corrupt: int = 0
    noise_bytes: int = 0
    last_bytes: bytes = b""
    foreign: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0

    def __add__(self, later: LinkStats) -> LinkStats:
        return LinkStats(
            requests=self.requests + later.requests,
            retries=self.retries + later.retries,
            stale=self.stale + later.stale,
            foreign=self.foreign + later.foreign,
            corrupt=self.corrupt + later.corrupt,
            noise_bytes=self.noise_bytes + later.noise_bytes,
            last_bytes=(self.last_bytes + later.last_bytes)[-LAST_BYTES:],
            sent_bytes=self.sent_bytes + later.sent_bytes,
            received_bytes=self.received_bytes + later.received_bytes,
        )
