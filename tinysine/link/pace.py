"""The time that a device takes for inferences, learned from its answers, and how many the next frame may have."""

from __future__ import annotations

from dataclasses import dataclass

from tinysine.link.deadlines import Patience, patience_for, wire_s

BATCH_GROWTH = 8
BATCH_WORK_S = 5.0  # that the inferences of one frame may take, as far as they can be split


@dataclass
class Pace:
    """Speed of the line and of one inference, as measured so far.

    Attributes:
        baud: of the line.
        inference_s: one inference, as the last batch took.
        batch_seen: inferences in the largest batch so far.
    """

    baud: int
    inference_s: float = 0.0
    batch_seen: int = 0

    def next_batch(self) -> int:
        """Return the most inferences for the next frame: small frames first measure the time of one inference."""
        most = BATCH_GROWTH * self.batch_seen
        if self.inference_s:
            most = min(most, int(BATCH_WORK_S / self.inference_s))
        return max(most, 1)

    def patience(
        self, *, sent_bytes: int, reply_bytes: int, inferences: int, base_s: float, at_first_s: float = 0.0
    ) -> Patience:
        """The time for a request with payloads of these sizes.

        Args:
            base_s: for one that is answered at once.
            at_first_s: for one inference, where none has been seen yet.
        """
        inference_s = self.inference_s if self.batch_seen else at_first_s
        return patience_for(
            sent_bytes=sent_bytes,
            reply_bytes=reply_bytes,
            baud=self.baud,
            work_s=inferences * inference_s,
            base_s=base_s,
        )

    def learn(self, inferences: int, *, waited_s: float, carried_bytes: int) -> None:
        """Take note of an answer that came without a repetition.

        Args:
            inferences: that it took.
            waited_s: from the request to the answer.
            carried_bytes: of both payloads.
        """
        self.inference_s = max(waited_s - wire_s(carried_bytes, self.baud), 0.0) / inferences
        self.batch_seen = max(self.batch_seen, inferences)
