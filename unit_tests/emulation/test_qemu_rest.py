"""Rest of a machine in QEMU, decided by a clock that the test holds."""

from __future__ import annotations

from tinysine.emulation.qemu_rest import Rest


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_machine_rests_when_nothing_happens() -> None:
    """At once after its start, and a moment after it was woken."""
    clock = Clock()
    rest = Rest(clock)
    assert rest.is_due()
    rest.wake()
    assert not rest.is_due()
    clock.now += 1
    assert rest.is_due()


def test_a_machine_does_not_rest_while_its_answer_is_due() -> None:
    """A long inference has all of a core; after the answer the machine rests."""
    clock = Clock()
    rest = Rest(clock)
    rest.asked()
    clock.now += 30
    assert not rest.is_due()
    rest.answered()
    assert not rest.is_due()
    clock.now += 1
    assert rest.is_due()


def test_a_machine_that_never_answers_rests() -> None:
    """Firmware that hangs does not occupy a core for ever; each further byte begins anew."""
    clock = Clock()
    rest = Rest(clock)
    rest.asked()
    clock.now += 59
    rest.asked()
    clock.now += 59
    assert not rest.is_due()
    clock.now += 2
    assert rest.is_due()


def test_an_answer_is_owed_until_it_comes() -> None:
    """A machine that may rest, but still computes, gets the short rests: else its answer would come hours later."""
    clock = Clock()
    rest = Rest(clock)
    assert not rest.owes_answer
    rest.asked()
    clock.now += 600
    assert rest.is_due()
    assert rest.owes_answer
    rest.answered()
    assert not rest.owes_answer
