"""Boards of one build agree, or the one that does not is named."""

from __future__ import annotations

from tinysine.verdicts.fleet import Answered, find_outliers, shared_inputs


def told(**answers: int) -> dict[str, Answered]:
    """Return the answers of a board, by the name of the input."""
    return {key: Answered(key, str(value), str(value)) for key, value in answers.items()}


def test_boards_that_agree_have_no_outlier() -> None:
    """Also where each was asked something of its own."""
    fleet = {"left": told(a=1, b=2), "right": told(b=2, a=1, c=3), "third": told(d=4)}
    assert find_outliers(fleet) == ()
    assert shared_inputs(fleet) == 2


def test_one_against_many_is_the_outlier() -> None:
    """With the first input at which it differs, both answers, and how many more there are."""
    same = told(a=1, b=2, c=3)
    (outlier,) = find_outliers({"left": same, "right": told(a=1, b=7, c=8, d=9), "third": same})
    assert str(outlier) == (
        "right answers 7 to input b, and 2 others (left, third) answer 2: 2 of 3 shared inputs differ"
    )


def test_of_two_boards_nobody_knows_which_is_wrong() -> None:
    """Both are named, and neither is called right."""
    (outlier,) = find_outliers({"left": told(a=1), "right": told(a=2)})
    assert str(outlier) == (
        "left answers 1 to input a, and right answers 2: 1 of 1 shared inputs differ; "
        "which of the two is right, their tests say"
    )


def test_every_board_of_a_minority_is_named() -> None:
    """Each once, in the order of the bench."""
    fleet = {"p": told(a=1), "q": told(a=5), "r": told(a=1), "s": told(a=1), "t": told(a=6)}
    assert [outlier.board for outlier in find_outliers(fleet)] == ["q", "t"]


def test_without_a_shared_input_there_is_nothing_to_say() -> None:
    """One board alone agrees with nobody."""
    assert find_outliers({"left": told(a=1), "right": told(b=2)}) == ()
    assert shared_inputs({"left": told(a=1)}) == 0
