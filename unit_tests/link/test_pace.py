"""The time that inferences are given, before and after the first has been seen."""

from __future__ import annotations

from tinysine.link.pace import Pace


def timeout_s(pace: Pace, *, at_first_s: float = 0.0) -> float:
    """For one inference with small payloads."""
    patience = pace.patience(sent_bytes=4, reply_bytes=4, inferences=1, base_s=5.0, at_first_s=at_first_s)
    return patience.timeout_s


def test_the_first_inference_of_a_large_model_is_given_time() -> None:
    """Until one has been seen; then what was seen counts."""
    pace = Pace(115200)
    assert timeout_s(pace) < 6.0
    assert timeout_s(pace, at_first_s=10.0) > 60.0
    pace.learn(1, waited_s=0.5, carried_bytes=0)
    assert 8.0 < timeout_s(pace, at_first_s=10.0) < 12.0
