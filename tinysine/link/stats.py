"""Counts of a link, as numbers for the evidence."""

from __future__ import annotations

from typing import Annotated

from tinysine.record import Count, Record, fact

LAST_BYTES = 512


class LinkStats(Record, omit_defaults=False):
    """Counts of the link."""

    requests: Annotated[Count, fact("requests sent, repetitions not counted")] = 0
    retries: Annotated[
        Count,
        fact("requests repeated because no reply came; a healthy device needs none"),
    ] = 0
    stale: Annotated[Count, fact("valid frames that are not a reply to the present request")] = 0
    corrupt: Annotated[Count, fact("frames that failed their check")] = 0
    noise_bytes: Annotated[Count, fact("outside frames", unit="bytes")] = 0
    last_bytes: Annotated[bytes, fact("the last that came, oldest first")] = b""
    foreign: Annotated[Count, fact("stale frames that reply to another program's requests")] = 0
    sent_bytes: Annotated[Count, fact("on the wire", unit="bytes")] = 0
    received_bytes: Annotated[Count, fact("on the wire", unit="bytes")] = 0

    def __add__(self, later: LinkStats) -> LinkStats:
        return LinkStats(
            requests=self.requests + later.requests,
            retries=self.retries + later.retries,
            stale=self.stale + later.stale,
            corrupt=self.corrupt + later.corrupt,
            noise_bytes=self.noise_bytes + later.noise_bytes,
            last_bytes=(self.last_bytes + later.last_bytes)[-LAST_BYTES:],
            foreign=self.foreign + later.foreign,
            sent_bytes=self.sent_bytes + later.sent_bytes,
            received_bytes=self.received_bytes + later.received_bytes,
        )
