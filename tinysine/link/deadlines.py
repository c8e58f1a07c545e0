"""The time that an exchange may take, from the size of what is asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass

REQUEST_S = 5.0  # for an exchange whose bytes and work cost nothing
SENDINGS = 4  # of one request, evenly spread: three losses in a row are survived
BITS_A_BYTE = 10
WIRE_MARGIN = 2  # adapters and operating systems add their own
WORK_MARGIN = 2
# A device that answers ever more slowly is given no more than this for the work of one request: else each answer just
# before the deadline would make the next deadline eight times as long.
MOST_WORK_S = 15.0
# Zeros, header, status and CRC of both frames, and the stuffing of short ones.
_FRAMING_BYTES = 32


@dataclass(frozen=True)
class Patience:
    """The time that one exchange may take.

    Attributes:
        timeout_s: from the first byte sent to the last one received; no call takes longer.
        resend_s: the interval at which the request is sent again while no answer comes.
    """

    timeout_s: float
    resend_s: float

    @classmethod
    def of(cls, timeout_s: float) -> Patience:
        """The usual sendings, evenly spread over a timeout."""
        return cls(timeout_s, timeout_s / SENDINGS)


def wire_s(payload_bytes: int, baud: int) -> float:
    """Seconds that a request and its reply spend on the wire."""
    return (payload_bytes + _FRAMING_BYTES) * BITS_A_BYTE / baud


def patience_for(*, sent_bytes: int, reply_bytes: int, baud: int, work_s: float, base_s: float) -> Patience:
    """Give a request the time that its bytes and its work need, with a margin.

    Args:
        sent_bytes, reply_bytes: of the two payloads.
        baud: of the line; one that is faster than it says does no harm.
        work_s: how long the device is expected to compute; more than MOST_WORK_S is not waited for.
        base_s: for a request that is answered at once.
    """
    busy_s = WIRE_MARGIN * wire_s(sent_bytes + reply_bytes, baud) + WORK_MARGIN * min(work_s, MOST_WORK_S)
    # The first sending gets all of what the device is busy for, too: it is not disturbed at work.
    return Patience(base_s + SENDINGS * busy_s, base_s / SENDINGS + busy_s)
