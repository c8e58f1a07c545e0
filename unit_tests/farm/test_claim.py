"""A claim: what is asked of the helper, in which order, and how its answers are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tinysine.errors import BenchError, ConfigError, LeaseHeld, PlaceLost
from tinysine.farm import claim as claims
from tinysine.farm.claim import Claim, wait_from
from tinysine.place import AtLabgrid

HELD = {"place": "b1", "tags": {"board": "x"}, "resources": [{"cls": "NetworkSerialPort"}]}


class FakeHelper:
    """Answers from a table, and notes what it was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = {"look": {"places": [], "reservations": []}, "confirm": {}, "hold": HELD, **answers}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.left: Mapping[str, Any] = {}
        self.ended = False
        self.tell: Callable[[dict[str, Any]], None]
        self.gone: Callable[[str], None]

    def start(self, _identity: object, *, on_event: Any, on_end: Any) -> FakeHelper:
        """As `start_helper`."""
        self.tell, self.gone = on_event, on_end
        return self

    def ask(self, name: str, *, timeout_s: float = 0, **facts: Any) -> Any:
        """As `Helper.ask`."""
        del timeout_s
        self.asked.append((name, facts))
        answer = self.answers.get(name, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        """As `Helper.end`."""
        self.ended = True


def claimed(fake: FakeHelper, told: list[str] | None = None, *, wanted: AtLabgrid | None = None) -> Claim:
    """A claim on `fake`."""
    return Claim(
        wanted or AtLabgrid("b1"),
        board="host",
        wait_s=5,
        tell=(told if told is not None else []).append,
        start=fake.start,
    )


def test_a_place_is_asked_for_by_name_or_by_tags() -> None:
    """A name is what labgrid calls name; tags go as they are."""
    fake = FakeHelper({})
    with_name = claimed(fake)
    assert fake.asked[-1] == ("hold", {"wanted": {"name": "b1"}, "wait_s": 5})
    assert (with_name.name, with_name.tags, with_name.resources) == ("b1", {"board": "x"}, HELD["resources"])
    claimed(fake, wanted=AtLabgrid(tags=(("board", "x"),)))
    assert fake.asked[-1][1]["wanted"] == {"board": "x"}


def test_only_orphans_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places and reservations of dead runs are given back first; everybody else's stay."""
    monkeypatch.setattr(claims, "is_orphan", lambda holder: holder == "here/dead")
    seen = {
        "places": [{"name": "b1", "acquired": "here/dead"}, {"name": "b2", "acquired": "there/alive"}],
        "reservations": [{"token": "T1", "owner": "here/dead"}, {"token": "T2", "owner": "here/alive"}],
    }
    fake, told = FakeHelper({"look": seen}), []
    claimed(fake, told)
    assert [ask for ask in fake.asked if ask[0] in ("free", "cancel")] == [
        ("free", {"place": "b1", "holder": "here/dead"}),
        ("cancel", {"token": "T1"}),
    ]
    assert "b1 was held by a run that is dead" in told[0]


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        ({"error": "no-place", "known": ["b2", "b10"]}, ConfigError, "did you mean 'b10'|did you mean 'b2'"),
        ({"error": "no-place", "known": "junk"}, ConfigError, "no place 'b1'"),
        ({"error": "hung", "message": "the exporter of b1 does not answer"}, BenchError, "does not answer"),
        ({"error": "acquire", "message": "b1 cannot be acquired"}, BenchError, "cannot be acquired"),
        (
            {"error": "deadline", "holders": [{"place": "b1", "holder": "there/x y"}]},
            LeaseHeld,
            "within 5 s: b1 by there/x y.*release-from 'there/x y'",
        ),
        (
            {"error": "deadline", "holders": [{"place": "b1", "holder": ""}]},
            LeaseHeld,
            "TINYSINE_LABGRID_WAIT",
        ),
        ({"error": "deadline", "holders": 7}, LeaseHeld, "did not come free"),
    ],
)
def test_a_refusal_is_one_line_and_ends_the_helper(
    reply: dict[str, Any], kind: type[Exception], told: str
) -> None:
    """Each has the class by which the exit code is chosen, and nothing is left running."""
    fake = FakeHelper({"hold": reply})
    with pytest.raises(kind, match=told):
        claimed(fake)
    assert fake.ended


def test_the_queue_is_shown() -> None:
    """A person sees who holds the place, and when it is theirs; control characters of others are harmless."""
    fake, told = FakeHelper({}), []

    def hold(name: str, **facts: Any) -> Any:
        if name == "hold":
            fake.tell({"event": "queued", "holders": [{"place": "b1", "holder": "there/\x1b[2Jx"}]})
        return FakeHelper.ask(fake, name, **facts)

    fake.ask = hold  # type: ignore[method-assign]
    claimed(fake, told)
    assert told == ["labgrid: waiting for labgrid:b1: b1 is held by there/x", "labgrid: b1 is ours"]


def test_a_lost_place_is_lost_for_good() -> None:
    """By an event, by the helper's end, or by what the coordinator says when it is asked."""
    for lose in (
        lambda fake: fake.tell({"event": "lost", "message": "the place is now free"}),
        lambda fake: fake.gone(": killed"),
        lambda fake: fake.answers.update(confirm={"error": "lost", "message": "the place is now free"}),
        lambda fake: fake.answers.update(confirm=BenchError("no answer")),
    ):
        fake = FakeHelper({})
        held = claimed(fake)
        held.confirm()
        lose(fake)
        with pytest.raises(PlaceLost, match="b1 is no longer ours"):
            held.confirm()
        with pytest.raises(PlaceLost):
            held.require()
        assert held.ended.is_set()


def test_the_end_of_the_helper_after_close_is_no_loss() -> None:
    """It ends because it was asked to."""
    fake = FakeHelper({})
    held = claimed(fake)
    held.close()
    fake.gone("")
    assert held.lost is None
    assert fake.ended


def test_what_could_not_be_given_back_is_told_with_the_command() -> None:
    """A coordinator that is gone cannot confirm anything."""
    fake, told = FakeHelper({}), []
    held = claimed(fake, told)
    fake.left = {"place": "b1"}
    held.close()
    assert f"labgrid-client -p b1 release-from {held.identity}" in told[-1]


def test_resources_that_change_are_passed_on() -> None:
    """A serial port may come back with another number."""
    fake, seen = FakeHelper({}), []
    held = Claim(
        AtLabgrid("b1"), board="host", wait_s=5, tell=lambda _t: None, on_change=seen.append, start=fake.start
    )
    fake.tell({"event": "resources", "resources": [{"cls": "X"}, "junk"]})
    fake.tell({"event": "of another kind"})
    assert seen == [[{"cls": "X"}]] == [held.resources]


def test_the_wait_is_a_number_of_seconds() -> None:
    """Anything else is refused before anybody waits."""
    assert wait_from({}) == 600
    assert wait_from({"TINYSINE_LABGRID_WAIT": "0"}) == 0
    for text in ("soon", "-1", "nan", "inf", "1e9"):
        with pytest.raises(ConfigError, match=r"TINYSINE_LABGRID_WAIT\) is not a number below 1000000"):
            wait_from({"TINYSINE_LABGRID_WAIT": text})
