"""Boards of a night: those that are there, the twins of the rest; and a missing one is never forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tinysine import boards
from tinysine.bench.bench_file import BenchEntry, BenchFile
from tinysine.bench.census import FoundBoard, State
from tinysine.bench.night_plan import plan_night
from tinysine.boards import list_boards, load_board
from tinysine.errors import ConfigError

NANO, HOST, EDGE = "nano33ble-sense", "host", "sparkfun-edge"
KNOWN = [load_board(NANO), load_board(HOST), load_board(EDGE)]


def found(
    board: str | None, port: str = "/dev/x", *, known_by: str = "usb", state: State = "not asked"
) -> FoundBoard:
    """A board as the census has it."""
    return FoundBoard(
        board=board,
        known_by=known_by,
        port=port,
        vendor_id=None,
        product_id=None,
        serial_number="",
        description="",
        state=state,
    )


def planned(*census: FoundBoard, **options: object) -> tuple[list[tuple[str, str | None]], list[str]]:
    """The plan as (label, port) and the boards that are missing."""
    plan = plan_night(census, KNOWN, **options)  # type: ignore[arg-type]
    return [(job.label, job.port) for job in plan.jobs], [night.job.board for night in plan.missing]


def test_with_nothing_attached_every_twin_is_tested() -> None:
    """No board is no excuse."""
    assert planned() == ([(NANO, None), (HOST, None), (EDGE, None)], [])


def test_an_attached_board_takes_its_twins_place() -> None:
    """It is tested at its port, and the others as twins; a port that nobody knows is left alone."""
    jobs, missing = planned(found(NANO, "/dev/a"), found(None, "/dev/b"))
    assert jobs == [(NANO, "/dev/a"), (HOST, None), (EDGE, None)]
    assert missing == []


def test_two_boards_of_a_kind_are_told_apart() -> None:
    """Each has a label, and so a folder, of its own."""
    jobs, _ = planned(found(NANO, "/dev/a"), found(NANO, "/dev/b"), twins=False)
    assert jobs == [(NANO, "/dev/a"), (f"{NANO}-2", "/dev/b")]


def test_boards_of_the_bench_have_their_ids_for_labels() -> None:
    """Twins among them are tested though others are left out; one that is missing is told by its id."""
    entries = (BenchEntry(NANO, port="/dev/a", id="left"), BenchEntry(HOST, port="twin", id="stand-in"))
    row = found(NANO, "/dev/a", known_by="bench")
    plan = plan_night(
        [replace(row, place="left"), replace(row, state="missing", place="right")],
        KNOWN,
        bench=BenchFile(entries, "bench.toml"),
        twins=False,
    )
    assert [(job.label, job.place, job.port) for job in plan.jobs] == [
        ("left", "left", "/dev/a"),
        ("stand-in", "stand-in", None),
    ]
    (gone,) = plan.missing
    assert gone.parts[0].reason.startswith(f"right ({NANO}) ought to be attached")


@pytest.fixture
def host_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A board of somebody's own whose name is what a second `host` would be called."""
    catalogue = Path(boards.__file__).parent / "catalogue"
    text = (catalogue / "host.toml").read_text(encoding="utf-8")
    (tmp_path / "host-2.toml").write_text(
        text.replace('name = "host"', 'name = "host-2"', 1), encoding="utf-8"
    )
    monkeypatch.setenv("TINYSINE_BOARDS", str(tmp_path))
    return "host-2"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
def test_no_two_boards_share_a_folder(host_2: str, order: tuple[int, ...]) -> None:
    """Whatever they are called: one of its own name has it, and the second of a kind another."""
    bench = [found(HOST, "/dev/a"), found(HOST, "/dev/b"), found(host_2, "/dev/c")]
    jobs, _ = planned(*(bench[i] for i in order), twins=False, only=[HOST, host_2])
    assert dict(jobs) == {
        "host": "/dev/a",
        "host-3": "/dev/b",
        "host-2": "/dev/c",
    }


def test_two_missing_boards_of_a_kind_are_told_apart() -> None:
    """In the report, too."""
    plan = plan_night([], KNOWN, required=[NANO, NANO])
    assert [night.job.label for night in plan.missing] == [f"{NANO}-missing", f"{NANO}-missing-2"]


def test_a_missing_board_of_the_bench_keeps_its_name() -> None:
    """Whoever compares the JUnit of two nights finds the board that is gone under the id that it had."""
    row = found(NANO, known_by="bench")
    plan = plan_night([replace(row, state="missing", place="left")], KNOWN, twins=False)
    assert [night.job.label for night in plan.missing] == ["left"]


def test_a_required_board_that_is_missing_is_a_bench_failure() -> None:
    """Its twin is tested all the same, and does not stand in for it."""
    plan = plan_night([found(NANO)], KNOWN, required=[NANO, EDGE])
    assert [night.job.board for night in plan.missing] == [EDGE]
    (night,) = plan.missing
    assert (night.verdict, night.kind) == ("error", "missing")
    assert "ought to be attached" in night.parts[0].reason
    assert EDGE in [job.board for job in plan.jobs]


def test_a_board_that_is_required_twice_has_to_be_there_twice() -> None:
    """One Nano is not two."""
    assert planned(found(NANO), required=[NANO, NANO])[1] == [NANO]
    assert planned(found(NANO), found(NANO), required=[NANO, NANO])[1] == []


def test_the_bench_file_says_what_the_bench_is() -> None:
    """Other things that are plugged in are not part of it; what it has and is not there is missing, once."""
    census = [
        found(NANO, "/dev/a", known_by="bench"),
        found(EDGE, "/dev/adapter", known_by="usb"),
        found(HOST, "", known_by="bench", state="missing"),
    ]
    assert planned(*census, required=[HOST]) == ([(NANO, "/dev/a")], [HOST])
    jobs, missing = planned(*census, required=[HOST], twins=True)
    assert jobs == [(NANO, "/dev/a"), (HOST, None), (EDGE, None)]
    assert missing == [HOST]


def test_a_bench_of_twins_is_the_bench_too() -> None:
    """No other twin is tested, and nothing that is plugged in, unless it is named."""
    bench = BenchFile((BenchEntry(HOST, port="twin", id="stand-in"),), "bench.toml")
    census = found(EDGE, "/dev/adapter")
    assert planned(census, bench=bench) == ([("stand-in", None)], [])
    assert planned(census, bench=bench, twins=False) == ([("stand-in", None)], [])
    jobs, _ = planned(census, bench=bench, twins=True)
    assert jobs == [("stand-in", None), (NANO, None), (EDGE, None)]
    assert planned(census, bench=bench, only=[NANO]) == ([(NANO, None)], [])


def test_only_some_boards() -> None:
    """A restriction holds for what is tested, and for the bench's own."""
    census = [found(NANO, "/dev/a", known_by="bench"), found(EDGE, "", known_by="bench", state="missing")]
    assert planned(*census, only=[HOST]) == ([(HOST, None)], [])
    assert planned(*census, only=[HOST, NANO], required=[NANO]) == ([(NANO, "/dev/a"), (HOST, None)], [])
    jobs, missing = planned(only=[HOST, NANO], required=[NANO])
    assert (set(jobs), missing) == ({(HOST, None), (NANO, None)}, [NANO])


def test_a_required_board_is_tested() -> None:
    """A night that leaves it out would pass without a word about it."""
    with pytest.raises(ConfigError, match=f"{NANO} is required, and not among the boards"):
        planned(found(NANO, "/dev/a"), only=[HOST], required=[NANO, HOST])


def test_labels_are_fit_for_folders() -> None:
    """A colon in a board's name is none in its label."""
    labels = [job.label for job in plan_night([], list_boards()).jobs]
    assert all(":" not in label for label in labels)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("option", ["required", "only"])
def test_an_unknown_name_is_refused(option: str) -> None:
    """With the nearest one: a typing error would otherwise be a board that is never tested."""
    with pytest.raises(ConfigError, match=f"did you mean '{NANO}'"):
        plan_night([], KNOWN, **{option: ["nano33ble-sens"]})
